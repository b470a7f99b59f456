//! Clerk, with OAuth access tokens issued as JWTs.
//!
//! Read on 2026-11-21 in github.com/clerk/javascript: `tokens/machine.ts` and `api/resources/IdPOAuthAccessToken.ts` of its
//! server-side package.

use super::{COMMON, Evidence, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Clerk,
    // "Valid OAuth 2.0 JWT access token type values per RFC 9068": session tokens, which say `JWT`, stay out.
    client_id_claims: &["client_id"],
    scope_claims: &["scp", "scope"],
    groups_claim: None,
    // An instance with a domain of its own is to be named in the settings.
    recognises: |evidence: &Evidence<'_>| evidence.is_below("clerk.accounts.dev"),
    opaque_hint: "Clerk issues opaque tokens (oat_…) where the application says so: in the dashboard under OAuth \
                  applications, Settings, switch on \"Generate access tokens as JWTs\"",
    registration_hint: "switch on dynamic registration in Clerk's dashboard, or create an OAuth \
                        application with the redirect addresses",
    ..COMMON
};
