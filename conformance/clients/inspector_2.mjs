// The Inspector's command line: TARGET legacy|auto|modern. One process lists, two call.
// TARGET is a URL (`…/sse` for HTTP+SSE) or the path of a program to speak to over its pipes.
import { execFileSync } from "node:child_process";

const [target, era] = process.argv.slice(-2);
const url = target.startsWith("http");
const transport = url ? (target.endsWith("/sse") ? "sse" : "http") : "stdio";
const ask = (...words) => {
  const options = ["--cli", target, "--transport", transport, "--protocol-era", era, "-q", "--format", "json"];
  const out = execFileSync(process.execPath, ["node_modules/.bin/mcp-inspector", ...options, ...words]);
  return JSON.parse(out.toString()).result;
};
const call = (tool, ...words) => ask("--method", "tools/call", "--tool-name", tool, ...words).content[0].text;
console.log(
  JSON.stringify({
    tools: ask("--method", "tools/list").tools.map((tool) => tool.name).sort(),
    answers: [call("test_simple_text"), call("test_x_mcp_header", "--tool-arg", "region=eu")],
  }),
);
