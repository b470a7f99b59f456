// npm's oidc-provider, whose settings can be changed while it runs.
//
// Arguments: the issuer identifier, which is the address of a proxy that keeps the Host header. Writes one line once it
// listens: the address where it really is. `POST /lab` with a JSON object makes another provider of it: the members name
// what is different from a healthy one, and `{}` is healthy again. Clients and logins are forgotten with each change.
// Ends with its standard input.

import { createServer } from 'node:http';
import Provider, { errors } from 'oidc-provider';

// Its advice goes to the log; standard output is for the one line.
console.info = console.warn;

const issuer = process.argv[2];

const ALGORITHMS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
};
const keys = {};
for (const [alg, parameters] of Object.entries(ALGORITHMS)) {
  const { privateKey } = await crypto.subtle.generateKey(parameters, true, ['sign', 'verify']);
  const { key_ops, ext, ...jwk } = await crypto.subtle.exportKey('jwk', privateKey);
  keys[alg] = { ...jwk, alg, use: 'sig', kid: `${alg}-1` };
}

/** A provider that is healthy but for what the members say. */
function provider({
  alg = 'RS256', format = 'jwt', registration = true, token, scopes = ['openid', 'offline_access', 'mcp:read', 'mcp:write'],
  granted = 'mcp:read mcp:write', resource = 'taken', audience, refresh = true, iss = true,
  redirect_uris = [],
}) {
  const made = new Provider(issuer, {
    jwks: { keys: [keys[alg]] },
    clientDefaults: { id_token_signed_response_alg: alg },
    enabledJWA: { idTokenSigningAlgValues: [alg] },
    clients: [
      { client_id: 'service', client_secret: 'service-secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
      { client_id: 'predefined', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/elsewhere', ...redirect_uris],
        application_type: 'native', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
    ],
    cookies: { keys: ['laboratory'] },
    scopes,
    issueRefreshToken: () => refresh,
    ...(iss ? {} : { discovery: { authorization_response_iss_parameter_supported: undefined } }),
    features: {
      clientCredentials: { enabled: true },
      registration: {
        enabled: registration,
        initialAccessToken: token ?? false,
      },
      resourceIndicators: {
        enabled: resource !== 'off',
        getResourceServerInfo: (context, asked) => {
          if (resource === 'refused') throw new errors.InvalidTarget();
          return { audience: audience ?? asked, scope: granted, accessTokenFormat: format, jwt: { sign: { alg } } };
        },
        useGrantedResource: () => true,
      },
      registrationManagement: { enabled: registration },
      revocation: { enabled: true },
    },
  });
  return made.callback();
}

let answer = provider({});
const server = createServer((request, response) => {
  if (request.url !== '/lab') return answer(request, response);
  let body = '';
  request.on('data', (chunk) => (body += chunk)).on('end', () => {
    try {
      answer = provider(JSON.parse(body));
      response.end();
    } catch (error) {
      response.statusCode = 400;
      response.end(String(error));
    }
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
console.log(`http://127.0.0.1:${server.address().port}`);
process.stdin.on('close', () => process.exit(0)).resume();
