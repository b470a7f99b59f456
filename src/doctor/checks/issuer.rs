//! The authorization server: its metadata, its keys, and what it offers to clients.

mod clients;
mod keys;
mod requests;

use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

pub use clients::{
    REDIRECT_ACCEPTED, REGISTRATION_CLIENT_DOCUMENT, REGISTRATION_PATH, REGISTRATION_WORKS,
};
pub use keys::{
    ALGORITHM_ALLOWED, ISSUER_CLOCK, ISSUER_CORS, KEYS_IN_TIME, KEYS_REACHABLE, KEYS_USABLE,
};
pub use requests::{
    AUTHORIZATION_ANSWERS, OFFLINE_ACCESS, RESOURCE_PARAMETER, RESPONSE_ISSUER, SCOPES_OFFERED,
};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &ISSUER_REACHABLE,
    &ISSUER_TLS,
    &ISSUER_METADATA_FOUND,
    &ISSUER_METADATA_VALID,
    &ISSUER_EQUAL,
    &ISSUER_HTTPS,
    &PKCE_OFFERED,
    &CODE_FLOW_OFFERED,
    &REGISTRATION_PATH,
    &REGISTRATION_CLIENT_DOCUMENT,
    &REGISTRATION_WORKS,
    &AUTHORIZATION_ANSWERS,
    &REDIRECT_ACCEPTED,
    &RESPONSE_ISSUER,
    &SCOPES_OFFERED,
    &OFFLINE_ACCESS,
    &KEYS_REACHABLE,
    &KEYS_IN_TIME,
    &KEYS_USABLE,
    &ALGORITHM_ALLOWED,
    &ISSUER_CLOCK,
    &ISSUER_CORS,
    &RESOURCE_PARAMETER,
];

/// The authorization server answers.
pub const ISSUER_REACHABLE: Check = Check {
    id: "issuer-reachable",
    title: "The authorization server answers",
    failing: "The authorization server does not answer",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "MCP server does not implement OAuth"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::of(
            KnownClient::VsCode,
            "Error fetching authorization server metadata",
        ),
        Symptom::anywhere("fetch failed"),
    ],
    cause: "The resource metadata names an authorization server that cannot be reached from \
        here: it is down, its name is known inside of a network or a container only, or a \
        firewall drops what comes. Clients that run at a vendor's come from the internet.",
    fix: "See that the address in `issuer` opens in a browser outside of the server's own \
        network, and that the provider runs. Where it has one name inside and one outside, write \
        the outer one as `issuer` and the inner ones as `discovery_url` and `jwks_url`",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Set Keycloak's `hostname` (KC_HOSTNAME) to its public address, so that everybody \
                has one name for the realm; where Usher cannot reach that name, add \
                `discovery_url` and `jwks_url` with the inner one",
        ),
        (
            ProfileName::EntraV2,
            "Microsoft's own address is always there: look at DNS, the firewall and the proxy of \
                this machine (`outbound.proxy`)",
        ),
    ],
    page: "identity-providers.md",
    follows: &["metadata-issuer"],
    ..Check::BLANK
};

/// Its certificate is trusted, valid and for its name.
pub const ISSUER_TLS: Check = Check {
    id: "issuer-tls",
    title: "Its certificate is trusted, valid and for its name",
    failing: "The certificate of the authorization server is not good",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("unable to verify the first certificate"),
        Symptom::anywhere("self-signed certificate in certificate chain"),
        Symptom::anywhere("certificate has expired"),
    ],
    cause: "Clients do not talk to an authorization server whose certificate they cannot verify: \
        an authority of a company's own, a missing intermediate certificate, an expired one, or \
        one for another name.",
    fix: "Give the authorization server a certificate of a public authority for the name in \
        `issuer`, with the whole chain. An own authority does for Usher (`outbound.ca_files`) \
        and for programs on machines that know it, never for ChatGPT and Claude",
    fixes: &[(
        ProfileName::Keycloak,
        "Let a proxy with a public certificate stand in front of Keycloak, or give it one \
                with `--https-certificate-file` that holds the whole chain",
    )],
    page: "identity-providers.md",
    follows: &[],
    ..Check::BLANK
};

