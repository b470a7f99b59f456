//! Keycloak, and the Red Hat build of it.

use super::{Evidence, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Keycloak,
    // The header says `JWT` unless the client's `at+jwt` switch is on; the payload member `typ` tells an access token
    // (`Bearer`) from an ID token (`ID`) and a refresh token (`Refresh`, `Offline`) in either case.
    token_types: &["JWT", "at+jwt"],
    payload_type: Some("Bearer"),
    client_id_claims: &["azp", "client_id"],
    // There is no default: it is the name that a group membership mapper is usually given.
    groups_claim: "groups",
    recognises,
};

/// An issuer `https://host/realms/{realm}`, or metadata with Keycloak's endpoint paths (a host name mapped by a proxy).
fn recognises(evidence: &Evidence<'_>) -> bool {
    let address = evidence.issuer.split(['?', '#']).next().unwrap_or_default();
    let realm_path = address
        .split_once("/realms/")
        .is_some_and(|(before, realm)| before.contains("://") && !realm.is_empty());
    realm_path
        || evidence
            .token_endpoint
            .is_some_and(|endpoint| endpoint.ends_with("/protocol/openid-connect/token"))
}
