//! After the login: the token, and what a client then does with it.

use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &LOGIN_COMPLETES,
    &CONSENT_GRANTED,
    &TOKEN_ISSUED,
    &TOKEN_ACCEPTED,
    &REVISIONS_SPOKEN,
    &TOOLS_LISTED,
    &SEARCH_AND_FETCH_LISTED,
    &TOOL_SCHEMAS,
    &SEARCH_WORKS,
    &FETCH_WORKS,
    &REFRESH_WORKS,
];

/// The login ends with a code.
pub const LOGIN_COMPLETES: Check = Check {
    id: "login-completes",
    title: "The login ends with a code",
    failing: "The login does not end with a code",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "400 Bad Request"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("invalid_scope"),
    ],
    cause: "The browser did not come back with a code: the provider showed an error page, asked \
        for something that nobody could answer, or came back with an error.",
    fix: "Read what the browser shows, and the provider's own log of logins; the client needs a \
        redirect address on loopback (http://127.0.0.1/callback, any port) for this test",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Events > User events: LOGIN_ERROR has the reason. For this test add \
                http://127.0.0.1/* to Valid redirect URIs of the client",
        ),
        (
            ProfileName::EntraV2,
            "The AADSTS code on the page says why; Sign-in logs have the attempt. For this test \
                add http://localhost and http://127.0.0.1 under Mobile and desktop applications",
        ),
        (
            ProfileName::Okta,
            "Reports > System Log has the reason; people must be assigned to the application. \
                For this test choose a port with --callback-port and register \
                http://127.0.0.1:PORT/callback",
        ),
        (
            ProfileName::Auth0,
            "Monitoring > Logs has the reason. For this test choose a port with --callback-port \
                and add http://127.0.0.1:PORT/callback to Allowed Callback URLs",
        ),
        (
            ProfileName::Cognito,
            "For this test choose a port with --callback-port; Cognito takes http for localhost \
                only, so that a client of its own is needed",
        ),
    ],
    page: "validation.md",
    follows: &[
        "redirect-accepted",
        "authorization-answers",
        "registration-works",
        "registration-path",
        "resource-parameter",
        "scopes-offered",
    ],
    ..Check::BLANK
};

/// The person agreed.
pub const CONSENT_GRANTED: Check = Check {
    id: "consent-granted",
    title: "The person agreed",
    failing: "The person did not agree",
    place: Place::Client,
    symptoms: &[
        Symptom::anywhere("access_denied"),
        Symptom::anywhere(
            "AADSTS65001: The user or administrator has not consented to use the application",
        ),
        Symptom::anywhere("AADSTS90094: The grant requires admin permission"),
        Symptom::anywhere("User denied access"),
    ],
    cause: "The provider came back with access_denied: the person said no, or may not say yes, \
        because an administrator has to agree first or because the account is not assigned to \
        the application.",
    fix: "Log in again and agree; if nothing was asked, let an administrator grant the consent, \
        or assign the person to the application",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Clients > the client > Settings > Consent required: leave it on for clients that \
                register themselves; the person has to agree",
        ),
        (
            ProfileName::EntraV2,
            "Enterprise applications > the client > Permissions: Grant admin consent; or allow \
                users to consent to the API's scopes",
        ),
        (
            ProfileName::EntraV1,
            "Enterprise applications > the client > Permissions: Grant admin consent",
        ),
        (
            ProfileName::Okta,
            "Applications > the client > Assignments: assign the person or a group; the access \
                policy's rule must match",
        ),
        (
            ProfileName::Auth0,
            "The API > Allow Skipping User Consent for own applications; for third-party ones \
                the person has to agree",
        ),
        (
            ProfileName::Authentik,
            "The application > Policy / Group / User Bindings must let the person in",
        ),
    ],
    page: "validation.md",
    follows: &["login-completes"],
    ..Check::BLANK
};

