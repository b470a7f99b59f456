//! Any issuer that follows RFC 9068.

use super::{Profile, ProfileName};

pub(super) static PROFILE: Profile = Profile {
    name: ProfileName::Generic,
    // RFC 9068 §4: "The resource server MUST verify that the 'typ' header value is 'at+jwt' or 'application/at+jwt'".
    token_types: &["at+jwt", "application/at+jwt"],
    payload_type: None,
    // `client_id` is RFC 9068 §2.2; the others are what providers wrote before it.
    client_id_claims: &["client_id", "azp", "appid", "cid"],
    // RFC 9068 §2.2.3.1, after RFC 7643 §4.1.2.
    groups_claim: "groups",
    recognises: |_| true,
};
