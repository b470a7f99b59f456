//! Authentik.
//!
//! Read on 2026-11-21 in its source, `authentik/providers/oauth2/id_token.py`: an access token is the ID token's claims
//! with `azp` and `uid` added.

use super::{COMMON, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Authentik,
    // Unverified: what its JWT library writes by default.
    token_types: &["JWT", "at+jwt"],
    // `uid` is written into access tokens only. Both kinds name the client id in `aud`, so this mark is what keeps ID
    // tokens out.
    access_token_marks: &[Mark::Has("uid"), Mark::Has("azp")],
    client_id_claims: &["azp"],
    // Not written by default: a scope mapping has to return `scope`.
    scope_claims: &["scope"],
    // The names of the groups, by the `profile` scope. Unverified.
    groups_claim: Some("groups"),
    recognises: |evidence: &Evidence<'_>| {
        evidence.path.contains("/application/o/")
            || evidence.has_token_endpoint("/application/o/token/")
    },
    audience_hint: "list the client ids in `audiences`: Authentik writes nothing else into aud",
    opaque_hint: "Authentik issues JWTs; an encrypted one has five parts: take the encryption key off the provider, and \
                  give it an RSA or EC signing key",
    registration_hint: "create an OAuth2/OpenID provider with the redirect addresses in the admin \
                        interface of Authentik",
    ..COMMON
};