/// The code buys an access token.
pub const TOKEN_ISSUED: Check = Check {
    id: "token-issued",
    title: "The code buys an access token",
    failing: "The code buys no access token",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("invalid_client"),
        Symptom::anywhere("invalid_grant"),
        Symptom::anywhere("unauthorized_client"),
        Symptom::anywhere(
            "AADSTS7000218: The request body must contain the following parameter: \
            'client_assertion' or 'client_secret'",
        ),
        Symptom::of(KnownClient::ChatGpt, "400 Bad Request"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "The login succeeded, and the token endpoint refuses the code: the client is \
        confidential and no secret was sent, or the wrong one; the secret is sent in another way \
        than is registered; the code is used up or too old; or PKCE does not match.",
    fix: "Make the client public (authentication `none`, with PKCE), or give the client its \
        secret and the way to send it that is registered at the provider",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Clients > the client > Capability config: Client authentication off for a public \
                client; on, its secret is under Credentials. PKCE method S256",
        ),
        (
            ProfileName::EntraV2,
            "App registrations > the client > Authentication: Allow public client flows on, and \
                the redirect address not under Web, where a secret is wanted; or add a secret \
                under Certificates & secrets",
        ),
        (
            ProfileName::EntraV1,
            "App registrations > the client > Authentication: Allow public client flows on, and \
                the redirect address not under Web",
        ),
        (
            ProfileName::Okta,
            "Applications > the client > General > Client authentication: None, and Require PKCE",
        ),
        (
            ProfileName::Auth0,
            "Applications > the client > Credentials: Authentication Method None for a public \
                client",
        ),
        (
            ProfileName::Cognito,
            "App clients: one without a client secret; a secret cannot be taken away later",
        ),
        (
            ProfileName::Pingone,
            "Applications > the client > Configuration > Token Endpoint Authentication Method: \
                None",
        ),
        (
            ProfileName::Zitadel,
            "The application > Authentication Method: None (PKCE)",
        ),
        (
            ProfileName::Authelia,
            "public: true and token_endpoint_auth_method: none for the client",
        ),
        (
            ProfileName::Clerk,
            "OAuth applications > the client > Public on",
        ),
    ],
    page: "identity-providers.md",
    follows: &["login-completes", "consent-granted"],
    ..Check::BLANK
};

/// The server accepts the token.
pub const TOKEN_ACCEPTED: Check = Check {
    id: "token-accepted",
    title: "The server accepts the token",
    failing: "The server refuses the token",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Unsupported authorization header"),
        Symptom::of(KnownClient::ClaudeCode, "SDK auth failed: HTTP 401"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("invalid_token"),
        Symptom::of(KnownClient::Cursor, "Needs login"),
    ],
    cause: "The provider issued a token, and this server refuses it, or cannot check it. Which \
        claim is to blame stands in the findings about the token; where none does, only the \
        server knows.",
    fix: "Hand the token to `usher token explain` on the server's machine: it says claim by \
        claim what is required, what is there, and the one change to make. The server's log has \
        the reason under the request id",
    page: "reference/access-log.md",
    // What is wrong with the token itself explains why it is refused.
    follows: &[
        "token-issued",
        "token-sent",
        "token-is-jwt",
        "token-type",
        "token-algorithm",
        "token-issuer",
        "token-audience",
        "token-expiry",
        "token-clock",
        "token-lifetime",
        "token-claims",
        "token-client",
        "token-bearer",
        "token-groups",
        "token-key",
        "token-signature",
        "token-active",
        "token-scope",
        "keys-reachable",
        "keys-in-time",
        "keys-usable",
        "algorithm-allowed",
        "issuer-clock",
        "issuer-equal",
    ],
    ..Check::BLANK
};

/// The server speaks a revision that the client speaks.
pub const REVISIONS_SPOKEN: Check = Check {
    id: "revisions-spoken",
    title: "The server speaks a revision that the client speaks",
    failing: "The server speaks no revision that the client speaks",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(
            KnownClient::ChatGpt,
            "This MCP server doesn't implement our specification",
        ),
        Symptom::anywhere("Unsupported protocol version"),
        Symptom::anywhere("Server's protocol version is not supported"),
    ],
    cause: "Clients of 2026-07-28 ask with server/discover, older ones begin with initialize. \
        The server answers to neither, or names no revision that this client knows.",
    fix: "See that requests reach Usher itself and not another server behind the same name; \
        Usher speaks all revisions from 2024-11-05 to 2026-07-28",
    page: "conformance.md",
    follows: &["token-accepted"],
    ..Check::BLANK
};

/// The client sees tools.
pub const TOOLS_LISTED: Check = Check {
    id: "tools-listed",
    title: "The client sees tools",
    failing: "The client sees no tools",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("No tools available"),
        Symptom::anywhere("no tools"),
        Symptom::of(KnownClient::Cursor, "No tools, prompts, or resources"),
    ],
    cause: "The list of tools is empty for this person: the rules of [policy] hide what one may \
        not call, the token lacks a group or a scope, or no collection and no upstream is \
        configured. ChatGPT keeps the list that it saw when the connector was made.",
    fix: "Ask `usher policy explain` with the claims of this person who may see what; give the \
        token the group or scope that the rule wants, or change the rule. In ChatGPT press \
        Refresh in the connector's settings afterwards",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Groups come from a Group Membership mapper with the claim name `groups` on a client \
                scope; clients that register themselves get no realm roles (Full Scope Disabled)",
        ),
        (
            ProfileName::EntraV2,
            "Token configuration > groups claim > groups assigned to the application; more than \
                200 groups are left out",
        ),
    ],
    page: "policy.md",
    follows: &["token-accepted", "revisions-spoken", "token-scope"],
    ..Check::BLANK
};

