//! What a token claims.

use super::{READ_AND_OURS, REFUSED, REVERTED};
use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// It is for this server.
pub const TOKEN_AUDIENCE: Check = Check {
    id: "token-audience",
    title: "It is for this server",
    failing: "It is not for this server",
    place: Place::Provider,
    symptoms: &[
        REVERTED,
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(KnownClient::ChatGpt, "authorization failed"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed. You can check your credentials and permissions.",
        ),
        Symptom::anywhere("wrong_audience"),
        Symptom::anywhere("The access token is not meant for this resource"),
        Symptom::anywhere("AADSTS9010010"),
    ],
    cause: "The `aud` of a token names the servers it is for, and this one is not among them. A token for somebody \
         else must not open this door: whoever runs that other server could use it here. Clients send the address \
         of this server as `resource`; many providers ignore that.",
    fix: "make the provider write the address of this server into `aud`, usually by registering it there as an API \
         or resource; or add what it writes to `audiences`, if no other server's tokens have that",
    hint: Some(ProfileName::audience_hint),
    page: REFUSED,
    // Some providers write the audience that belongs to a scope.
    follows: &["token-is-jwt", "token-issuer", "token-scope"],
    ..Check::BLANK
};

/// It has not expired.
pub const TOKEN_EXPIRY: Check = Check {
    id: "token-expiry",
    title: "It has not expired",
    failing: "It has expired",
    place: Place::Client,
    symptoms: &[
        Symptom::anywhere("expired"),
        Symptom::anywhere("The access token expired"),
        Symptom::anywhere("works for an hour and then asks to log in again"),
    ],
    cause: "Access tokens live for minutes. A client renews them with a refresh token, if it was given one: \
         otherwise the connection ends when the first token does. If new tokens are expired as well, the clocks \
         differ.",
    fix: "let the client have a refresh token: allow `offline_access` or the refresh grant for it at the provider; \
         compare the clocks if a new token is refused",
    fixes: &[
        (
            ProfileName::Keycloak,
            "the client scope offline_access must be among the client's optional scopes; a client that registered \
             with `scope` has no other scopes than those",
        ),
        (
            ProfileName::Auth0,
            "switch on Allow Offline Access in the API's settings, and the refresh token grant in the \
             application's",
        ),
        (
            ProfileName::Okta,
            "allow the Refresh Token grant in the app integration and offline_access in the access policy",
        ),
        (
            ProfileName::EntraV2,
            "clients have to ask for offline_access",
        ),
    ],
    page: REFUSED,
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// It is valid already.
pub const TOKEN_CLOCK: Check = Check {
    id: "token-clock",
    title: "It is valid already",
    failing: "It is not valid yet",
    place: Place::Gateway,
    symptoms: &[
        REVERTED,
        Symptom::anywhere("not_yet_valid"),
        Symptom::anywhere("issued_in_future"),
    ],
    cause: "By the clock of this machine the token begins in the future. The clock of this machine is behind, or the \
         provider's is ahead.",
    fix: "set the clock of this machine, or the issuer's: run NTP on both",
    page: REFUSED,
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// It does not live longer than is accepted.
pub const TOKEN_LIFETIME: Check = Check {
    id: "token-lifetime",
    title: "It does not live longer than is accepted",
    failing: "It lives longer than is accepted",
    place: Place::Provider,
    symptoms: &[REVERTED, Symptom::anywhere("lifetime_too_long")],
    cause: "A token cannot be called back: what it opens stays open until it expires. So tokens that live longer \
         than `max_token_lifetime_seconds` (a day, unless set) are refused.",
    fix: "shorten the life of access tokens at the issuer, or raise `max_token_lifetime_seconds`",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Realm settings > Tokens > Access Token Lifespan, and the client's own under Advanced > Advanced \
             settings",
        ),
        (
            ProfileName::Auth0,
            "Maximum Access Token Lifetime in the API's settings",
        ),
        (
            ProfileName::Okta,
            "Access token lifetime in the rule of the authorization server's access policy",
        ),
    ],
    page: REFUSED,
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// It has the claims that are needed.
pub const TOKEN_CLAIMS: Check = Check {
    id: "token-claims",
    title: "It has the claims that are needed",
    failing: "It lacks a claim that is needed",
    place: Place::Provider,
    symptoms: &[
        REVERTED,
        Symptom::anywhere("missing_claim"),
        Symptom::anywhere("bad_claim"),
        Symptom::anywhere("The access token is invalid"),
    ],
    cause: "Every access token needs `iss`, `sub`, `aud` and `exp`, each of its own type (RFC 9068). Without `sub` \
         nobody knows whose request it is; without `aud`, for whom.",
    fix: "look at what the issuer writes into this client's access tokens: `usher token explain` shows it claim by \
         claim",
    fixes: &[
        (
            ProfileName::Keycloak,
            "the client scope basic writes sub: it must be among the client's default scopes. aud needs a mapper \
             of type Audience",
        ),
        (
            ProfileName::Cognito,
            "access tokens have no aud: write `profile = \"cognito\"` and list the app clients in `audiences`",
        ),
    ],
    page: REFUSED,
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// Its client is one that is accepted.
pub const TOKEN_CLIENT: Check = Check {
    id: "token-client",
    title: "Its client is one that is accepted",
    failing: "Its client is not accepted",
    place: Place::Gateway,
    symptoms: &[REVERTED, Symptom::anywhere("wrong_client")],
    cause: "`client_ids` of this issuer lists the clients whose tokens are accepted, and this one is not among them. \
         Clients that register themselves have a new id each time.",
    fix: "add the client to `client_ids`, if it is meant to be let in; leave the list empty where clients register \
         themselves",
    page: REFUSED,
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// It is a plain bearer token.
pub const TOKEN_BEARER: Check = Check {
    id: "token-bearer",
    title: "It is a plain bearer token",
    failing: "It is bound to a key, and no plain bearer token",
    place: Place::Provider,
    symptoms: &[REVERTED, Symptom::anywhere("sender_constrained")],
    cause: "The token is bound to a key or a certificate of its client (`cnf`: DPoP, mutual TLS), and no proof of \
         that is checked here. It is refused, as a thief could use it without the proof.",
    fix: "switch DPoP or certificate binding off for this client at the issuer",
    fixes: &[(
        ProfileName::Keycloak,
        "in the client's settings under Capability config and Advanced, switch off Require DPoP bound tokens \
             and OAuth 2.0 Mutual TLS Certificate Bound Access Tokens",
    )],
    page: REFUSED,
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// It lists the groups of its user.
pub const TOKEN_GROUPS: Check = Check {
    id: "token-groups",
    title: "It lists the groups of its user",
    failing: "It does not list the groups of its user",
    place: Place::Provider,
    symptoms: &[
        REVERTED,
        Symptom::anywhere("group_overage"),
        Symptom::anywhere("only some people cannot connect"),
    ],
    cause: "The user is in more groups than the provider writes into a token, which then names a place to ask \
         instead. A rule about groups could miss one, so the token is refused.",
    fix: "let the issuer write only the groups assigned to this application, or set `groups_claim` to application \
         roles",
    fixes: &[
        (
            ProfileName::EntraV2,
            "in the app registration under Token configuration choose Groups assigned to the application, or use \
             app roles and `groups_claim = \"roles\"`",
        ),
        (
            ProfileName::EntraV1,
            "in the app registration under Token configuration choose Groups assigned to the application, or use \
             app roles and `groups_claim = \"roles\"`",
        ),
    ],
    page: "identity-providers.md",
    follows: READ_AND_OURS,
    ..Check::BLANK
};
