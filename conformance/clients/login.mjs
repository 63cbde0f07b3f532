// The TypeScript SDKs logging in: VERSION URL DOCUMENT|- [note]. Prints each address that has to be opened in a browser
// as {"open": URL}, listens for the answer on the loopback, and prints what it saw in the end. DOCUMENT is the URL by
// which the client is known; `-`: it registers itself. `note`: it calls a tool that needs more than the others.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const SDKS = { 1: ["sdk/client/index.js", "sdk/client/streamableHttp.js", "sdk/client/auth.js"], 2: ["client"] };
const BACK = '<!doctype html><html lang="en"><title>Back</title><link rel="icon" href="data:,"><p id="back">Close me.</p>';

const [version, url, documentUrl, ...wishes] = process.argv.slice(1);
const parts = await Promise.all(SDKS[version].map((path) => import(`@modelcontextprotocol/${path}`)));
const sdk = Object.assign({}, ...parts);
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const answers = [];
let waiting = () => {};
const callback = createServer((request, response) => {
  response.writeHead(200, { "Content-Type": "text/html", Connection: "close" }).end(BACK);
  const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
  if (pathname !== "/callback") return;
  answers.push(searchParams);
  waiting();
});
await new Promise((listening) => callback.listen(0, "127.0.0.1", listening));
const redirectUrl = `http://127.0.0.1:${callback.address().port}/callback`;

// What the client keeps.
const kept = {};
const provider = {
  redirectUrl,
  clientMetadataUrl: documentUrl === "-" ? undefined : documentUrl,
  clientMetadata: {
    client_name: "SDK",
    redirect_uris: [redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "none",
  },
  state: () => (kept.state = randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  redirectToAuthorization: (where) => tell({ open: where.href }),
};

async function comeBack(transport) {
  if (!answers.length) await new Promise((arrived) => (waiting = arrived));
  const said = answers.shift();
  if (said.get("state") !== kept.state) throw new Error("the answer belongs to another question");
  kept.refused = said.get("error");
  if (version === "2") return transport.finishAuth(said); // it reads `iss` and `error` by itself
  if (kept.refused) throw new Error(`no code: ${kept.refused}`);
  return transport.finishAuth(said.get("code"));
}

// Until nobody has to log in for it any more.
async function permitted(work) {
  const [transport, result] = await work();
  if (!(result instanceof sdk.UnauthorizedError)) return [transport, result];
  await comeBack(transport);
  return permitted(work);
}

const caught = (promise) =>
  promise.catch((error) => {
    if (error instanceof sdk.UnauthorizedError) return error;
    throw error;
  });

async function use() {
  const options = version === "2" ? { versionNegotiation: { mode: "auto" } } : {};
  let client;
  const [transport] = await permitted(async () => {
    const transport = new sdk.StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
    client = new sdk.Client({ name: "narthex-judges", version: "1" }, options);
    return [transport, await caught(client.connect(transport))];
  });
  const call = async (name, args) => {
    const [, result] = await permitted(async () => [transport, await caught(client.callTool({ name, arguments: args }))]);
    return result.content[0].text;
  };
  const { tools } = await client.listTools();
  const first = kept.tokens;
  const texts = [await call("search_contacts", { query: "museum" })];
  if (wishes.includes("note")) texts.push(await call("create_note", { contact_id: "c-1001", text: "They called." }));
  await client.close();
  return {
    tools: tools.map((tool) => tool.name),
    answers: texts,
    client: kept.client.client_id,
    token: kept.tokens.access_token,
    scope: kept.tokens.scope,
    first_scope: first.scope,
  };
}

tell(
  await use().catch((error) => {
    if (!kept.refused) throw error;
    return { refused: kept.refused, said: error.message };
  }),
);
callback.close();
callback.closeAllConnections();
