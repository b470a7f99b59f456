//! Descope: an MCP server of the Agentic Identity Hub.
//!
//! The issuer's form and the audience were read in public integrations
//! (`https://api.descope.com/v1/apps/agentic/{project}/{server}`, 2026-11-21); the claims are unverified.

use super::{COMMON, Evidence, JWT_OR_RFC_9068, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Descope,
    token_types: JWT_OR_RFC_9068,
    access_token_marks: &[Mark::Has("scope")],
    client_id_claims: &["client_id", "azp"],
    scope_claims: &["scope"],
    groups_claim: Some("roles"),
    recognises: |evidence: &Evidence<'_>| {
        evidence.host == "api.descope.com" || evidence.path.starts_with("/v1/apps/agentic/")
    },
    audience_hint: "set the MCP Server URL of the MCP server in Descope to what is expected",
    opaque_hint: "make the client use the issuer of the MCP server in Descope's Agentic Identity Hub, and set the MCP \
                  Server URL there to this server's URL",
    registration_hint: "dynamic registration is switched off in Descope: switch it on for the MCP \
                        server, or create a client with the redirect addresses",
    ..COMMON
};
