//! Keycloak, and the Red Hat build of it.

use super::{COMMON, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Keycloak,
    // The header says `JWT` unless the client's `at+jwt` switch is on. Read in a token of Keycloak's:
    // https://github.com/agentgateway/agentgateway/issues/638.
    token_types: &["JWT", "at+jwt"],
    // The payload member `typ` tells an access token (`Bearer`) from an ID token (`ID`) and a refresh token (`Refresh`,
    // `Offline`) in either case. Read in the same token.
    access_token_marks: &[Mark::Is("typ", "Bearer")],
    client_id_claims: &["azp", "client_id"],
    scope_claims: &["scope"],
    // There is no default: it is the name that a group membership mapper is usually given.
    groups_claim: Some("groups"),
    recognises,
    audience_hint: "give the client scope that clients ask for (mcp:read) a mapper of type Audience, with what is expected as its \
                    Included Custom Audience",
    opaque_hint: "Keycloak issues JWT access tokens unless a client has \"Use lightweight access token\" on: switch it \
                  off for this client, or its mappers on",
    registration_hint: "Keycloak has such an endpoint, so something between hides it; or create \
                        the client in the admin console under Clients > Create client, with the \
                        redirect addresses",
    ..COMMON
};

/// An issuer `https://host/realms/{realm}`, or metadata with Keycloak's endpoint paths (a host name mapped by a proxy).
fn recognises(evidence: &Evidence<'_>) -> bool {
    let realm_path = evidence
        .path
        .split_once("/realms/")
        .is_some_and(|(_, realm)| !realm.is_empty());
    realm_path || evidence.has_token_endpoint("/protocol/openid-connect/token")
}
