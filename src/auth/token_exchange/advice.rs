//! What an operator can do about an exchange that fails, in the words of the provider's console.

use super::super::ProfileName;
use crate::token_endpoint::{Code, TokenEndpointError};

/// One sentence for the log.
pub(super) fn of(profile: ProfileName, error: &TokenEndpointError) -> &'static str {
    let refusal = match error {
        TokenEndpointError::Refused(refusal) => refusal,
        TokenEndpointError::Outbound(_) => {
            return "see whether this machine reaches the token endpoint, and the provider's own log";
        }
        TokenEndpointError::Secret(_) => return "see the secret file of the upstream's credential",
        TokenEndpointError::Invalid(_) => {
            return "the provider's answer is not as RFC 8693 has it; see which token type it gives";
        }
    };
    match (profile, refusal.code, refusal.status) {
        (ProfileName::Keycloak, code, status) => keycloak(code, status),
        (ProfileName::EntraV1 | ProfileName::EntraV2 | ProfileName::Adfs, code, _) => entra(code),
        (_, code, _) => other(code),
    }
}

fn keycloak(code: Code, status: u16) -> &'static str {
    match (code, status) {
        (Code::InvalidClient | Code::UnauthorizedClient, 401) => {
            "see client_id and its secret at Keycloak, Clients, Credentials; a public client cannot exchange tokens"
        }
        (Code::InvalidScope, _) => {
            "at Keycloak, Clients, this client, Client scopes: add the scope as optional"
        }
        (Code::InvalidClient | Code::InvalidTarget, _) => {
            "Keycloak takes a client id as `audience`, one that the caller's roles or scopes reach; for any other name, write \
             a client scope with an Audience mapper into `scopes` instead"
        }
        (Code::AccessDenied, _) => {
            "Keycloak exchanges only tokens that have this client among their audiences: add an Audience mapper with it as \
             Included Client Audience to the scope that callers log in with; and the caller needs the roles that the scope asks for"
        }
        (Code::InvalidRequest | Code::InvalidToken | Code::InvalidGrant, _) => {
            "the caller's session at Keycloak may be over; if it happens to everybody, switch on Standard Token Exchange at \
             Clients, this client, Settings, Capability config"
        }
        (Code::UnauthorizedClient | Code::UnsupportedGrantType, _) => {
            "switch on Standard Token Exchange at Keycloak, Clients, this client, Settings, Capability config"
        }
        (Code::InteractionRequired | Code::Other, _) => "see Keycloak's own log",
    }
}

fn entra(code: Code) -> &'static str {
    match code {
        Code::InvalidClient | Code::UnauthorizedClient => {
            "see client_id (the application that callers' tokens are for) and its client secret at Entra ID; secrets expire"
        }
        Code::InvalidGrant | Code::InteractionRequired | Code::AccessDenied => {
            "at Entra ID, App registrations, this application, API permissions: add the upstream's delegated permission and \
             grant admin consent (AADSTS65001), or see which Conditional Access policy wants something of the person (AADSTS50076)"
        }
        Code::InvalidScope | Code::InvalidTarget | Code::InvalidRequest => {
            "write one scope of one API, such as api://11111111-2222-3333-4444-555555555555/.default, and the callers' tokens must \
             be for this application"
        }
        Code::InvalidToken | Code::UnsupportedGrantType | Code::Other => {
            "see the AADSTS number in the provider's words"
        }
    }
}

fn other(code: Code) -> &'static str {
    match code {
        Code::InvalidClient | Code::UnauthorizedClient => {
            "see client_id, its secret and client_authentication, and let this client exchange tokens"
        }
        Code::InvalidScope => "let this client ask for these scopes",
        Code::InvalidTarget => "write `audience` or `resource` as the provider knows the upstream",
        Code::AccessDenied | Code::InteractionRequired => {
            "let this client exchange this caller's tokens for that audience"
        }
        Code::UnsupportedGrantType => {
            "this provider has no token exchange (RFC 8693), or not for this client"
        }
        Code::InvalidGrant | Code::InvalidRequest | Code::InvalidToken | Code::Other => {
            "see the provider's own log; the caller's session may be over"
        }
    }
}
