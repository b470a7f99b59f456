//! Laws that hold for any bytes. `tests/fuzz` feeds them from libFuzzer, the tests below from its seeds.
//!
//! Each law takes raw bytes, hands them to the parser that meets them first in the server, and panics where the parser
//! lets something through that it promised to stop. Outside tests and fuzzing this module does not exist.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::auth::AccessToken;
pub use crate::auth::fuzzing::token;
use crate::config;
pub use crate::mcp::fuzzing::{envelope, headers};

/// Bearer grammar (RFC 6750 §2.1): what is accepted is one header with one `Bearer` credential, which stays a secret.
pub fn bearer(data: &[u8]) {
    // A byte 0xFF, which no credential holds, parts one header from the next.
    let mut headers = HeaderMap::new();
    for value in data.split(|byte| *byte == 0xFF).take(4) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(AUTHORIZATION, value);
        }
    }
    let Ok(access_token) = AccessToken::from_headers(&headers) else {
        return;
    };
    assert_eq!(headers.len(), 1, "one header");
    let value = headers.get(AUTHORIZATION).expect("one header");
    let value = value.to_str().expect("an accepted header is ASCII");
    let (scheme, credential) = value.split_once(' ').expect("a scheme and a credential");
    let credential = credential.trim_matches(' ');
    assert!(scheme.eq_ignore_ascii_case("bearer"), "scheme {scheme:?}");
    let body = credential.trim_end_matches('=');
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    assert!(
        !body.is_empty() && body.chars().all(is_token_char),
        "{credential:?}"
    );
    assert_eq!(format!("{access_token:?}"), "AccessToken(…)");
}

/// Configuration: whatever the text, it is read or its mistakes are told.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(mistakes) = config::parse_str(text) {
        assert!(!mistakes.list().is_empty(), "a refusal names a mistake");
        assert!(!mistakes.to_string().is_empty(), "a mistake has words");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Runs a law over the seeds of its target. Only panics of the law itself can fail it.
    fn check(target: &str, law: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fuzz/corpus")
            .join(target);
        let files = std::fs::read_dir(&seeds).expect("the target has seeds");
        let mut count = 0;
        for file in files {
            let path = file.expect("a seed is readable").path();
            law(&std::fs::read(path).expect("a seed is readable"));
            count += 1;
        }
        assert!(count >= 5, "{count} seeds in {}", seeds.display());
    }

    #[test]
    fn the_seeds_of_every_fuzz_target_hold_its_law() {
        check("bearer", bearer);
        check("config", config);
        check("envelope", envelope);
        check("headers", headers);
        check("token", token);
    }
}
