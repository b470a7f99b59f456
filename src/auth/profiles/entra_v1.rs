//! Microsoft Entra ID, access tokens of version 1.0: what an API gets whose manifest does not ask for version 2.
//!
//! Read on 2026-11-21 in copies of
//! <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference> unless marked otherwise.

use super::{COMMON, Discovery, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::EntraV1,
    // "typ: String - always JWT".
    token_types: &["JWT"],
    // `appid`: "only present in v1.0 tokens". The value of `ver` is unverified against a live tenant.
    access_token_marks: &[Mark::Is("ver", "1.0"), Mark::Has("appid")],
    client_id_claims: &["appid"],
    // Unverified, as in version 2.0.
    scope_claims: &["scp"],
    // As in version 2.0.
    wants_scope_prefix: true,
    overage_claim: Some("hasgroups"),
    discovery: Discovery::Appended,
    // `https://sts.windows.net/{tenant}/`, with the slash. The hosts of national clouds are unverified.
    recognises: |evidence: &Evidence<'_>| {
        ["sts.windows.net", "sts.chinacloudapi.cn"].contains(&evidence.host)
    },
    audience_hint: "list the application ID URI, and the application (client) id, of the API's registration in `audiences`",
    opaque_hint: "a token for Microsoft Graph cannot be verified by others: make the client ask for a scope of this \
                  server's own app registration (api://…/scope), not for Graph's",
    registration_hint: "Entra ID registers nobody by itself: add an app registration (public \
                        client) with the redirect addresses",
    ..COMMON
};
