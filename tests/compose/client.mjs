// A client by hand over TLS, from discovery to `fetch`, and the same client again after a restart.
//
// Reads its task as JSON on standard input. `do` is `log-in` (registers, logs in at the browser, calls both tools, keeps
// tokens and session in the file `keep`), `call` (with what was kept) or `refresh` (a new token for what was kept, and calls).
// The root certificate comes by NODE_EXTRA_CA_CERTS; Node leaves names under localhost to the system, which may not know them.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import './localhost.mjs';
import { logIn } from './browser.mjs';

const task = JSON.parse(await new Response(process.stdin).text());
const redirectUri = 'http://127.0.0.1:5599/callback';
const seen = await { 'log-in': logInAndCall, call: callAgain, refresh }[task.do]();
console.log(JSON.stringify(seen));
process.exit(0);

async function logInAndCall() {
  const refused = await fetch(task.url, message('tools/list', {}));
  assert.equal(refused.status, 401);
  const challenge = refused.headers.get('www-authenticate');
  const metadata = await json(challenge.match(/resource_metadata="([^"]+)"/)[1]);
  const scope = challenge.match(/scope="([^"]+)"/)[1];
  assert.equal(metadata.resource, task.url);
  const issuer = metadata.authorization_servers[0];
  assert.equal(issuer, task.issuer);
  const { origin, pathname } = new URL(issuer);
  const server = await json(`${origin}/.well-known/oauth-authorization-server${pathname}`);
  assert.equal(server.issuer, issuer);

  const registered = await fetch(server.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'compose-test', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], scope }),
  });
  assert.equal(registered.status, 201, await registered.clone().text());
  const { client_id } = await registered.json();

  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const authorization = new URL(server.authorization_endpoint);
  authorization.search = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: redirectUri, scope, state,
    resource: task.url, code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' });
  const { address, asked } = await logIn(String(authorization), { ...task, redirectUri, name: 'compose' });
  const returned = new URL(address).searchParams;
  assert.equal(returned.get('state'), state);
  assert.equal(returned.get('iss'), issuer);

  const tokens = await token(server, { grant_type: 'authorization_code', code: returned.get('code'), redirect_uri: redirectUri,
    client_id, code_verifier: verifier, resource: task.url });
  // A session of revision 2025-11-25, sealed with the key that must outlive the process.
  const opened = await fetch(task.url, message('initialize', {
    protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'compose-test', version: '1' } }, tokens.access_token));
  assert.equal(opened.status, 200, await opened.clone().text());
  const kept = { server, client_id, session: opened.headers.get('mcp-session-id'), ...tokens };
  const found = await callBoth(kept, tokens.access_token);
  writeFileSync(task.keep, JSON.stringify(kept), { mode: 0o600 });
  return { ...found, asked, version: (await answer(opened)).result.protocolVersion };
}

async function callAgain() {
  const kept = JSON.parse(readFileSync(task.keep, 'utf8'));
  return callBoth(kept, kept.access_token);
}

async function refresh() {
  const kept = JSON.parse(readFileSync(task.keep, 'utf8'));
  const tokens = await token(kept.server, { grant_type: 'refresh_token', refresh_token: kept.refresh_token, client_id: kept.client_id });
  writeFileSync(task.keep, JSON.stringify({ ...kept, ...tokens }), { mode: 0o600 });
  return callBoth(kept, tokens.access_token);
}

/** `search` and `fetch` in the kept session. */
async function callBoth({ session }, accessToken) {
  const call = async (name, args) => {
    const response = await fetch(task.url, message('tools/call', { name, arguments: args }, accessToken, session));
    assert.equal(response.status, 200, await response.clone().text());
    const { result } = await answer(response);
    assert.ok(!result.isError, JSON.stringify(result));
    return result.structuredContent;
  };
  const { results } = await call('search', { query: 'lemon poppy seed' });
  assert.ok(results.length > 0);
  const { id, title } = await call('fetch', { id: results[0].id });
  assert.equal(id, results[0].id);
  return { results: results.length, title };
}

function message(method, params, accessToken, session) {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream',
      ...(accessToken && { authorization: `Bearer ${accessToken}` }),
      ...(session && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }) },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  };
}

/** The JSON-RPC message of a response, sent as JSON or as one event. */
async function answer(response) {
  const text = await response.text();
  return JSON.parse(text.startsWith('{') ? text : text.match(/^data: ?(.+)$/m)[1]);
}

async function token(server, form) {
  const response = await fetch(server.token_endpoint, { method: 'POST', body: new URLSearchParams(form) });
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return { access_token: body.access_token, refresh_token: body.refresh_token };
}

async function json(url) {
  const response = await fetch(url);
  assert.equal(response.status, 200, `${url}: ${response.status}`);
  return response.json();
}
