//! `WorkOS` `AuthKit`: Connect access tokens for MCP clients.
//!
//! Read on 2026-11-21: <https://workos.com/docs/authkit/connect/token-claims> and the sample token of
//! <https://workos.com/docs/reference/workos-connect/token/client-credentials-grant.md>.

use super::{COMMON, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Workos,
    // The sample's header is `alg` and `kid` only.
    without_type: true,
    // The table of claims; unverified that ID tokens have none of these. Session tokens have another issuer.
    access_token_marks: &[Mark::Has("client_id"), Mark::Has("scope")],
    client_id_claims: &["client_id"],
    scope_claims: &["scope"],
    groups_claim: None,
    recognises: |evidence: &Evidence<'_>| evidence.is_below("authkit.app"),
    audience_hint: "register what is expected as a resource indicator in AuthKit",
    opaque_hint: "make the client authorize at the AuthKit domain, and register this server's URL as a resource \
                  indicator there: tokens of other flows may be opaque",
    registration_hint: "switch on Dynamic Client Registration under Connect > Configuration in \
                        WorkOS, or create an application with the redirect addresses",
    ..COMMON
};
