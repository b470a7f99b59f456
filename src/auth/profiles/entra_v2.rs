//! Microsoft Entra ID, access tokens of version 2.0 (`requestedAccessTokenVersion: 2` in the API's manifest).
//!
//! Read on 2026-11-21 in copies of
//! <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference> unless marked otherwise.

use super::{COMMON, Discovery, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::EntraV2,
    // "typ: String - always JWT".
    token_types: &["JWT"],
    // `azp`: "String, a GUID, only present in v2.0 tokens"; the list of ID token claims has none. The value of `ver` is
    // unverified against a live tenant.
    access_token_marks: &[Mark::Is("ver", "2.0"), Mark::Has("azp")],
    client_id_claims: &["azp"],
    // `scp`, the short names in one string. Unverified; application roles (`roles`) are no scopes here.
    scope_claims: &["scp"],
    // Asked for by "the resource's identifier or application ID URI" and the permission's name
    // (https://learn.microsoft.com/entra/identity-platform/scopes-oidc), and `scp` has the name alone
    // (https://aspire.dev/reference/api/go/aspire.hosting.azure.entraid/entraidapplicationresource/withscope/). Unverified
    // against a live tenant.
    wants_scope_prefix: true,
    // Object ids, where the registration's `groupMembershipClaims` asks for them.
    groups_claim: Some("groups"),
    // Above 200 groups `_claim_names` names an address instead
    // (https://learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/get-signed-in-users-groups-in-access-token);
    // `hasgroups` is the short form. Unverified.
    overage_claim: Some("hasgroups"),
    // No RFC 8414 document (Zuplo's catalogue of providers).
    discovery: Discovery::Appended,
    recognises,
    audience_hint: "list the application (client) id of the API's registration in `audiences`: tokens of version 2.0 name nothing else",
    opaque_hint: "a token for Microsoft Graph cannot be verified by others: make the client ask for a scope of this \
                  server's own app registration (api://…/scope), not for Graph's",
    registration_hint: "Entra ID registers nobody by itself: add an app registration (public \
                        client) with the redirect addresses",
    ..COMMON
};

/// `https://login.microsoftonline.com/{tenant}/v2.0`, the national clouds, and external tenants.
fn recognises(evidence: &Evidence<'_>) -> bool {
    is_microsoft(evidence) && evidence.path.ends_with("/v2.0")
}

fn is_microsoft(evidence: &Evidence<'_>) -> bool {
    let hosts = [
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
    ];
    hosts.contains(&evidence.host) || evidence.is_below("ciamlogin.com")
}
