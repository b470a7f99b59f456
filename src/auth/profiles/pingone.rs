//! `PingOne`: access tokens for a custom resource.
//!
//! Read on 2026-11-21:
//! <https://developer.pingidentity.com/pingone-api/foundations/authentication-concepts/access-tokens-and-id-tokens/token-claims.html>.

use super::{COMMON, Discovery, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Pingone,
    // "the JWT header must contain […] kid […]. Beginning March 2, 2027, PingOne will always include the typ header claim
    // with a value of at+jwt"; until then it may be missing.
    without_type: true,
    // Unverified that ID tokens have neither.
    access_token_marks: &[Mark::Has("client_id"), Mark::Has("scope")],
    client_id_claims: &["client_id"],
    scope_claims: &["scope"],
    // A resource attribute mapping of that name.
    groups_claim: Some("groups"),
    discovery: Discovery::Appended,
    recognises: |evidence: &Evidence<'_>| {
        evidence.host.starts_with("auth.pingone.") && evidence.path.ends_with("/as")
    },
    audience_hint: "make the clients ask for a scope of a custom resource whose audience is what is expected",
    opaque_hint: "PingOne's access tokens are JWTs and only refresh tokens are opaque: make the client send the access \
                  token of a custom resource",
    registration_hint: "create an OpenID Connect application with the redirect addresses in \
                        PingOne",
    ..COMMON
};
