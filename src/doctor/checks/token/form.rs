//! The form of a token, and whose it is.

use super::{REFUSED, REVERTED};
use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// A token is sent, in the Authorization header and nowhere else.
pub const TOKEN_SENT: Check = Check {
    id: "token-sent",
    title: "A token is sent, in the Authorization header and nowhere else",
    failing: "No token is sent, or not in the Authorization header",
    place: Place::Client,
    symptoms: &[
        Symptom::of(KnownClient::ClaudeCode, "needs authentication"),
        Symptom::of(
            KnownClient::VsCode,
            "Connection state: Error 401 status sending message to",
        ),
        Symptom::anywhere("no_token"),
        Symptom::anywhere("malformed_authorization"),
        Symptom::anywhere("token_elsewhere"),
        Symptom::anywhere("Unsupported authorization header"),
    ],
    cause: "The client was told where to log in and came back without a token, or with something else in the \
         Authorization header: another scheme, an API key typed into a field for headers, a token in the address. \
         A proxy that has a login of its own can take the header away, or add a second one.",
    fix: "choose OAuth in the client, with no API key and no header of your own; in the proxy, pass Authorization \
         on as it comes",
    page: "reference/access-log.md#without-a-usable-token",
    follows: &[],
    ..Check::BLANK
};

/// The token is a signed JWT that is well formed.
pub const TOKEN_IS_JWT: Check = Check {
    id: "token-is-jwt",
    title: "The token is a signed JWT that is well formed",
    failing: "The token is no well-formed signed JWT",
    place: Place::Provider,
    symptoms: &[
        REVERTED,
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::anywhere("not_a_jws"),
        Symptom::anywhere("encrypted"),
        Symptom::anywhere("The access token is invalid"),
    ],
    cause: "Only a signed JWT can be checked without asking anybody. Providers issue opaque tokens (one part) or \
         encrypted ones (five parts) where they were not told for which API a token is.",
    fix: "make the provider issue signed JWT access tokens for this server; or let it be asked about opaque ones \
         with `introspection.enabled = true`",
    hint: Some(ProfileName::opaque_hint),
    page: "identity-providers.md",
    follows: &[],
    ..Check::BLANK
};

/// It is an access token.
pub const TOKEN_TYPE: Check = Check {
    id: "token-type",
    title: "It is an access token",
    failing: "It is no access token",
    place: Place::Client,
    symptoms: &[
        REVERTED,
        Symptom::anywhere("wrong_type"),
        Symptom::anywhere("id_token"),
        Symptom::anywhere("The access token is invalid"),
    ],
    cause: "An ID token says to a client who logged in; it is for the client alone. A refresh token is for the \
         provider alone. Only an access token is for a server. Providers mark them by `typ`, each in its own way.",
    fix: "make the client send the access token; if that is what it sends, choose the provider's `profile`, or \
         name its typ in `token_types`",
    fixes: &[
        (
            ProfileName::Keycloak,
            "an access token has `typ` = `Bearer` among its claims: look whether the client sends id_token or \
             refresh_token instead",
        ),
        (
            ProfileName::EntraV1,
            "set `profile = \"entra-v1\"`, or `requestedAccessTokenVersion: 2` in the API's manifest",
        ),
        (
            ProfileName::EntraV2,
            "set `requestedAccessTokenVersion: 2` in the manifest of the API's app registration: tokens of \
             version 1.0 look different",
        ),
        (
            ProfileName::Okta,
            "tokens of the org authorization server are for Okta alone: use a custom authorization server \
             (https://{org}.okta.com/oauth2/{id})",
        ),
        (
            ProfileName::Auth0,
            "in the API's settings choose the RFC 9068 token dialect, or set `token_types = [\"JWT\", \
             \"at+jwt\"]`",
        ),
    ],
    page: REFUSED,
    follows: &["token-is-jwt"],
    ..Check::BLANK
};

/// It is signed with an algorithm that is accepted.
pub const TOKEN_ALGORITHM: Check = Check {
    id: "token-algorithm",
    title: "It is signed with an algorithm that is accepted",
    failing: "It is signed with an algorithm that is not accepted",
    place: Place::Provider,
    symptoms: &[REVERTED, Symptom::anywhere("algorithm_not_allowed")],
    cause: "Only algorithms with a private and a public key are accepted, and of these RS256 unless `algorithms` \
         lists others. What is signed with a shared secret (HS256), or not at all (none), can be written by \
         anybody who can check it.",
    fix: "let the provider sign with RS256, or list its algorithm in `algorithms` of that issuer",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Realm settings > Tokens > Default Signature Algorithm, and the client's own under Advanced > Fine \
             grain OpenID Connect configuration",
        ),
        (
            ProfileName::Auth0,
            "in the API's settings set the signing algorithm to RS256",
        ),
        (
            ProfileName::Supabase,
            "switch the project to asymmetric signing keys, and list ES256 in `algorithms` where it signs with \
             that",
        ),
        (
            ProfileName::Authentik,
            "give the provider a signing key: without one it signs with the client's secret (HS256)",
        ),
    ],
    page: REFUSED,
    follows: &["token-is-jwt"],
    ..Check::BLANK
};

/// It comes from an issuer that is configured, by its exact name.
pub const TOKEN_ISSUER: Check = Check {
    id: "token-issuer",
    title: "It comes from an issuer that is configured, by its exact name",
    failing: "It comes from an issuer that is not configured",
    place: Place::Gateway,
    symptoms: &[
        REVERTED,
        Symptom::anywhere("wrong_issuer"),
        Symptom::anywhere("The access token is invalid"),
    ],
    cause: "The `iss` of the token is compared byte for byte with the issuers that are configured. A slash at the \
         end, http for https, or the name that the provider has inside of a container network makes another \
         issuer.",
    fix: "write `issuer` as the provider's metadata has it; where its tokens say another name than its metadata, \
         `token_issuer`",
    fixes: &[
        (
            ProfileName::Keycloak,
            "start Keycloak with the public name (--hostname=https://…, KC_HOSTNAME), so that it calls itself the \
             same inside and outside of the container network; the issuer is https://host/realms/REALM without a \
             slash at the end",
        ),
        (
            ProfileName::Auth0,
            "the issuer ends in a slash: https://TENANT.auth0.com/",
        ),
        (
            ProfileName::EntraV1,
            "the issuer of version 1.0 is https://sts.windows.net/TENANT/ with a slash; of version 2.0 \
             https://login.microsoftonline.com/TENANT/v2.0 without",
        ),
        (
            ProfileName::EntraV2,
            "tokens of version 2.0 come from https://login.microsoftonline.com/TENANT/v2.0: set \
             `requestedAccessTokenVersion: 2` in the API's manifest",
        ),
        (
            ProfileName::Adfs,
            "AD FS signs as http://HOST/adfs/services/trust: write that as `token_issuer`",
        ),
        (
            ProfileName::Okta,
            "the issuer is that of the custom authorization server, https://{org}.okta.com/oauth2/{id}, not the \
             org's",
        ),
        (
            ProfileName::Authentik,
            "the issuer is that of the application, https://HOST/application/o/SLUG/ with the slash at the end",
        ),
    ],
    page: REFUSED,
    follows: &["token-is-jwt"],
    ..Check::BLANK
};
