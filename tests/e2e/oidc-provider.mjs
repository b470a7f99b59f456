// Issuers that are not Keycloak: npm's oidc-provider, one for each signature algorithm and one whose tokens are opaque.
//
// Writes one JSON line once all of them listen, on ports of their own: the issuers by name, and the address of a client ID
// metadata document. Ends with its standard input. Everything lives in memory; the keys are new at every start.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

// Its advice goes to the log; standard output is for the one line.
console.info = console.warn;

const ALGORITHMS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
  // The same by its newer name (RFC 9864).
  Ed25519: { name: 'Ed25519' },
};

/** A client of the operator's own, with a secret. */
const confidential = (id, grants) => ({
  client_id: id, client_secret: `${id}-secret`, grant_types: grants, redirect_uris: [], response_types: [],
});

async function key(alg) {
  const { privateKey } = await crypto.subtle.generateKey(ALGORITHMS[alg], true, ['sign', 'verify']);
  const { key_ops, ext, ...jwk } = await crypto.subtle.exportKey('jwk', privateKey);
  return { ...jwk, alg, use: 'sig', kid: `${alg}-1` };
}

async function listen(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

// A client ID is an https address (draft-ietf-oauth-client-id-metadata-document §3). Its document is served on loopback, and
// the provider's own `fetch` setting leads there: the provider still reads and judges it over HTTP.
const clientId = 'https://client.example/mcp-client.json';
const documents = await listen((request, response) => {
  response.setHeader('content-type', 'application/json');
  if (request.url !== new URL(clientId).pathname) response.statusCode = 404;
  response.end(JSON.stringify({
    client_id: clientId, client_name: 'A client by metadata document', redirect_uris: ['http://127.0.0.1:5599/callback'],
    application_type: 'native', token_endpoint_auth_method: 'none', grant_types: ['authorization_code'],
    response_types: ['code'],
  }));
});

async function issuer(alg, accessTokenFormat) {
  const { server, origin } = await listen();
  const provider = new Provider(origin, {
    jwks: { keys: [await key(alg)] },
    clientDefaults: { id_token_signed_response_alg: alg },
    enabledJWA: { idTokenSigningAlgValues: [alg] },
    clients: [confidential('service', ['client_credentials']), confidential('usher', [])],
    cookies: { keys: [crypto.randomUUID()] },
    // Without it a client may ask for nothing but OpenID Connect's own scopes when it registers.
    scopes: ['openid', 'offline_access', 'mcp:read', 'mcp:write'],
    features: {
      clientCredentials: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
      introspection: { enabled: true, allowedPolicy: (context, client) => client.clientId === 'usher' },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, audience) => ({
          audience, scope: 'mcp:read mcp:write', accessTokenFormat, jwt: { sign: { alg } },
        }),
        useGrantedResource: () => true,
      },
      revocation: { enabled: true },
    },
    fetch: (url, { dispatcher, ...options }) => {
      const { origin: asked, pathname } = new URL(url);
      if (asked !== new URL(clientId).origin) throw new Error(`nothing but ${clientId} is fetched, not ${url}`);
      return fetch(documents.origin + pathname, options);
    },
  });
  server.on('request', provider.callback());
  return origin;
}

const issuers = {};
for (const alg of Object.keys(ALGORITHMS)) issuers[alg] = await issuer(alg, 'jwt');
issuers.opaque = await issuer('RS256', 'opaque');
console.log(JSON.stringify({ issuers, client_id: clientId }));
process.stdin.on('close', () => process.exit(0)).resume();
