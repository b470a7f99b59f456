//! Active Directory Federation Services, 2016 and later.
//!
//! Nothing here was read in a token of a live farm: unverified, from general knowledge, except that tokens name
//! `http://{host}/adfs/services/trust` as issuer while the metadata names `https://{host}/adfs`
//! (`access_token_issuer`), which many integrations work around.

use super::{COMMON, Discovery, Evidence, Mark, Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Adfs,
    token_types: &["JWT"],
    access_token_marks: &[Mark::Has("appid"), Mark::Has("scp")],
    client_id_claims: &["appid"],
    scope_claims: &["scp"],
    // A claim rule of the operator's: `groups_claim`.
    groups_claim: None,
    discovery: Discovery::Appended,
    recognises: |evidence: &Evidence<'_>| {
        let path = evidence.path.trim_end_matches('/');
        path.ends_with("/adfs")
            || path.ends_with("/adfs/services/trust")
            || evidence.has_token_endpoint("/adfs/oauth2/token")
            || evidence.has_token_endpoint("/adfs/oauth2/token/")
    },
    audience_hint: "make the client send `resource`, and list the Web API's identifier in `audiences`",
    opaque_hint: "AD FS issues JWTs for a Web API of an application group: make the client send `resource`, without \
                  which the token is for urn:microsoft:userinfo",
    registration_hint: "AD FS registers nobody by itself: add a native application with the \
                        redirect addresses to the application group",
    ..COMMON
};
