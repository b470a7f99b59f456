//! What proves a token, and what it is good for.

use super::{READ_AND_OURS, REFUSED, REVERTED};
use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// It is signed by a key that the issuer publishes.
pub const TOKEN_KEY: Check = Check {
    id: "token-key",
    title: "It is signed by a key that the issuer publishes",
    failing: "It is signed by no key that the issuer publishes",
    place: Place::Provider,
    symptoms: &[
        REVERTED,
        Symptom::anywhere("unknown_key"),
        Symptom::anywhere("missing_kid"),
        Symptom::anywhere("bad_kid"),
        Symptom::anywhere("blocked_key"),
    ],
    cause: "The token names a key (`kid`) that is not in the issuer's key set. Right after the provider changed its \
         keys that passes by itself; else the token is from another provider or realm, or `jwks_url` is wrong.",
    fix: "compare the kid of the token with the key set of the issuer; leave `jwks_url` out, so that the metadata \
         says where it is",
    page: REFUSED,
    follows: &[
        "token-is-jwt",
        "token-issuer",
        "keys-reachable",
        "keys-usable",
    ],
    ..Check::BLANK
};

/// Its signature is right.
pub const TOKEN_SIGNATURE: Check = Check {
    id: "token-signature",
    title: "Its signature is right",
    failing: "Its signature is wrong",
    place: Place::Provider,
    symptoms: &[
        REVERTED,
        Symptom::anywhere("bad_signature"),
        Symptom::anywhere("The access token is invalid"),
    ],
    cause: "The signature does not fit the token: it was changed on the way, cut when it was copied, or signed by \
         another key of the same name. A token for Microsoft Graph can be verified by nobody else.",
    fix: "get a new token and copy it whole; if every token fails, see that `jwks_url` belongs to this issuer",
    fixes: &[
        (
            ProfileName::EntraV2,
            "make the client ask for a scope of this server's own app registration (api://…/scope), not for one \
             of Graph's",
        ),
        (
            ProfileName::EntraV1,
            "make the client ask for a scope of this server's own app registration (api://…/scope), not for one \
             of Graph's",
        ),
    ],
    page: REFUSED,
    follows: &["token-is-jwt", "token-key"],
    ..Check::BLANK
};

/// The issuer says that it is active.
pub const TOKEN_ACTIVE: Check = Check {
    id: "token-active",
    title: "The issuer says that it is active",
    failing: "The issuer says that it is not active",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("inactive"),
        Symptom::anywhere("introspection_unavailable"),
        Symptom::anywhere("The access token cannot be checked at the moment"),
    ],
    cause: "The issuer was asked about the token and says that it does not count: it expired, was revoked, its user \
         logged out, or it is of another issuer. Or the issuer cannot be asked: its introspection endpoint does \
         not answer, or does not take this server's client.",
    fix: "log in again; if no token is active, look at `introspection.client_id` and its secret, and whether this \
         machine reaches the endpoint",
    fixes: &[(
        ProfileName::Keycloak,
        "the client of this server needs Client authentication on; a token is only active for clients of the \
             same realm",
    )],
    page: "identity-providers.md",
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// It has a scope that allows something here.
pub const TOKEN_SCOPE: Check = Check {
    id: "token-scope",
    title: "It has a scope that allows something here",
    failing: "It has no scope that allows anything here",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "No app actions available"),
        Symptom::of(
            KnownClient::Claude,
            "Your account was authorized, but no MCP server was found at the provided URL, or your account \
             doesn't have access to it.",
        ),
        Symptom::anywhere("insufficient_scope"),
        Symptom::anywhere("The access token lacks a scope that this operation needs"),
        Symptom::anywhere("invalid_scope"),
    ],
    cause: "The token is good and grants nothing that is of use here: neither `mcp:read` nor another scope that a \
         rule asks for. The client did not ask for it, the provider does not know it, or the person did not \
         agree.",
    fix: "create the scopes at the provider and allow them for the client, which then logs in again",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Client scopes: mcp:read must exist with Include in token scope on, and be a default or an optional \
             scope of the client; a realm default reaches clients that register themselves",
        ),
        (
            ProfileName::EntraV2,
            "Expose an API: add mcp:read as a scope, and set `scope_prefix` to the application ID URI and a slash",
        ),
        (
            ProfileName::Auth0,
            "add the permission mcp:read to the API; with RBAC on, `scope_claim = \"permissions\"`",
        ),
        (
            ProfileName::Okta,
            "add the scope mcp:read to the custom authorization server and allow it in an access policy",
        ),
        (
            ProfileName::Cognito,
            "create a resource server with the scope and allow it for the app client; its full name has the \
             resource server's identifier in front: set `scopes.read` to that",
        ),
    ],
    page: "reference/access-log.md#not-allowed-too-much-or-not-now",
    follows: READ_AND_OURS,
    ..Check::BLANK
};

/// The rules let its bearer do what the client came for.
pub const TOKEN_RULES: Check = Check {
    id: "token-rules",
    title: "The rules let its bearer do what the client came for",
    failing: "The rules do not let its bearer do what the client came for",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "No app actions available"),
        Symptom::anywhere("group_required"),
        Symptom::anywhere("client_id_required"),
        Symptom::anywhere("claim_required"),
        Symptom::anywhere("denied_by_rule"),
        Symptom::anywhere("access_denied"),
        Symptom::anywhere("This is not for you to use, and no other scope would change that"),
    ],
    cause: "A rule of this server asks for a group, a client or a claim that the token does not have, or refuses \
         everybody. No other login with the same account changes that.",
    fix: "ask `usher policy explain --claims FILE TOOL`, which shows all that the tool takes and what of that is \
         there; then change the rule, or put the person into the group",
    fixes: &[
        (
            ProfileName::Keycloak,
            "groups need a mapper of type Group Membership; with Full group path on they begin with a slash. \
             Clients that register themselves get no realm roles (Full Scope Disabled)",
        ),
        (
            ProfileName::EntraV2,
            "groups come as object ids (GUIDs): write those into the rule",
        ),
        (
            ProfileName::Auth0,
            "groups need a claim with a namespace, written by an Action: `groups_claim = \
             \"https://example.com/groups\"`",
        ),
    ],
    page: "policy.md",
    follows: &["token-scope"],
    ..Check::BLANK
};
