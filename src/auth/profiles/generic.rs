//! Any issuer that follows RFC 9068.

use super::{COMMON, Profile};

pub(super) static PROFILE: Profile = Profile {
    // `client_id` is RFC 9068 §2.2; the others are what providers wrote before it.
    client_id_claims: &["client_id", "azp", "appid", "cid"],
    recognises: |_| true,
    opaque_hint: "make it issue signed JWT access tokens (RFC 9068) for this server: usually by registering this server \
                  there as an API or resource with its own audience",
    registration_hint: "register the client there by hand: authorization code grant, PKCE (S256), \
                        and the redirect addresses",
    // `groups` is RFC 9068 §2.2.3.1, after RFC 7643 §4.1.2; `scope` is §2.2.3, `scp` what some wrote before it.
    ..COMMON
};
