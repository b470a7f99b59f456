//! Authelia, with JWT access tokens switched on for the client.
//!
//! Read on 2026-11-21 in its source, `internal/oidc/session.go`: `GetJWTHeader` writes `at+jwt`.

use super::{COMMON, Evidence, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Authelia,
    // ID tokens say `JWT`, so `typ` tells them apart (RFC 9068 §2.1).
    client_id_claims: &["client_id"],
    // The library it is built on writes `scope`, `scp` or both.
    scope_claims: &["scope", "scp"],
    // A claims policy has to put it into the access token. Unverified.
    groups_claim: Some("groups"),
    recognises: |evidence: &Evidence<'_>| evidence.has_token_endpoint("/api/oidc/token"),
    audience_hint: "list what is expected as an audience of the client, and let the client ask for it",
    opaque_hint: "Authelia issues opaque tokens unless the client says otherwise: set its \
                  access_token_signed_response_alg to RS256, and this server's URL as an audience",
    registration_hint: "Authelia registers nobody by itself: add a client with the redirect \
                        addresses to identity_providers.oidc.clients in its configuration",
    ..COMMON
};
