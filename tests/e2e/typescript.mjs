// The official TypeScript client against Usher, with a login in a real browser where one is asked for.
//
// Reads its task as JSON on standard input and writes what it saw as one JSON line.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { logIn } from './browser.mjs';

const task = JSON.parse(await new Response(process.stdin).text());
const redirectUri = 'http://127.0.0.1:5599/callback';
const seen = { logins: 0, refreshes: 0, consent: [], scopes: [], authorizations: [] };

class Person {
  #client = task.client_id ? { client_id: task.client_id } : undefined;
  #tokens;
  #verifier;
  #state;
  authorization;
  get redirectUrl() { return redirectUri; }
  get clientMetadataUrl() { return task.client_metadata_url; }
  get clientMetadata() {
    return { client_name: task.name, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };
  }
  state() { return (this.#state = crypto.randomUUID()); }
  clientInformation() { return this.#client; }
  saveClientInformation(client) { this.#client = client; seen.registered = client.client_id; seen.registered_scope = client.scope; }
  tokens() { return this.#tokens; }
  saveTokens(tokens) {
    if (this.#tokens && !this.authorization) seen.refreshes += 1;
    this.#tokens = tokens;
    seen.scopes.push(tokens.scope);
  }
  redirectToAuthorization(url) { this.authorization = url; seen.authorizations.push(Object.fromEntries(url.searchParams)); }
  saveCodeVerifier(verifier) { this.#verifier = verifier; }
  codeVerifier() { return this.#verifier; }
  returned(parameters) { if (parameters.get('state') !== this.#state) throw new Error('another state came back'); }
}

const person = new Person();
const options = task.modern ? { versionNegotiation: { mode: 'auto' } } : {};
let client = new Client({ name: task.name, version: '1.0.0' }, options);

const open = () => new StreamableHTTPClientTransport(new URL(task.url), { authProvider: person });

/** Does `work`; where the client wants a login, a person logs in, and `work` is done again. */
async function withLogin(transport, work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnauthorizedError) && !person.authorization) throw error;
    seen.logins += 1;
    const { address, asked } = await logIn(String(person.authorization), {
      user: task.user, password: task.password, redirectUri, screenshots: task.screenshots,
      name: `${task.name}-${seen.logins}` });
    seen.consent.push(asked);
    const parameters = new URL(address).searchParams;
    person.returned(parameters);
    if (parameters.get('error')) {
      seen.refused = parameters.get('error');
      throw new Error(`the issuer answers ${parameters}`);
    }
    await transport.finishAuth(parameters);
    person.authorization = undefined;
    return undefined;
  }
}

let transport = open();
await withLogin(transport, () => client.connect(transport));
if (seen.logins > 0) {
  client = new Client({ name: task.name, version: '1.0.0' }, options);
  transport = open();
  await client.connect(transport);
}
seen.version = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
seen.tools = (await client.listTools()).tools.map((tool) => tool.name);
const found = await client.callTool({ name: 'search', arguments: { query: 'lemon' } });
seen.search = found.structuredContent;
const id = found.structuredContent.results[0].id;
const fetchIt = async () => (await client.callTool({ name: 'fetch', arguments: { id } })).structuredContent;
if (task.step_up) {
  try {
    seen.fetch = (await withLogin(transport, fetchIt)) ?? (await fetchIt());
  } catch (error) {
    if (!seen.refused) throw error;
  }
} else {
  seen.fetch = await fetchIt();
}
if (task.wait_seconds) {
  await new Promise((resolve) => setTimeout(resolve, task.wait_seconds * 1000));
  seen.after_expiry = (await fetchIt()).id;
}
if (task.keep_token) seen.access_token = person.tokens().access_token;
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