/// Its metadata is found in one of the standard places.
pub const ISSUER_METADATA_FOUND: Check = Check {
    id: "issuer-metadata-found",
    title: "Its metadata is found in one of the standard places",
    failing: "The authorization server has no metadata in any standard place",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "MCP server does not implement OAuth"),
        Symptom::of(
            KnownClient::ClaudeCode,
            "Incompatible auth server: does not support dynamic \
            client registration",
        ),
        Symptom::of(
            KnownClient::VsCode,
            "Failed to fetch authorization server metadata",
        ),
        Symptom::anywhere("HTTP 404 trying to load well-known OAuth metadata"),
    ],
    cause: "Clients look for the metadata below /.well-known/, put before the issuer's path (RFC \
        8414) or after it (OpenID Connect Discovery). Here there is nothing in any of these \
        places, often because `issuer` is not exactly what the provider calls itself, or because \
        a proxy leads /.well-known/ elsewhere.",
    fix: "Write `issuer` as the provider's own discovery document has it, and let a proxy in \
        front of it pass /.well-known/ on, for everybody and without a redirect",
    fixes: &[
        (
            ProfileName::Keycloak,
            "The issuer is https://HOST/realms/REALM, without a slash at the end and without \
                /auth since Keycloak 17. The proxy has to pass /realms/ and /.well-known/ on",
        ),
        (
            ProfileName::EntraV2,
            "The issuer is https://login.microsoftonline.com/TENANT-ID/v2.0; write the tenant's \
                id, not its name and not `common`",
        ),
        (
            ProfileName::Okta,
            "The issuer is https://ORG.okta.com/oauth2/ID of a custom authorization server \
                (Security > API)",
        ),
        (
            ProfileName::Cognito,
            "The issuer is https://cognito-idp.REGION.amazonaws.com/POOL-ID, not the domain of \
                the managed login",
        ),
        (
            ProfileName::Authentik,
            "The issuer is https://HOST/application/o/SLUG/ with the slash at the end",
        ),
        (
            ProfileName::Auth0,
            "The issuer is https://TENANT.auth0.com/ with the slash at the end",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-reachable", "issuer-tls"],
    ..Check::BLANK
};

/// Its metadata is JSON with the endpoints that a login needs.
pub const ISSUER_METADATA_VALID: Check = Check {
    id: "issuer-metadata-valid",
    title: "Its metadata is JSON with the endpoints that a login needs",
    failing: "The metadata of the authorization server lacks what a login needs",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "MCP server does not implement OAuth"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(KnownClient::ClaudeCode, "SyntaxError: Unexpected token '<'"),
        Symptom::of(
            KnownClient::Inspector,
            "Unexpected token '<', \"<!DOCTYPE \"... is not \
            valid JSON",
        ),
    ],
    cause: "What is there is no metadata: the HTML page of an application that answers every \
        address with 200, a login page in front, or a document that lacks the endpoint for \
        logins, for tokens or for keys.",
    fix: "Open the address in a browser without being logged in: it must show JSON with issuer, \
        authorization_endpoint, token_endpoint and jwks_uri. If it shows a page, correct \
        `issuer` or the proxy; if members are missing, switch the authorization code flow on at \
        the provider",
    page: "identity-providers.md",
    follows: &["issuer-metadata-found"],
    ..Check::BLANK
};

