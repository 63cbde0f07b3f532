// The TypeScript SDK v1: URL - (it has no modes).
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const url = process.argv.at(-2);
const client = new Client({ name: "narthex-judges", version: "1" });
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
