// The TypeScript SDKs: TARGET 1 - | TARGET 2 auto|legacy. The v1 has no modes; the v2 speaks legacy without one.
// TARGET is a URL (`…/sse` for HTTP+SSE) or the path of a program to speak to over its pipes.
const SDKS = {
  1: ["sdk/client/index.js", "sdk/client/streamableHttp.js", "sdk/client/sse.js", "sdk/client/stdio.js"],
  2: ["client", "client/stdio"],
};

const [target, version, mode] = process.argv.slice(-3);
const parts = await Promise.all(SDKS[version].map((path) => import(`@modelcontextprotocol/${path}`)));
const sdk = Object.assign({}, ...parts);

const transport = () => {
  if (!target.startsWith("http")) return new sdk.StdioClientTransport({ command: target });
  const Transport = target.endsWith("/sse") ? sdk.SSEClientTransport : sdk.StreamableHTTPClientTransport;
  return new Transport(new URL(target));
};

const options = mode === "auto" ? { versionNegotiation: { mode } } : {};
const client = new sdk.Client({ name: "narthex-judges", version: "1" }, options);
await client.connect(transport());
const { tools } = await client.listTools();
const simple = await client.callTool({ name: "test_simple_text", arguments: {} });
const header = await client.callTool({ name: "test_x_mcp_header", arguments: { region: "eu" } });
console.log(
  JSON.stringify({
    tools: tools.map((tool) => tool.name).sort(),
    answers: [simple.content[0].text, header.content[0].text],
  }),
);
await client.close();
