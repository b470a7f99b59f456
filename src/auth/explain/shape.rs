//! What is asked of a token before its claims are looked at, and what an issuer that is asked says of it.

use super::{Claim, Outcome, Requirement, shown};
use crate::auth::TokenError;
use crate::auth::unverified::UnverifiedHeader;

const FORMAT: &str = "a signed JWT: three parts in base64url, at most 16 KiB";
const SIGNED: &str = "a signature by a key of the issuer";

/// Three parts, of which the last is not empty.
pub(super) fn format(
    text: &str,
    error: Option<&TokenError>,
    asks: bool,
    verdict: &Result<(), TokenError>,
) -> Vec<Claim> {
    let parts = text.split('.').count();
    let found = match (parts, error) {
        (_, Some(TokenError::TooLarge)) => format!("{} bytes", text.len()),
        (1, _) => "an opaque token: one part".to_owned(),
        (5, _) => "an encrypted token: five parts".to_owned(),
        (3, _) => "three parts".to_owned(),
        (parts, _) => format!("no JWT: {parts} parts"),
    };
    let line = |judged| Claim::new(Requirement::Format, FORMAT, Some(found.clone()), judged);
    match error {
        None => vec![line(Ok(()))],
        // `alg: none` and its like (RFC 7515, appendix A.5).
        Some(TokenError::BadSignature) => vec![
            line(Ok(())),
            Claim::new(
                Requirement::Signature,
                SIGNED,
                Some("an empty one: the token is not signed".to_owned()),
                Err(TokenError::BadSignature),
            ),
        ],
        Some(TokenError::NotAJws | TokenError::Encrypted) if asks => {
            let mut format = line(Ok(()));
            format.required += ", or a token that the issuer is asked about";
            vec![format, active(verdict)]
        }
        Some(error) => vec![line(Err(error.clone()))],
    }
}

/// Nothing in the header changes how the token is to be read.
pub(super) fn header(header: &Result<UnverifiedHeader, TokenError>) -> Claim {
    let judged = header.as_ref().map(drop).map_err(TokenError::clone);
    let found = match &judged {
        Ok(()) => "nothing else".to_owned(),
        Err(error) => error.to_string(),
    };
    let found = Some(found);
    let required = "alg, and a kid of printable characters; no crit, b64, zip, and no token inside";
    Claim::new(Requirement::Header, required, found, judged)
}

/// The claims are one JSON object.
pub(super) fn json(error: Option<&TokenError>) -> Claim {
    let judged = error.map_or(Ok(()), |error| Err(error.clone()));
    let found = error.map_or_else(|| "one JSON object".to_owned(), ToString::to_string);
    let found = Some(found);
    let required = "one JSON object, no member twice";
    Claim::new(Requirement::Json, required, found, judged)
}

/// What the issuer said when it was asked.
pub(super) fn active(verdict: &Result<(), TokenError>) -> Claim {
    let required = "the issuer says that it is active, for this server";
    match verdict {
        Err(error) if error.retry_after_seconds().is_some() => {
            Claim::skipped(Requirement::Active, required, error.to_string())
        }
        Err(error) => {
            let found = shown::text(&error.to_string());
            let outcome = Outcome::Refused(error.clone());
            Claim {
                outcome,
                ..Claim::new(Requirement::Active, required, Some(found), Ok(()))
            }
        }
        Ok(()) => Claim::new(Requirement::Active, required, Some("active".into()), Ok(())),
    }
}
