//! Random values and their comparison.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 256 random bits, as text that needs no escaping in a URL, a form, a header or a cookie.
pub(crate) fn long() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// A short random number, for a password that somebody types.
pub(crate) fn short() -> String {
    format!("{:06}", u32::from_le_bytes(random::<4>()) % 1_000_000)
}

/// Compares without telling by the time it takes where the difference is.
pub(crate) fn equal(left: &str, right: &str) -> bool {
    verify_slices_are_equal(left.as_bytes(), right.as_bytes()).is_ok()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("invariant: the operating system has random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_differ_and_are_url_safe() {
        let (first, second) = (long(), long());
        assert_ne!(first, second);
        assert_eq!(first.len(), 43);
        assert!(
            first
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
    }

    #[test]
    fn equal_compares_whole_values() {
        assert!(equal("abc", "abc"));
        assert!(!equal("abc", "abcd"));
        assert!(!equal("abc", "abd"));
    }
}
