//! What an issuer publishes, read as the server reads it, for whoever diagnoses a connection.
//!
//! The same code judges here and at run time, so that a diagnosis and the server cannot disagree.

#[cfg(test)]
use url::Url;

use super::algorithm::Algorithm;
#[cfg(test)]
use super::discovery;
use super::profiles::{self, Evidence};
use super::{ProfileName, jwk};

/// Where the server looks for the metadata of an issuer, for the test that holds the doctor to the same places.
#[cfg(test)]
#[must_use]
pub fn metadata_places(issuer: &Url) -> Vec<Url> {
    discovery::places(issuer)
}

/// A published key set, as the server takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    /// For each key that is of use, what it can verify.
    pub usable: Vec<Vec<Algorithm>>,
    /// What is left out, for a person. Empty if nothing is.
    pub left_out: String,
    /// True if there are keys, and all that is left out is for encryption, which is as it should be.
    pub left_out_for_encryption_only: bool,
}

impl KeySet {
    /// Reads one. The error says what is wrong with the document.
    pub fn read(document: &[u8]) -> Result<Self, String> {
        let wanted = jwk::Wanted {
            without_kid: false,
            blocked_kids: &[],
        };
        let parsed = jwk::parse(document, wanted).map_err(|error| error.to_string())?;
        let usable = parsed.keys.iter().map(|key| {
            let all = Algorithm::all().into_iter();
            all.filter(|algorithm| key.fits(*algorithm)).collect()
        });
        let reasons = || parsed.skipped.iter().map(|skipped| skipped.reason);
        Ok(Self {
            usable: usable.collect(),
            left_out_for_encryption_only: reasons().all(|reason| reason == jwk::FOR_SOMETHING_ELSE),
            left_out: match parsed.skipped.is_empty() {
                true => String::new(),
                false => parsed.in_words(),
            },
        })
    }

    /// True if some key verifies this algorithm.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm) -> bool {
        self.usable
            .iter()
            .flatten()
            .any(|known| *known == algorithm)
    }
}

impl ProfileName {
    /// How an issuer is recognised by its name and its token endpoint.
    #[must_use]
    pub fn recognised(issuer: &str, token_endpoint: Option<&str>) -> Self {
        profiles::detect(&Evidence::new(issuer, token_endpoint)).name
    }

    /// What to change there if its tokens do not name this server in `aud`.
    #[must_use]
    pub fn audience_hint(self) -> &'static str {
        self.profile().audience_hint
    }

    /// What to do there if clients cannot register themselves.
    #[must_use]
    pub fn registration_hint(self) -> &'static str {
        self.profile().registration_hint
    }

    /// What to change there if its tokens are opaque or encrypted.
    #[must_use]
    pub fn opaque_hint(self) -> &'static str {
        self.profile().opaque_hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_says_what_it_verifies_and_what_is_left_out() {
        let read = |text: &str| KeySet::read(text.as_bytes());
        let empty = read(r#"{"keys":[]}"#).expect("a key set");
        assert_eq!(
            empty,
            KeySet {
                left_out_for_encryption_only: true,
                ..KeySet::default()
            }
        );

        let curve = r#"{"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let encryption = r#"{"kty":"RSA","use":"enc","kid":"r"}"#;
        let symmetric = r#"{"kty":"oct","kid":"s"}"#;
        let set = read(&format!(r#"{{"keys":[{curve},{encryption}]}}"#)).expect("a key set");
        assert!(set.verifies(Algorithm::Es256) && !set.verifies(Algorithm::Rs256));
        assert!(set.left_out_for_encryption_only);
        let set = read(&format!(r#"{{"keys":[{encryption},{symmetric}]}}"#)).expect("a key set");
        assert!(set.usable.is_empty() && !set.left_out_for_encryption_only);
        assert!(set.left_out.contains("it is symmetric"), "{}", set.left_out);
        assert!(read("<html>").is_err());
    }
}
