//! What the authorization server says to the requests of clients: logins, scopes, resources.

use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// The authorization endpoint answers with a login.
pub const AUTHORIZATION_ANSWERS: Check = Check {
    id: "authorization-answers",
    title: "The authorization endpoint answers with a login",
    failing: "The authorization endpoint does not answer with a login",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("We are sorry... An internal server error has occurred"),
        Symptom::anywhere("502 Bad Gateway"),
        Symptom::anywhere("This site can't be reached"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "The browser is sent to the address that the metadata names as \
        authorization_endpoint, and nobody there shows a login: the address leads nowhere, is \
        known inside of a network only, the server is out of order, or refuses the request for a \
        reason that it does not name.",
    fix: "Open the authorization endpoint in a browser, from where people will log in, and read \
        the provider's own log",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Set `hostname` to the address that browsers use; Events > User events (LOGIN_ERROR) \
                says why a login was refused",
        ),
        (
            ProfileName::Cognito,
            "Give the user pool a domain (Branding > Domain): without one there is no login page",
        ),
        (
            ProfileName::EntraV2,
            "The correlation id at the bottom of the page finds the attempt under Sign-in logs",
        ),
        (
            ProfileName::Okta,
            "Reports > System Log has the attempt; an access policy and a rule must let the \
                client in, and people must be assigned to it",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It names itself in the answer to a login (`iss`).
pub const RESPONSE_ISSUER: Check = Check {
    id: "response-issuer",
    title: "It names itself in the answer to a login (`iss`)",
    failing: "The answer to a login does not name its issuer (`iss`)",
    place: Place::Provider,
    symptoms: &[Symptom::of(KnownClient::ChatGpt, "400 Bad Request")],
    cause: "A client that knows several authorization servers must see which one answers (RFC \
        9207). Where the metadata does not promise `iss`, ChatGPT uses another redirect address \
        for every connector. Where it promises `iss` and the answer lacks it, or names another, \
        clients refuse the login.",
    fix: "Switch on the `iss` parameter in authorization responses at the provider; if it \
        cannot, register the callback address that ChatGPT's set-up page shows for this very \
        connector",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Keycloak sends `iss` by itself; Clients > the client > Advanced > Exclude Issuer \
                From Authentication Response has to be off, and `hostname` set, so that it is \
                the public name",
        ),
        (
            ProfileName::EntraV2,
            "Entra ID sends no `iss`: register the callback address that ChatGPT's set-up page \
                shows",
        ),
        (
            ProfileName::Okta,
            "Okta custom servers may send no `iss`: register the callback address that ChatGPT's \
                set-up page shows",
        ),
    ],
    page: "clients/chatgpt.md#redirect-addresses",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It offers the scopes that are asked for.
pub const SCOPES_OFFERED: Check = Check {
    id: "scopes-offered",
    title: "It offers the scopes that are asked for",
    failing: "A scope that is asked for is not offered",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("invalid_scope"),
        Symptom::anywhere("Invalid scopes: openid mcp:read offline_access"),
        Symptom::anywhere("AADSTS650053: The application asked for scope that doesn't exist"),
        Symptom::anywhere(
            "AADSTS70011: The provided value for the input parameter 'scope' is not valid",
        ),
    ],
    cause: "Clients ask for the scopes in the challenge and the resource metadata, and for \
        offline_access where the provider lists it. A scope that does not exist there, or that \
        this client may not ask for, ends the login.",
    fix: "Create the scopes at the provider and allow them to the client; or set `scopes.read` \
        and `scopes.write` to the names that they have there",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Client scopes > create mcp:read (default) and mcp:write (optional), Include in \
                token scope on; and add them to the client, together with offline_access: a \
                client that registered with a list of scopes may ask for no other",
        ),
        (
            ProfileName::EntraV2,
            "Expose an API > add the scopes mcp:read and mcp:write, and set `scope_prefix` to \
                the application ID URI and a slash: Entra ID wants the long form",
        ),
        (
            ProfileName::EntraV1,
            "Expose an API > add the scopes, and set `scope_prefix` to the application ID URI \
                and a slash",
        ),
        (
            ProfileName::Okta,
            "Security > API > the server > Scopes: add mcp:read and mcp:write; Access Policies: \
                a rule that allows them to the client",
        ),
        (
            ProfileName::Auth0,
            "Applications > APIs > the API > Permissions: add mcp:read and mcp:write",
        ),
        (
            ProfileName::Cognito,
            "Resource servers: scopes are named IDENTIFIER/NAME: set `scopes.read = \
                \"usher/read\"` and `scopes.write = \"usher/write\"`, and allow them to the app \
                client",
        ),
        (
            ProfileName::Pingone,
            "Applications > Resources > the resource > Scopes: add them, and allow them under \
                the application's Resources",
        ),
        (
            ProfileName::Pingfederate,
            "System > OAuth Settings > Scope Management: add mcp:read and mcp:write",
        ),
        (
            ProfileName::Authentik,
            "Customization > Property Mappings: a scope mapping with the scope name mcp:read \
                that returns {\"scope\": \"mcp:read\"}; add it to the provider",
        ),
        (
            ProfileName::Authelia,
            "Add 'mcp:read' to the client's scopes, and offline_access for refresh tokens",
        ),
        (
            ProfileName::Adfs,
            "Scope descriptions: add mcp:read and mcp:write, and allow them in the application \
                group's client permissions",
        ),
        (
            ProfileName::Zitadel,
            "Zitadel knows no scopes of yours: let an action write them into another claim \
                (`scope_claim`)",
        ),
        (
            ProfileName::Workos,
            "Add mcp:read and mcp:write if the environment offers custom scopes",
        ),
        (
            ProfileName::Descope,
            "Agentic Identity Hub > the MCP server > Scopes: add mcp:read and mcp:write",
        ),
        (
            ProfileName::Supabase,
            "Supabase knows no scopes of yours: write an access token hook that sets `scope`",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// A connection survives the hour: refresh tokens are offered.
pub const OFFLINE_ACCESS: Check = Check {
    id: "offline-access",
    title: "A connection survives the hour: refresh tokens are offered",
    failing: "No refresh tokens are offered: connections end with the first token",
    place: Place::Provider,
    symptoms: &[Symptom::of(KnownClient::ClaudeCode, "needs authentication")],
    cause: "Access tokens are short-lived. Without refresh tokens people are sent to the login \
        again whenever one ends.",
    fix: "Allow the grant refresh_token to the client, and the scope offline_access where the \
        provider ties refresh tokens to it (`[scopes] advertised = [\"mcp:read\", \
        \"offline_access\"]`)",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Refresh tokens come with every login; Clients > the client > Advanced > Use refresh \
                tokens. For connections that outlive the session: allow the client scope \
                offline_access",
        ),
        (
            ProfileName::EntraV2,
            "Add offline_access to what clients ask for: `[scopes] advertised = [\"mcp:read\", \
                \"offline_access\"]`",
        ),
        (
            ProfileName::Okta,
            "The application > Grant type: Refresh Token; the server's access policy has to \
                allow offline_access",
        ),
        (
            ProfileName::Auth0,
            "The API > Allow Offline Access, and the application's grant Refresh Token",
        ),
        (
            ProfileName::Cognito,
            "App client > Authentication flows: the refresh token comes by itself; see its \
                expiry there",
        ),
        (
            ProfileName::Authelia,
            "Add offline_access to the client's scopes and refresh_token to its grant_types",
        ),
        (
            ProfileName::Pingone,
            "The application > Configuration > Grant Type: Refresh Token",
        ),
        (
            ProfileName::Zitadel,
            "The application > Token settings: Refresh Token",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It takes the `resource` parameter that clients send.
pub const RESOURCE_PARAMETER: Check = Check {
    id: "resource-parameter",
    title: "It takes the `resource` parameter that clients send",
    failing: "The authorization server refuses the `resource` parameter",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere(
            "AADSTS9010010: The resource parameter provided in the request doesn't match with \
            the requested scopes",
        ),
        Symptom::anywhere("AADSTS901002: The 'resource' request parameter is not supported"),
        Symptom::anywhere("invalid_target"),
    ],
    cause: "Clients name the server that the token is for (RFC 8707), with the very value of \
        `resource` in the metadata. Most providers ignore it, some refuse what they do not know \
        by this name.",
    fix: "Register this server at the provider as a resource or API whose identifier is the \
        `resource` of the metadata, byte for byte",
    fixes: &[
        (
            ProfileName::EntraV2,
            "Expose an API: the application ID URI is the address that clients type, byte for \
                byte; `requestedAccessTokenVersion: 2` in the manifest; and `scope_prefix` in \
                Usher begins with that address",
        ),
        (
            ProfileName::EntraV1,
            "`resource` needs tokens of version 2.0: set `requestedAccessTokenVersion: 2` in the \
                manifest and use the profile entra-v2",
        ),
        (
            ProfileName::Keycloak,
            "With the feature resource-indicators: a client with the attribute `resource_url` = \
                the address that clients type, and an audience mapper; or start Keycloak without \
                that feature, which then ignores `resource`",
        ),
        (
            ProfileName::Auth0,
            "Applications > APIs: an API whose identifier is the address that clients type; \
                Settings > Advanced: Resource Parameter Compatibility Profile on",
        ),
        (
            ProfileName::Pingfederate,
            "Map the address that clients type to the access token manager (Resource URIs)",
        ),
        (
            ProfileName::Workos,
            "Add the address that clients type as a resource indicator",
        ),
        (
            ProfileName::Descope,
            "The MCP Server URL of the MCP server has to be the address that clients type",
        ),
        (
            ProfileName::Adfs,
            "The Web API's identifier has to be the address that clients type",
        ),
    ],
    page: "identity-providers.md",
    follows: &["authorization-answers", "redirect-accepted"],
    ..Check::BLANK
};
