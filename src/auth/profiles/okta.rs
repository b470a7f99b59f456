//! Okta, a custom authorization server (`/oauth2/{id}`). The org authorization server's tokens are for Okta alone.

use super::{COMMON, Discovery, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Okta,
    // A custom server's header has `kid` and `alg` only: unverified. The org server writes
    // `application/okta-internal-at+jwt`, which is refused here on purpose: such tokens "shouldn't be consumed or validated
    // by any app other than Okta" (https://developer.okta.com/docs/guides/validate-access-tokens/, read 2026-11-21).
    without_type: true,
    // Payload of a custom server's token: `ver`, `jti`, `iss`, `aud`, `cid`, `uid`, `scp` (array), `sub`. Read on
    // 2026-11-21 in Okta's own developer documentation (github.com/okta/okta-developer-docs, consent guide).
    access_token_marks: &[Mark::Has("cid"), Mark::Has("scp")],
    client_id_claims: &["cid"],
    scope_claims: &["scp"],
    // A claim of that name has to be added to the authorization server; the same documentation does so.
    groups_claim: Some("groups"),
    // The inserted form answers for the org authorization server (github.com/Kong/insomnia/issues/9501).
    discovery: Discovery::Appended,
    recognises,
    audience_hint: "set the audience of the authorization server to what is expected",
    opaque_hint: "tokens of the org authorization server are for Okta alone: use a custom authorization server \
                  (https://{org}.okta.com/oauth2/{id}) whose audience is this server",
    registration_hint: "Okta publishes no endpoint that is open to this: create an OpenID Connect \
                        app integration with the redirect addresses",
    ..COMMON
};

/// A custom authorization server below one of Okta's domains, or its endpoint below a custom domain.
fn recognises(evidence: &Evidence<'_>) -> bool {
    let own = [
        "okta.com",
        "oktapreview.com",
        "okta-emea.com",
        "okta-gov.com",
    ];
    let server = evidence.path.strip_prefix("/oauth2/");
    let is_custom = server.is_some_and(|id| !id.is_empty() && !id.contains('/'));
    let is_own = own.iter().any(|domain| evidence.is_below(domain));
    is_custom && (is_own || evidence.has_token_endpoint(&format!("{}/v1/token", evidence.path)))
}
