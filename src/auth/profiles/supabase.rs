//! Supabase Auth as an OAuth 2.1 server.
//!
//! Read on 2026-11-21: <https://supabase.com/docs/guides/auth/oauth-server/token-security>.

use super::{COMMON, Evidence, JWT_OR_RFC_9068, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Supabase,
    // Unverified.
    token_types: JWT_OR_RFC_9068,
    // "The key OAuth-specific claim is client_id": tokens of the project's own sessions have none. `session_id` and
    // `role` are in every access token.
    access_token_marks: &[
        Mark::Has("client_id"),
        Mark::Has("session_id"),
        Mark::Is("role", "authenticated"),
    ],
    client_id_claims: &["client_id"],
    // Not written by default: an access token hook has to add it.
    scope_claims: &["scope"],
    groups_claim: None,
    recognises: |evidence: &Evidence<'_>| {
        evidence.is_below("supabase.co") && evidence.path.trim_end_matches('/') == "/auth/v1"
    },
    audience_hint: "write an access token hook that sets aud, or list \"authenticated\" in `audiences` together with `client_ids`",
    opaque_hint: "Supabase issues JWTs, signed with a shared secret in older projects: switch the project to asymmetric \
                  signing keys (ES256 or RS256), and make the client send the access token",
    registration_hint: "switch on dynamic registration under Authentication > OAuth Server in \
                        Supabase, or create an OAuth client with the redirect addresses",
    ..COMMON
};