/// `search` and `fetch` are there.
pub const SEARCH_AND_FETCH_LISTED: Check = Check {
    id: "search-and-fetch-listed",
    title: "`search` and `fetch` are there",
    failing: "`search` or `fetch` is missing",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(
            KnownClient::ChatGpt,
            "This MCP server doesn't implement our specification",
        ),
        Symptom::of(KnownClient::ChatGpt, "Search action not found"),
    ],
    cause: "ChatGPT's deep research and company knowledge look for tools of these very names. \
        They are hidden from this person by a rule, or renamed, or there is no collection.",
    fix: "Configure a [[collection]], and let the rules of [policy] show `search` and `fetch` to \
        this person; tools of an upstream keep their names with `verbatim_names`",
    page: "collections.md",
    follows: &["tools-listed"],
    ..Check::BLANK
};

/// Their schemas, annotations and security schemes are what the client wants.
pub const TOOL_SCHEMAS: Check = Check {
    id: "tool-schemas",
    title: "Their schemas, annotations and security schemes are what the client wants",
    failing: "The tools are not described as the client wants it",
    place: Place::Gateway,
    symptoms: &[Symptom::of(
        KnownClient::ChatGpt,
        "This MCP server doesn't implement our specification",
    )],
    cause: "ChatGPT wants one text argument (`query`, `id`), output schemas, all three hints \
        (readOnlyHint, destructiveHint, openWorldHint) and the security schemes of each tool. An \
        upstream's own `search` or `fetch` stands in the place of Usher's and lacks one of them.",
    fix: "Let Usher's own `search` and `fetch` have these names, and rename the upstream's (its \
        separator and name in [[upstream]]), or mend the upstream's tool",
    page: "upstreams.md",
    follows: &["search-and-fetch-listed"],
    ..Check::BLANK
};

/// A search finds something.
pub const SEARCH_WORKS: Check = Check {
    id: "search-works",
    title: "A search finds something",
    failing: "A search finds nothing",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("{\"results\":[]}"),
        Symptom::anywhere("index_not_ready"),
    ],
    cause: "A search for words that nearly every document has found nothing: the index is empty \
        or not complete yet, the access lists hide every document from this person, or the tool \
        failed.",
    fix: "`usher index status` says how many documents there are and when they were read; check \
        the path of the [[collection]] and the access lists against the groups in this person's \
        token; try words of your own with --query",
    page: "collections.md",
    follows: &["search-and-fetch-listed", "index-filled"],
    ..Check::BLANK
};

/// What was found can be fetched.
pub const FETCH_WORKS: Check = Check {
    id: "fetch-works",
    title: "What was found can be fetched",
    failing: "What was found cannot be fetched",
    place: Place::Gateway,
    symptoms: &[Symptom::anywhere("There is no document with this id")],
    cause: "An id from a search cannot be fetched: the document went away in between, the rules \
        allow `search` and not `fetch`, or two servers with different indexes answer under one \
        name.",
    fix: "Allow both tools to the same people in [policy]; give all replicas the same \
        collections",
    page: "collections.md",
    follows: &["search-works"],
    ..Check::BLANK
};

/// The token can be refreshed.
pub const REFRESH_WORKS: Check = Check {
    id: "refresh-works",
    title: "The token can be refreshed",
    failing: "The token cannot be refreshed",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("invalid_grant"),
        Symptom::of(KnownClient::ClaudeCode, "needs authentication"),
        Symptom::anywhere("unauthorized_client"),
    ],
    cause: "The login gave no refresh token, or the provider refuses it, or the refreshed token \
        differs from the first, for instance because `resource` is not taken again. Then the \
        connection dies with the first access token.",
    fix: "Allow the grant refresh_token (and offline_access) to the client, and let refreshed \
        tokens have the same audience and scopes as the first",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Clients > the client > Advanced > Use refresh tokens on; Realm settings > Sessions \
                and Tokens: their lives. With resource-indicators in 26.6 custom audience \
                mappers are lost on refresh",
        ),
        (
            ProfileName::EntraV2,
            "Ask for offline_access: `[scopes] advertised = [\"mcp:read\", \"offline_access\"]`",
        ),
        (
            ProfileName::Okta,
            "The application > Grant type: Refresh Token; the access policy must allow \
                offline_access",
        ),
        (
            ProfileName::Auth0,
            "The API > Allow Offline Access; the application > Refresh Token Rotation",
        ),
        (
            ProfileName::Cognito,
            "The refresh token's expiry is a setting of the app client",
        ),
        (
            ProfileName::Authelia,
            "offline_access in the client's scopes and refresh_token in its grant_types",
        ),
    ],
    page: "identity-providers.md",
    follows: &[
        "token-issued",
        "token-sent",
        "token-accepted",
        "offline-access",
    ],
    ..Check::BLANK
};
