//! What the metadata offers, against what MCP clients need of it.

use url::Url;

use super::{Asked, Document};
use crate::auth::ProfileName;
use crate::clients::KnownClient;
use crate::doctor::checks::issuer::{
    CODE_FLOW_OFFERED, ISSUER_HTTPS, OFFLINE_ACCESS, PKCE_OFFERED, RESPONSE_ISSUER, SCOPES_OFFERED,
};
use crate::doctor::{Check, Finding};
use crate::outbound::is_loopback_host;

/// What OpenID Connect and OAuth define themselves: a list of nothing but these says nothing of others.
const STANDARD_SCOPES: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];

/// Everything that the document alone can tell.
pub(super) fn judge(document: &Document, asked: &Asked, profile: ProfileName) -> Vec<Finding> {
    vec![
        https(document, asked),
        pkce(document, profile),
        code_flow(document, profile),
        response_issuer(document, asked, profile),
        scopes(document, asked, profile),
        offline_access(document, profile),
    ]
}

/// A failure with the fix in the words of the provider.
fn failure(check: &'static Check, profile: ProfileName, found: impl Into<String>) -> Finding {
    Finding::failure(check, found).fix(check.fix_at(profile))
}

fn warning(check: &'static Check, profile: ProfileName, found: impl Into<String>) -> Finding {
    Finding::warning(check, found).fix(check.fix_at(profile))
}

/// "All authorization server endpoints MUST be served over HTTPS" (MCP 2025-11-25, authorization, communication security).
fn https(document: &Document, asked: &Asked) -> Finding {
    let is_here = |url: &Url| url.host_str().is_some_and(is_loopback_host);
    let issuer_is_here = Url::parse(&asked.issuer).is_ok_and(|url| is_here(&url));
    let endpoints = [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "registration_endpoint",
        "jwks_uri",
    ];
    let bad = endpoints.into_iter().filter_map(|name| {
        let url = document.address(name)?;
        let is_fine = url.scheme() == "https" || (issuer_is_here && is_here(&url));
        (!is_fine).then(|| format!("{name} is {url}"))
    });
    let bad: Vec<_> = bad.collect();
    match (bad.is_empty(), issuer_is_here) {
        (true, false) => Finding::ok(&ISSUER_HTTPS, "all endpoints"),
        (true, true) => Finding::ok(&ISSUER_HTTPS, "all endpoints, or on this machine"),
        (false, _) => failure(
            &ISSUER_HTTPS,
            document.profile(&asked.issuer),
            bad.join("; "),
        )
        .expected("https, for every endpoint"),
    }
}

/// "If `code_challenge_methods_supported` is absent, the authorization server does not support PKCE and MCP clients MUST
/// refuse to proceed" (MCP 2025-11-25, authorization, authorization code protection).
fn pkce(document: &Document, profile: ProfileName) -> Finding {
    const NAME: &str = "code_challenge_methods_supported";
    let expected = "S256 in code_challenge_methods_supported";
    match document.list(NAME) {
        Some(methods) if methods.contains(&"S256") => Finding::ok(&PKCE_OFFERED, "S256"),
        Some(methods) => failure(
            &PKCE_OFFERED,
            profile,
            format!("only {}", methods.join(", ")),
        )
        .expected(expected),
        // They take PKCE, do not say so, and clients connect all the same.
        None if is_known_to_keep_silent(profile) => warning(
            &PKCE_OFFERED,
            profile,
            format!("no {NAME}, though it takes S256"),
        )
        .expected(expected),
        None => failure(&PKCE_OFFERED, profile, format!("no {NAME}")).expected(expected),
    }
}

fn is_known_to_keep_silent(profile: ProfileName) -> bool {
    matches!(
        profile,
        ProfileName::EntraV1 | ProfileName::EntraV2 | ProfileName::Adfs
    )
}

fn code_flow(document: &Document, profile: ProfileName) -> Finding {
    // Omitted, they have the code grant in them (RFC 8414 §2).
    let lacks = |name, item| {
        document
            .list(name)
            .is_some_and(|list| !list.contains(&item))
    };
    if lacks("response_types_supported", "code") {
        return failure(
            &CODE_FLOW_OFFERED,
            profile,
            "response_types_supported without code",
        )
        .expected("response type code");
    }
    if lacks("grant_types_supported", "authorization_code") {
        return failure(
            &CODE_FLOW_OFFERED,
            profile,
            "grant_types_supported without authorization_code",
        )
        .expected("grant type authorization_code");
    }
    Finding::ok(&CODE_FLOW_OFFERED, "authorization code")
}

/// RFC 9207. `ChatGPT` then has one stable redirect address instead of one per connector.
fn response_issuer(document: &Document, asked: &Asked, profile: ProfileName) -> Finding {
    if document.returns_issuer() {
        return Finding::ok(&RESPONSE_ISSUER, "advertised");
    }
    let found = "authorization_response_iss_parameter_supported is not true";
    if asked.named && asked.clients.contains(&KnownClient::ChatGpt) {
        return warning(&RESPONSE_ISSUER, profile, found)
            .with_client(KnownClient::ChatGpt)
            .expected("true: else ChatGPT has another redirect address for every connector");
    }
    Finding::ok(
        &RESPONSE_ISSUER,
        format!(
            "{found}, which no client needs; ChatGPT then has another redirect address for every connector"
        ),
    )
}

fn scopes(document: &Document, asked: &Asked, profile: ProfileName) -> Finding {
    let Some(listed) = document.list("scopes_supported") else {
        return Finding::ok(&SCOPES_OFFERED, "it does not list its scopes");
    };
    if asked.scopes.is_empty() {
        return Finding::skipped(&SCOPES_OFFERED, "the server asks for no scope");
    }
    let missing = asked.scopes.iter().map(String::as_str);
    let missing: Vec<_> = missing.filter(|scope| !listed.contains(scope)).collect();
    if missing.is_empty() {
        return Finding::ok(&SCOPES_OFFERED, asked.scopes.join(" "));
    }
    if listed.iter().all(|scope| STANDARD_SCOPES.contains(scope)) {
        return Finding::ok(&SCOPES_OFFERED, "it lists none but those of OpenID Connect");
    }
    let missing = missing.join(" ");
    warning(
        &SCOPES_OFFERED,
        profile,
        format!("{missing} is not in scopes_supported"),
    )
    .expected(format!(
        "all that clients are told to ask for: {}",
        asked.scopes.join(" ")
    ))
}

fn offline_access(document: &Document, profile: ProfileName) -> Finding {
    let grants = document.list("grant_types_supported");
    let refreshes = grants
        .as_ref()
        .is_some_and(|grants| grants.contains(&"refresh_token"));
    let has_scope = document.lists("scopes_supported", "offline_access");
    match (refreshes, has_scope, grants.is_some()) {
        (true, true, _) => Finding::ok(&OFFLINE_ACCESS, "refresh_token and offline_access"),
        (true, false, _) => Finding::ok(&OFFLINE_ACCESS, "refresh_token"),
        (false, true, _) => Finding::ok(&OFFLINE_ACCESS, "offline_access"),
        (false, false, false) => Finding::ok(&OFFLINE_ACCESS, "it does not list its grants"),
        (false, false, true) => warning(
            &OFFLINE_ACCESS,
            profile,
            "neither refresh_token in grant_types_supported nor offline_access in scopes_supported",
        )
        .expected("refresh tokens: else people log in again whenever an access token ends"),
    }
}

#[cfg(test)]
mod tests;
