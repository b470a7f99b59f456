//! How clients become known at the authorization server.

use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// The client has a way to become known there.
pub const REGISTRATION_PATH: Check = Check {
    id: "registration-path",
    title: "The client has a way to become known there",
    failing: "The client has no way to become known to the authorization server",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "MCP server does not implement OAuth"),
        Symptom::of(
            KnownClient::ClaudeCode,
            "Incompatible auth server: does not support dynamic \
            client registration",
        ),
        Symptom::of(
            KnownClient::Cursor,
            "Incompatible auth server: does not support dynamic \
            client registration",
        ),
        Symptom::of(
            KnownClient::VsCode,
            "Dynamic Client Registration not supported",
        ),
        Symptom::of(
            KnownClient::Claude,
            "There was an error connecting. Please check your \
            server URL and make sure your server handles auth correctly",
        ),
    ],
    cause: "A client needs a client id. It has one that somebody typed in, or uses the address \
        of a document about itself (client ID metadata document), or registers itself (RFC \
        7591). Here the metadata offers none of the ways that this client knows, and no client \
        id was given.",
    fix: "Switch client ID metadata documents or dynamic registration on at the provider; or \
        register a public client there by hand, with PKCE and the client's redirect addresses, \
        and type its client id into the client (`usher client register` says where the provider \
        allows it)",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Keycloak has a registration endpoint: if the metadata does not show it, something \
                between takes it out. Or create a client by hand: Clients > Create client, \
                public, Standard flow, PKCE S256, its redirect addresses",
        ),
        (
            ProfileName::EntraV2,
            "Entra ID registers nobody: App registrations > New registration, platform Mobile \
                and desktop applications for loopback addresses or Web for https ones, Allow \
                public client flows; type the application (client) id into the client",
        ),
        (
            ProfileName::EntraV1,
            "Entra ID registers nobody: App registrations > New registration with the client's \
                redirect addresses; type the application (client) id into the client",
        ),
        (
            ProfileName::Okta,
            "Okta's registration wants an API token, which no client has: Applications > Create \
                App Integration > OIDC, Native Application, Authorization Code and Refresh \
                Token, the client's redirect addresses; assign people to it",
        ),
        (
            ProfileName::Auth0,
            "Settings of the tenant > Advanced > OIDC Dynamic Application Registration, and \
                promote the connection to domain level; or Applications > Create Application > \
                Native with the client's callback addresses",
        ),
        (
            ProfileName::Cognito,
            "Cognito registers nobody: App clients > Create app client, public client, \
                Authorization code grant, the client's callback addresses, the scopes of the \
                resource server",
        ),
        (
            ProfileName::Pingone,
            "Applications > add one of type Native, response type Code, PKCE S256_REQUIRED, the \
                client's redirect addresses, and allow it the resource's scopes",
        ),
        (
            ProfileName::Pingfederate,
            "OAuth > Dynamic Client Registration: switch it on with a policy; or Clients > Add \
                Client with the redirect addresses and Require Proof Key for Code Exchange",
        ),
        (
            ProfileName::Zitadel,
            "Zitadel registers nobody: in the project, New application > Native or User Agent, \
                PKCE, the client's redirect addresses; token type JWT",
        ),
        (
            ProfileName::Authentik,
            "Authentik registers nobody: Applications > Create with provider > OAuth2/OpenID, \
                client type Public, the client's redirect addresses",
        ),
        (
            ProfileName::Authelia,
            "Authelia registers nobody: add a client with public: true, require_pkce: true and \
                the redirect addresses to identity_providers.oidc.clients",
        ),
        (
            ProfileName::Adfs,
            "AD FS registers nobody: in the application group add a native application with the \
                client's redirect addresses",
        ),
        (
            ProfileName::Workos,
            "Connect > Configuration: switch on Client ID Metadata Document, and Dynamic Client \
                Registration for clients that need it",
        ),
        (
            ProfileName::Descope,
            "Agentic Identity Hub > the MCP server: switch Dynamic Client Registration on",
        ),
        (
            ProfileName::Clerk,
            "OAuth applications > Settings: switch Dynamic client registration on; or create an \
                application with the redirect addresses",
        ),
        (
            ProfileName::Supabase,
            "Authentication > OAuth Server: allow dynamic registration; or add an OAuth client \
                with the redirect addresses",
        ),
    ],
    page: "identity-providers.md#redirect-addresses",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// The document that describes the client is taken.
