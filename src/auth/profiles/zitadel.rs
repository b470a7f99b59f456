//! Zitadel, with the application's access token type set to JWT.
//!
//! Read on 2026-11-21: <https://zitadel.com/docs/apis/openidoauth/claims> and the signer of github.com/zitadel/oidc
//! (`pkg/op/signer.go`).

use super::{COMMON, Evidence, JWT_OR_RFC_9068, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Zitadel,
    // The signer writes `JWT` for every token.
    token_types: JWT_OR_RFC_9068,
    // The table of claims: `jti` in access tokens and not in ID tokens; `acr`, `amr` and `auth_time` the other way round.
    access_token_marks: &[Mark::Has("jti")],
    id_token_marks: &[Mark::Has("auth_time"), Mark::Has("amr"), Mark::Has("acr")],
    // `azp` by the same table; `client_id` is unverified.
    client_id_claims: &["client_id", "azp"],
    // Unverified.
    scope_claims: &["scope"],
    // Roles of the project: an object with a member per role.
    groups_claim: Some("urn:zitadel:iam:org:project:roles"),
    groups_are_members: true,
    recognises: |evidence: &Evidence<'_>| {
        evidence.is_below("zitadel.cloud") || evidence.has_token_endpoint("/oauth/v2/token")
    },
    audience_hint: "list the project id in `audiences`, or let clients ask for the scope urn:zitadel:iam:org:project:id:{project}:aud",
    opaque_hint: "Zitadel issues opaque tokens unless the application says otherwise: in its token settings set \"Auth \
                  Token Type\" to JWT",
    registration_hint: "Zitadel registers nobody by itself: create an application with the \
                        redirect addresses in the project",
    ..COMMON
};
