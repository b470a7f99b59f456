//! The keys of the authorization server, its clock, and what browsers may read.

use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// Its key set is there.
pub const KEYS_REACHABLE: Check = Check {
    id: "keys-reachable",
    title: "Its key set is there",
    failing: "The key set is not there",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("503 keys_unavailable"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "Tokens are verified with the keys at jwks_uri. Nothing usable answers there, so that \
        no token can be checked and everybody gets 503.",
    fix: "See that the address in jwks_uri of the metadata opens from the machine that Usher \
        runs on; where that name is known outside only, set `jwks_url` for the issuer",
    fixes: &[
        (
            ProfileName::Keycloak,
            "jwks_uri follows `hostname`. In a container network set \
                `hostname-backchannel-dynamic=true`, or `jwks_url` in Usher to the inner address \
                of /realms/REALM/protocol/openid-connect/certs",
        ),
        (
            ProfileName::Pingfederate,
            "The certificate of the access token manager may be published at a place of its own: \
                set `jwks_url` to it",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// Its key set arrives in time.
pub const KEYS_IN_TIME: Check = Check {
    id: "keys-in-time",
    title: "Its key set arrives in time",
    failing: "The key set comes too late",
    place: Place::Provider,
    symptoms: &[Symptom::anywhere("503 keys_unavailable")],
    cause: "Usher gives up on a key set after three seconds. Claude gives discovery and tokens \
        ten seconds all in all. A provider that sleeps, or is far away, fails the first login.",
    fix: "Keep the provider awake, put its documents behind a cache, or raise \
        `outbound.total_timeout_ms`",
    page: "configuration.md",
    follows: &["keys-reachable"],
    ..Check::BLANK
};

/// Its key set has a key that can be used.
pub const KEYS_USABLE: Check = Check {
    id: "keys-usable",
    title: "Its key set has a key that can be used",
    failing: "The key set has no key that can be used",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("503 keys_unavailable"),
        Symptom::anywhere("401 unknown_key"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
    ],
    cause: "There is no key with which a signature could be checked: the set is empty, holds \
        keys for encryption only, RSA keys of less than 2048 bits, symmetric keys, or keys \
        without `kid`.",
    fix: "Give the provider a signing key, RSA of 2048 bits or more or P-256, published with its \
        kid",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Realm settings > Keys > Add provider: rsa-generated, active and enabled, 2048 bits \
                or more, with use SIG",
        ),
        (
            ProfileName::Authentik,
            "The provider > Signing Key: choose a certificate; without one it signs with HS256 \
                and publishes no key",
        ),
        (
            ProfileName::Supabase,
            "JWT signing keys: migrate from the legacy secret to an asymmetric key",
        ),
        (
            ProfileName::Pingfederate,
            "System > OAuth > Keys: static signing keys, or the token manager's certificate with \
                its key id published",
        ),
        (
            ProfileName::Authelia,
            "identity_providers.oidc.jwks: a key with algorithm RS256 and use sig",
        ),
        (
            ProfileName::Adfs,
            "Certificates > Token-signing: an RSA certificate of 2048 bits or more",
        ),
    ],
    page: "identity-providers.md",
    follows: &["keys-reachable"],
    ..Check::BLANK
};

/// It signs with an algorithm that is accepted.
pub const ALGORITHM_ALLOWED: Check = Check {
    id: "algorithm-allowed",
    title: "It signs with an algorithm that is accepted",
    failing: "It signs with no algorithm that is accepted",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("401 algorithm_not_allowed"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
    ],
    cause: "Usher accepts RS256 unless `algorithms` says more, and never a symmetric algorithm \
        or none. This provider signs with another.",
    fix: "Let the provider sign access tokens with RS256, or list its algorithm in `algorithms` \
        of the issuer",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Realm settings > Tokens > Default Signature Algorithm RS256; and Clients > the \
                client > Advanced > Access token signature algorithm",
        ),
        (
            ProfileName::Authentik,
            "The provider > Signing Key: choose an RSA certificate; without one it signs with \
                HS256",
        ),
        (
            ProfileName::Auth0,
            "APIs > the API > Signing Algorithm: RS256",
        ),
        (
            ProfileName::Supabase,
            "JWT signing keys: switch to ES256 or RS256, and set `algorithms = [\"ES256\"]` for \
                the former",
        ),
        (
            ProfileName::Authelia,
            "access_token_signed_response_alg: RS256 for the client",
        ),
        (
            ProfileName::Clerk,
            "Generate access tokens as JWTs: they are signed with RS256",
        ),
        (
            ProfileName::Pingfederate,
            "The token manager's JWS Algorithm: RSA using SHA-256",
        ),
    ],
    page: "identity-providers.md",
    follows: &["keys-usable"],
    ..Check::BLANK
};

/// Its clock agrees.
pub const ISSUER_CLOCK: Check = Check {
    id: "issuer-clock",
    title: "Its clock agrees",
    failing: "The clock of the authorization server differs",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("401 not_yet_valid"),
        Symptom::anywhere("401 expired"),
        Symptom::anywhere("Token used too early"),
    ],
    cause: "Tokens carry the time of the provider. If its clock and the server's are more than \
        half a minute apart, fresh tokens are not valid yet, or are over before they are used.",
    fix: "Let both machines follow a time server (chrony, systemd-timesyncd); compare with `date \
        -u` on each. `leeway_seconds` forgives little on purpose",
    page: "reference/access-log.md",
    follows: &["issuer-reachable"],
    ..Check::BLANK
};

/// A browser may read its metadata.
pub const ISSUER_CORS: Check = Check {
    id: "issuer-cors",
    title: "A browser may read its metadata",
    failing: "A browser may not read the metadata of the authorization server",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::Inspector, "Failed to fetch"),
        Symptom::of(
            KnownClient::Inspector,
            "blocked by CORS policy: No \
            'Access-Control-Allow-Origin' header is present on the requested resource",
        ),
    ],
    cause: "The MCP Inspector reads the metadata, registers and buys its token from a page in a \
        browser, which the browser forbids unless the provider's answers allow the page's \
        origin.",
    fix: "Let the provider, or a proxy in front of it, answer /.well-known/, the registration \
        and the token endpoint with Access-Control-Allow-Origin for http://localhost:6274; or \
        use the Inspector's command line",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Clients > the client > Web origins: http://localhost:6274; for registrations: \
                Client registration > Anonymous access policies > Allowed Registration Web \
                Origins",
        ),
        (
            ProfileName::Okta,
            "Security > API > Trusted Origins: add http://localhost:6274 with CORS",
        ),
        (
            ProfileName::Auth0,
            "Applications > the client > Allowed Web Origins: http://localhost:6274",
        ),
        (
            ProfileName::EntraV2,
            "App registrations > the client > Authentication: a single-page application platform \
                with the redirect address; only then the token endpoint allows browsers",
        ),
        (
            ProfileName::Zitadel,
            "The application > Redirect Settings > Additional Origins: http://localhost:6274",
        ),
        (
            ProfileName::Authelia,
            "identity_providers.oidc.cors: endpoints and allowed_origins",
        ),
    ],
    page: "clients/inspector.md#let-its-page-in",
    follows: &["issuer-metadata-found"],
    ..Check::BLANK
};