pub const REGISTRATION_CLIENT_DOCUMENT: Check = Check {
    id: "registration-client-document",
    title: "The document that describes the client is taken",
    failing: "The document that describes the client is not taken",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("invalid_client"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("Client not found"),
        Symptom::anywhere("invalid_client_metadata"),
    ],
    cause: "The authorization server advertises client ID metadata documents, so that this \
        client takes that way before all others. Then it has to like what the vendor's document \
        says: how the client proves itself (`none`, or `private_key_jwt` as ChatGPT prefers), \
        its grants, its redirect addresses.",
    fix: "List `none` and `private_key_jwt` in token_endpoint_auth_methods_supported and accept \
        both from such clients; or switch client ID metadata documents off, so that clients \
        register themselves",
    fixes: &[
        (
            ProfileName::Keycloak,
            "For ChatGPT: start Keycloak without the experimental feature `cimd`, so that \
                ChatGPT registers itself; its document is refused. For Claude and Claude Code: \
                one joint client profile and policy with the executor \
                client-id-metadata-document, trusted domains claude.ai, localhost and 127.0.0.1, \
                Restrict same domain off, Accept Public Client with Confidential-only Grant \
                Types on; two profiles refuse each other's documents",
        ),
        (
            ProfileName::Workos,
            "Connect > Configuration: keep Client ID Metadata Document on; clients that are \
                refused need Dynamic Client Registration there",
        ),
        (
            ProfileName::Descope,
            "Client ID metadata documents are off by default in the Agentic Identity Hub: leave \
                them off, or see that the MCP server allows the client's domain",
        ),
        (
            ProfileName::Auth0,
            "Third-party clients of this kind are held to strict rules: promote the connection \
                to domain level and allow them the API",
        ),
        (
            ProfileName::EntraV2,
            "Client ID metadata documents are a public preview there: use an app registration \
                and its client id instead",
        ),
    ],
    page: "clients/chatgpt.md#traps",
    follows: &["registration-path"],
    ..Check::BLANK
};

/// A registration succeeds.
pub const REGISTRATION_WORKS: Check = Check {
    id: "registration-works",
    title: "A registration succeeds",
    failing: "The registration is refused",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere(
            "Policy 'Trusted Hosts' rejected request to client-registration service. Details: \
            Host not trusted.",
        ),
        Symptom::anywhere("Not permitted to use specified clientScope"),
        Symptom::of(
            KnownClient::ClaudeCode,
            "Dynamic client registration failed: HTTP 403",
        ),
        Symptom::of(KnownClient::ChatGpt, "Error creating connector"),
    ],
    cause: "The registration endpoint is advertised and refuses: a policy that trusts other \
        hosts only, scopes that may not be asked for, a redirect address that it does not like, \
        a limit that is reached, or an initial access token that it wants and no client has.",
    fix: "Let the provider register clients with these redirect addresses without a token; or \
        take the registration endpoint out of the metadata and register clients by hand (`usher \
        client register --initial-access-token-file`)",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Clients > Client registration > Anonymous access policies: Trusted Hosts with the \
                hosts of the redirect addresses, `Client URIs must match` on, `Host sending \
                client registration request must match` off; Allowed Client Scopes with openid, \
                mcp:read and mcp:write; Max Clients Limit above what is registered",
        ),
        (
            ProfileName::Okta,
            "Okta's registration wants an API token: register a public client there by hand, \
                with PKCE and the client's redirect addresses, and type its client id into the \
                client",
        ),
        (
            ProfileName::Auth0,
            "Settings of the tenant > Advanced: OIDC Dynamic Application Registration on; and no \
                rule on the redirect addresses' domains",
        ),
        (
            ProfileName::Pingfederate,
            "OAuth > Dynamic Client Registration: the policy must not want an initial access \
                token, and must allow the scopes",
        ),
        (
            ProfileName::Clerk,
            "OAuth applications > Settings: Dynamic client registration on",
        ),
        (
            ProfileName::Supabase,
            "Authentication > OAuth Server: allow dynamic registration",
        ),
        (
            ProfileName::Descope,
            "Agentic Identity Hub > the MCP server: Dynamic Client Registration on, and the \
                scopes approved",
        ),
    ],
    page: "identity-providers.md#redirect-addresses",
    follows: &["registration-path"],
    ..Check::BLANK
};

