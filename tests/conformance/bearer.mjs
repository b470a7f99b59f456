// Loaded into the conformance suite with `node --import`. The suite has no option for a header, so every request that it
// sends to the server under test gets the access token here. Its traffic leaves by three ways: fetch, undici's request and
// node:http. Host and Origin reach the server as the suite wrote them, which a proxy in between would spoil.
import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';

const { origin, host } = new URL(process.env.CONFORMANCE_URL);
const authorization = `Bearer ${process.env.CONFORMANCE_ACCESS_TOKEN}`;

const { fetch } = globalThis;
globalThis.fetch = (input, init = {}) => {
  const isRequest = input instanceof Request;
  if (new URL(isRequest ? input.url : input).origin !== origin) return fetch(input, init);
  const headers = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
  if (!headers.has('authorization')) headers.set('authorization', authorization);
  return fetch(input, { ...init, headers });
};

// The suite imports undici by name; what it gets is what stands here before it is imported.
const undici = createRequire(process.env.CONFORMANCE_SUITE)('undici');
const { request } = undici;
undici.request = (url, options = {}, ...rest) => {
  if (new URL(url).origin !== origin) return request(url, options, ...rest);
  return request(url, { ...options, headers: { authorization, ...options.headers } }, ...rest);
};

// A connection goes where `hostname` and `port` say; the Host header may say something else.
const node = http.request;
http.request = (...given) => {
  const at = given.findIndex((value) => typeof value === 'object' && !(value instanceof URL));
  const options = at < 0 ? {} : given[at];
  const target = at === 0 ? `${options.hostname ?? options.host}:${options.port}` : new URL(given[0]).host;
  if (target !== host) return node(...given);
  const withToken = { ...options, headers: { authorization, ...options.headers } };
  return node(...(at < 0 ? [given[0], withToken, ...given.slice(1)] : given.with(at, withToken)));
};
syncBuiltinESMExports();
