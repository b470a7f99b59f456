//! Auth0: access tokens for an API of the tenant, in the Auth0 or the RFC 9068 profile.
//!
//! Read on 2026-11-21: <https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles>.

use super::{COMMON, Evidence, JWT_OR_RFC_9068, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Auth0,
    // `at+jwt` in the RFC 9068 profile; `JWT` in the Auth0 profile is unverified.
    token_types: JWT_OR_RFC_9068,
    // The Auth0 profile has `azp`, the RFC 9068 profile `client_id`, both have `scope` in the page's samples.
    access_token_marks: &[
        Mark::HasOneOf(&["client_id", "azp"]),
        Mark::HasOneOf(&["scope", "permissions"]),
    ],
    scope_claims: &["scope"],
    // Custom claims have a name of the operator's, usually with a namespace: `groups_claim`.
    groups_claim: None,
    recognises: |evidence: &Evidence<'_>| evidence.is_below("auth0.com"),
    audience_hint: "create an API with what is expected as its identifier, and switch on the Resource Parameter Compatibility Profile \
                    or make that API the default audience",
    opaque_hint: "without an API audience Auth0 issues opaque or encrypted tokens: create an API whose identifier is this \
                  server's URL, and switch on the Resource Parameter Compatibility Profile or set a default audience",
    registration_hint: "switch on dynamic registration in the settings of the Auth0 tenant, or \
                        create an application with the redirect addresses",
    ..COMMON
};
