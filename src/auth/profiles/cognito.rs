//! Amazon Cognito user pools.
//!
//! Read on 2026-11-21:
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>.

use super::{COMMON, Discovery, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Cognito,
    // "The header contains two pieces of information: the key ID (kid), and the algorithm (alg)": no `typ` at all.
    token_types: &[],
    without_type: true,
    // `token_use` is `access` or `id`.
    access_token_marks: &[Mark::Is("token_use", "access"), Mark::Has("client_id")],
    id_token_marks: &[Mark::Is("token_use", "id")],
    // "aud" is missing unless the pool binds tokens to resources; then the app client is the only addressee there is.
    // The operator lists the app clients that are this server's own under `audiences`.
    audience_claims: &["aud", "client_id"],
    client_id_claims: &["client_id"],
    scope_claims: &["scope"],
    groups_claim: Some("cognito:groups"),
    // No RFC 8414 document (Zuplo's catalogue of providers).
    discovery: Discovery::Appended,
    recognises: |evidence: &Evidence<'_>| {
        let aws = evidence.is_below("amazonaws.com") || evidence.is_below("amazonaws.com.cn");
        evidence.host.starts_with("cognito-idp.") && aws
    },
    audience_hint: "write `profile = \"cognito\"` and list the app clients in `audiences`, or bind tokens to resources in the pool",
    opaque_hint: "Cognito's access tokens are JWTs and its refresh tokens are not: make the client send the access token",
    registration_hint: "Cognito registers nobody by itself: create an app client of the user pool \
                        with the redirect addresses",
    ..COMMON
};
