//! The registry of checks, in the order in which a connection meets them.

pub mod address;
pub mod challenge;
pub mod inside;
pub mod issuer;
pub mod recent;
pub mod session;
pub mod token;

use super::Check;

const AREAS: [(&str, &[&Check]); 7] = [
    ("The address", address::ALL),
    ("The challenge and the metadata", challenge::ALL),
    ("The identity provider", issuer::ALL),
    ("Login and session", session::ALL),
    ("The token", token::ALL),
    ("This server, from inside", inside::ALL),
    ("What this server saw lately", recent::ALL),
];

/// The checks by what they are about, each area with a heading for people.
pub fn areas() -> impl Iterator<Item = (&'static str, &'static [&'static Check])> {
    AREAS.into_iter()
}

/// Every check there is.
pub fn all() -> impl Iterator<Item = &'static Check> {
    AREAS.into_iter().flat_map(|(_, checks)| checks).copied()
}

/// The check of this name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Check> {
    all().find(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_checks_share_an_id_and_each_can_be_found() {
        let mut seen = HashSet::new();
        for check in all() {
            assert!(seen.insert(check.id), "{}", check.id);
            assert_eq!(by_id(check.id), Some(check));
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(check.id.bytes().all(plain), "{}", check.id);
        }
    }

    #[test]
    fn what_a_check_follows_is_a_check_and_never_itself() {
        for check in all() {
            for cause in check.follows {
                assert!(by_id(cause).is_some(), "{} follows {cause}", check.id);
                assert_ne!(*cause, check.id);
            }
        }
    }
}