/// The authorization endpoint takes the redirect address of the client.
pub const REDIRECT_ACCEPTED: Check = Check {
    id: "redirect-accepted",
    title: "The authorization endpoint takes the redirect address of the client",
    failing: "The redirect address of the client is not accepted",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("Invalid parameter: redirect_uri"),
        Symptom::anywhere("AADSTS50011: The redirect URI specified in the request does not match"),
        Symptom::anywhere("Callback URL mismatch"),
        Symptom::anywhere("redirect_mismatch"),
        Symptom::anywhere(
            "The 'redirect_uri' parameter must be a Login redirect URI in the client app \
            settings",
        ),
        Symptom::anywhere("invalid_redirect_uri"),
        Symptom::of(KnownClient::ChatGpt, "400 Bad Request"),
    ],
    cause: "The address to which the browser is to return is not among those registered for this \
        client, to the letter; or the client id itself is not known. ChatGPT has one address per \
        connector unless the provider returns `iss`; Claude Code and VS Code choose a port of \
        their own.",
    fix: "Add the client's redirect addresses to the client at the provider, byte for byte \
        (docs/identity-providers.md lists them); for loopback addresses let it ignore the port \
        (RFC 8252 section 7.3)",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Clients > the client > Settings > Valid redirect URIs: add the address; for \
                loopback ones http://127.0.0.1/* and http://localhost/*",
        ),
        (
            ProfileName::EntraV2,
            "App registrations > the client > Authentication: add the address, under Web for \
                https ones and under Mobile and desktop applications for loopback ones, where \
                the port is ignored for http://localhost",
        ),
        (
            ProfileName::EntraV1,
            "App registrations > the client > Authentication: add the address, under Web for \
                https ones and under Mobile and desktop applications for loopback ones",
        ),
        (
            ProfileName::Okta,
            "Applications > the client > General > Sign-in redirect URIs: add the address with \
                its port",
        ),
        (
            ProfileName::Auth0,
            "Applications > the client > Settings > Allowed Callback URLs: add the address",
        ),
        (
            ProfileName::Cognito,
            "App clients > the client > Login pages > Allowed callback URLs: add the address; \
                http only for localhost",
        ),
        (
            ProfileName::Pingone,
            "Applications > the client > Configuration > Redirect URIs: add the address",
        ),
        (
            ProfileName::Pingfederate,
            "OAuth > Clients > the client > Redirect URIs: add the address",
        ),
        (
            ProfileName::Zitadel,
            "The application > Redirect Settings: add the address, with development mode on for \
                http",
        ),
        (
            ProfileName::Authentik,
            "The provider > Redirect URIs/Origins: add the address, matching mode Strict, or \
                Regex for any port",
        ),
        (
            ProfileName::Authelia,
            "identity_providers.oidc.clients > redirect_uris: add the address",
        ),
        (
            ProfileName::Adfs,
            "The native application > Redirect URI: add the address",
        ),
        (
            ProfileName::Workos,
            "Applications > the client > Redirect URIs: add the address",
        ),
        (
            ProfileName::Clerk,
            "OAuth applications > the client > Redirect URIs: add the address",
        ),
        (
            ProfileName::Supabase,
            "Authentication > OAuth Server > the client > Redirect URIs: add the address",
        ),
    ],
    page: "identity-providers.md#redirect-addresses",
    follows: &[
        "issuer-metadata-valid",
        "registration-path",
        "registration-works",
        "registration-client-document",
        "authorization-answers",
    ],
    ..Check::BLANK
};
