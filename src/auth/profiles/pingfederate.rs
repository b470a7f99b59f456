//! `PingFederate` with a JSON token manager.
//!
//! Read on 2026-11-21:
//! <https://docs.pingidentity.com/pingfederate/latest/administrators_reference_guide/pf_configure_json_token_management.html>
//! says that issuer, audience and other claims are each configured in the token manager, so all below is what it is to be
//! set to rather than what it is. Claim names of a new token manager: unverified.

use super::{COMMON, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Pingfederate,
    // Unverified: no `typ` unless the token manager is told to write one.
    without_type: true,
    access_token_marks: &[Mark::Has("client_id"), Mark::Has("scope")],
    client_id_claims: &["client_id"],
    // A string or an array, by the token manager's setting.
    scope_claims: &["scope"],
    recognises: |evidence| evidence.has_token_endpoint("/as/token.oauth2"),
    opaque_hint: "a reference token manager issues opaque tokens: create a JSON token manager that signs with an RSA or EC \
                  certificate and writes issuer and audience, and make it the one for this resource",
    registration_hint: "switch on dynamic client registration in PingFederate, or create an OAuth \
                        client with the redirect addresses",
    ..COMMON
};
