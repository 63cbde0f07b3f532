// The TypeScript SDK v2: URL auto|legacy. Without a mode it speaks legacy.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, mode] = process.argv.slice(-2);
const options = mode === "auto" ? { versionNegotiation: { mode } } : {};
const client = new Client({ name: "narthex-judges", version: "1" }, options);
const transport = new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
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
