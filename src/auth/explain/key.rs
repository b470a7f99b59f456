//! Whether one of the issuer's keys signed it, from the keys at hand.

use super::foreign::{Origin, is_signed_by};
use super::{Claim, Opened, Outcome, Requirement, shown};
use crate::auth::issuer::Issuer;
use crate::auth::{TokenError, signing_keys};

const KEY: &str = "a key that the issuer publishes";
const SIGNATURE: &str = "right, by that key";

impl Opened<'_> {
    /// True if a configured issuer's key signed it: that of the one that it names, if it names one.
    pub(super) fn is_signed(&self) -> bool {
        match self.whose.origin {
            Origin::Configured(issuer) | Origin::SignedBy(issuer) => {
                is_signed_by(issuer, self.parts, self.header)
            }
            Origin::Resembles(_) | Origin::Stranger => false,
        }
    }

    /// The key, and then the signature.
    pub(super) fn key(&self) -> Vec<Claim> {
        let Origin::Configured(issuer) = self.whose.origin else {
            return self.without_keys();
        };
        let kid = self.header.kid.as_deref();
        let Some(algorithm) = issuer.allowed(&self.header.algorithm) else {
            let why = "its algorithm is not accepted, so no key fits it";
            return vec![
                Claim::skipped(Requirement::Key, KEY, why),
                Claim::skipped(Requirement::Signature, SIGNATURE, why),
            ];
        };
        let found = issuer.keys.at_hand(kid, algorithm);
        let shown_kid = Some(kid.map_or_else(|| "no kid".to_owned(), shown::text));
        match self.as_answered(issuer, found) {
            Ok(found) => {
                let signed = self.parts.signed.as_bytes();
                let signer = found.signer(algorithm, signed, &self.parts.signature);
                let how = if signer.is_ok() { "right" } else { "wrong" };
                vec![
                    Claim::new(Requirement::Key, KEY, shown_kid, Ok(())),
                    Claim::new(
                        Requirement::Signature,
                        SIGNATURE,
                        Some(how.to_owned()),
                        signer.map(drop),
                    ),
                ]
            }
            Err(Outcome::Skipped(why)) => vec![
                Claim::skipped(Requirement::Key, KEY, why.clone()),
                Claim::skipped(Requirement::Signature, SIGNATURE, why),
            ],
            Err(outcome) => vec![
                Claim {
                    outcome,
                    ..Claim::new(Requirement::Key, KEY, shown_kid, Ok(()))
                },
                Claim::skipped(
                    Requirement::Signature,
                    SIGNATURE,
                    "there is no key to check it with",
                ),
            ],
        }
    }

    /// The keys found, or why there are none. Where the server waits for the issuer, nothing is known.
    fn as_answered(
        &self,
        issuer: &Issuer,
        found: Option<Result<signing_keys::Found, TokenError>>,
    ) -> Result<signing_keys::Found, Outcome> {
        let missing = || {
            let why = format!(
                "the keys of {} are not at hand: it cannot be reached from here, and none were kept in `state_dir`",
                issuer.identifier()
            );
            Outcome::Skipped(why)
        };
        match found {
            Some(Ok(found)) => Ok(found),
            Some(Err(TokenError::KeysUnavailable { .. })) => Err(missing()),
            Some(Err(error)) => Err(Outcome::Refused(error)),
            None if issuer.keys.current().is_err() => Err(missing()),
            None => match self.verdict {
                Err(TokenError::KeysUnavailable { .. }) => Err(Outcome::Skipped(
                    "it names a key that is not at hand, and the issuer could not be asked for new ones now".to_owned(),
                )),
                _ => Err(Outcome::Refused(TokenError::UnknownKey)),
            },
        }
    }

    fn without_keys(&self) -> Vec<Claim> {
        let why = match self.whose.origin {
            Origin::SignedBy(issuer) => format!("signed by a key of {}", issuer.identifier()),
            Origin::Configured(_) | Origin::Resembles(_) | Origin::Stranger => {
                "only keys of configured issuers are known here".to_owned()
            }
        };
        vec![
            Claim::skipped(Requirement::Key, KEY, why.clone()),
            Claim::skipped(Requirement::Signature, SIGNATURE, why),
        ]
    }
}