/// It calls itself by the very name that the resource metadata gives.
pub const ISSUER_EQUAL: Check = Check {
    id: "issuer-equal",
    title: "It calls itself by the very name that the resource metadata gives",
    failing: "The authorization server calls itself by another name",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("wrong_issuer"),
    ],
    cause: "The name in `issuer` and the one in the provider's own document must be the same, \
        byte for byte (RFC 8414 section 3.3): a slash at the end, http for https, or a name \
        inside of a container network makes two issuers of one. Tokens carry the provider's own \
        name and are refused as well.",
    fix: "Write `issuer` in Usher as the provider's document has it; if that is a name which \
        only a container network knows, mend the provider's public name instead",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Set `hostname` (KC_HOSTNAME) to the public address, and `proxy-headers=xforwarded` \
                behind a proxy that sends X-Forwarded-Proto and X-Forwarded-Host; then `issuer` \
                is https://HOST/realms/REALM without a slash",
        ),
        (
            ProfileName::Auth0,
            "Auth0's issuer ends in a slash: `issuer = \"https://TENANT.auth0.com/\"`; with a \
                custom domain it is that domain",
        ),
        (
            ProfileName::Authentik,
            "Authentik's issuer ends in a slash, and it is one for each application unless the \
                provider's issuer mode says otherwise",
        ),
        (
            ProfileName::EntraV2,
            "Take the address with the tenant's id: documents under `common` and `organizations` \
                name {tenantid}. The issuer of version 2.0 ends in /v2.0; that of version 1.0 is \
                https://sts.windows.net/TENANT-ID/ with a slash",
        ),
        (
            ProfileName::EntraV1,
            "The issuer of version 1.0 is https://sts.windows.net/TENANT-ID/ with the slash at \
                the end",
        ),
        (
            ProfileName::Okta,
            "In the inserted form lies the metadata of the org authorization server: clients \
                that take it go astray. Write `issuer` with /oauth2/ID, as Security > API > \
                Issuer URI has it, with the custom domain if one is set",
        ),
        (
            ProfileName::Adfs,
            "AD FS: `issuer` is https://HOST/adfs, and `token_issuer` what the metadata calls \
                access_token_issuer",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// Its endpoints are https.
pub const ISSUER_HTTPS: Check = Check {
    id: "issuer-https",
    title: "Its endpoints are https",
    failing: "An endpoint of the authorization server is plain http",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
    ],
    cause: "Codes, tokens and passwords go to these endpoints. Clients refuse plain http for \
        everything but this machine. A provider that names http addresses usually does not know \
        that a proxy in front of it speaks https.",
    fix: "Tell the provider its public https address, or let the proxy send X-Forwarded-Proto \
        and the provider trust that",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Set `hostname` to the https address and `proxy-headers=xforwarded`; the proxy has \
                to send X-Forwarded-Proto: https",
        ),
        (
            ProfileName::Authentik,
            "Let the proxy send X-Forwarded-Proto: https, and list it under \
                AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS",
        ),
        (
            ProfileName::Zitadel,
            "Set ExternalSecure: true, ExternalDomain and ExternalPort to what people see",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It advertises PKCE with S256.
pub const PKCE_OFFERED: Check = Check {
    id: "pkce-offered",
    title: "It advertises PKCE with S256",
    failing: "PKCE with S256 is not advertised",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::anywhere("Incompatible auth server: does not support code challenge method S256"),
    ],
    cause: "MCP clients prove with PKCE that the one who sends the code is the one who asked for \
        it, and must not go on where the metadata does not list S256 in \
        code_challenge_methods_supported.",
    fix: "Switch PKCE with S256 on at the provider and let its metadata say so. Where it takes \
        PKCE and does not say so, a proxy can add code_challenge_methods_supported to the \
        document",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Keycloak says so by itself: something between has another document. Compare with \
                /realms/REALM/.well-known/openid-configuration on the machine itself",
        ),
        (
            ProfileName::EntraV2,
            "Entra ID takes S256 and its metadata does not say so. Nothing can be set; a client \
                that refuses for that needs the document from a proxy that adds \
                code_challenge_methods_supported",
        ),
        (
            ProfileName::EntraV1,
            "Entra ID takes S256 and its metadata does not say so. Nothing can be set; a client \
                that refuses for that needs the document from a proxy that adds \
                code_challenge_methods_supported",
        ),
        (
            ProfileName::Adfs,
            "AD FS takes S256 since 2019 and may not say so; install the updates, or let a proxy \
                add code_challenge_methods_supported",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It offers the authorization code grant.
pub const CODE_FLOW_OFFERED: Check = Check {
    id: "code-flow-offered",
    title: "It offers the authorization code grant",
    failing: "The authorization code grant is not offered",
    place: Place::Provider,
    symptoms: &[
        Symptom::anywhere("unsupported_response_type"),
        Symptom::anywhere("Incompatible auth server: does not support response type code"),
    ],
    cause: "People log in with the authorization code grant; this server's metadata lists other \
        grants or response types only.",
    fix: "Switch the authorization code grant (response type code) on, for the server and for \
        the client",
    fixes: &[
        (
            ProfileName::Keycloak,
            "Clients > the client > Capability config: switch Standard flow on",
        ),
        (
            ProfileName::Cognito,
            "App client > Login pages > OAuth grant types: Authorization code grant",
        ),
        (
            ProfileName::Okta,
            "Security > API > the server > Access Policies: the rule has to allow Authorization \
                Code",
        ),
        (
            ProfileName::Auth0,
            "Applications > the application > Advanced Settings > Grant Types: Authorization \
                Code and Refresh Token",
        ),
    ],
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};
