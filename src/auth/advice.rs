//! Genuine tokens that are refused because of how the issuer or this server is set up: what an operator is told to change.
//!
//! Only a token that the issuer signed, or called active, is spoken of, so that nobody else can write this into the log; and
//! of each kind at most once every five minutes.

use super::algorithm::Algorithm;
use super::issuer::Issuer;
use super::profiles::Profile;
use super::seldom::Seldom;
use super::strict_json::{Object, Value};
use super::unverified::{Parts, UnverifiedHeader};
use super::{Resource, TokenError};

/// How many audiences are named.
const MOST_NAMED: usize = 4;

/// What about the set-up makes a genuine token useless here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Audience,
    Bound,
    Claim,
    Client,
    Groups,
    Lifetime,
    Type,
}

/// Remembers when the log last spoke of one issuer's tokens.
#[derive(Debug)]
pub(super) struct Advice([(Kind, Seldom); 7]);

impl Default for Advice {
    fn default() -> Self {
        let kinds = [
            Kind::Audience,
            Kind::Bound,
            Kind::Claim,
            Kind::Client,
            Kind::Groups,
            Kind::Lifetime,
            Kind::Type,
        ];
        Self(kinds.map(|kind| (kind, Seldom::default())))
    }
}

/// A token that was refused, and what is needed to tell why.
#[derive(Clone, Copy)]
pub(super) struct Refused<'r> {
    pub error: &'r TokenError,
    pub parts: &'r Parts<'r>,
    pub header: &'r UnverifiedHeader,
    pub claims: &'r Object<'r>,
    pub algorithm: Algorithm,
    pub resource: &'r Resource,
}

impl Refused<'_> {
    /// True if a key of the issuer's, of those at hand, signed it.
    pub(super) fn is_genuine(&self, issuer: &Issuer) -> bool {
        let signer = || {
            let found = issuer
                .keys
                .look_up(self.header.kid.as_deref()?, self.algorithm)?;
            let signed = self.parts.signed.as_bytes();
            let signer = found.ok()?;
            let key = signer.signer(self.algorithm, signed, &self.parts.signature);
            key.ok().map(drop)
        };
        signer().is_some()
    }
}

/// What a person needs to mend it.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    found: Option<String>,
    expected: Option<String>,
    hint: &'static str,
}

impl Advice {
    /// Says once in a while what to change, if something about the set-up is why a genuine token was refused.
    pub(super) fn explain(&self, issuer: &Issuer, refused: &Refused<'_>, now: i64) {
        let Some(kind) = Kind::of(refused.error) else {
            return;
        };
        if self.is_due(kind, now) && refused.is_genuine(issuer) && self.take(kind, now) {
            let finding = finding(kind, refused, issuer.profile(), issuer.token_types());
            tell(issuer, refused.error, &finding);
        }
    }

    /// The same of a token of which the issuer said that it is active, and for whom.
    pub(super) fn explain_audience(
        &self,
        issuer: &Issuer,
        audiences: &[String],
        resource: &Resource,
        now: i64,
    ) {
        if self.take(Kind::Audience, now) {
            let finding = Finding {
                found: Some(named(audiences.iter().map(String::as_str))),
                expected: Some(resource.identifier().as_str().to_owned()),
                hint: issuer.profile().audience_hint,
            };
            tell(issuer, &TokenError::WrongAudience, &finding);
        }
    }

    fn is_due(&self, kind: Kind, now: i64) -> bool {
        let mut all = self.0.iter();
        all.any(|(of, seldom)| *of == kind && seldom.is_due(now))
    }

    fn take(&self, kind: Kind, now: i64) -> bool {
        let mut all = self.0.iter();
        all.any(|(of, seldom)| *of == kind && seldom.take(now))
    }
}

impl Kind {
    /// Nothing if no set-up is to blame, or another line tells of it.
    fn of(error: &TokenError) -> Option<Self> {
        match error {
            TokenError::WrongAudience | TokenError::MissingClaim("aud") => Some(Self::Audience),
            TokenError::SenderConstrained => Some(Self::Bound),
            TokenError::MissingClaim(_) | TokenError::BadClaim(_) => Some(Self::Claim),
            TokenError::WrongClient => Some(Self::Client),
            TokenError::GroupOverage => Some(Self::Groups),
            TokenError::LifetimeTooLong => Some(Self::Lifetime),
            TokenError::WrongType => Some(Self::Type),
            TokenError::TooLarge
            | TokenError::NotAJws
            | TokenError::Encrypted
            | TokenError::BadEncoding
            | TokenError::BadJson
            | TokenError::DuplicateMember
            | TokenError::TooDeep
            | TokenError::CriticalHeader
            | TokenError::Compressed
            | TokenError::Nested
            | TokenError::BadHeader(_)
            | TokenError::BadKid
            | TokenError::MissingKid
            | TokenError::AlgorithmNotAllowed
            | TokenError::IdToken
            | TokenError::WrongIssuer
            | TokenError::Expired
            | TokenError::NotYetValid { .. }
            | TokenError::IssuedInFuture { .. }
            | TokenError::UnknownKey
            | TokenError::BlockedKey
            | TokenError::BadSignature
            | TokenError::Inactive
            | TokenError::IntrospectionUnavailable { .. }
            | TokenError::KeysUnavailable { .. } => None,
        }
    }

    fn hint(self, profile: &Profile) -> &'static str {
        match self {
            Self::Audience => profile.audience_hint,
            Self::Type => {
                "if it is an access token, choose the provider's `profile`, or name its typ in `token_types`; else make the \
                 client send the access token"
            }
            Self::Bound => "switch DPoP or certificate binding off for this client at the issuer",
            Self::Client => "add the client to `client_ids`, if it is meant to be let in",
            Self::Groups => {
                "let the issuer write only the groups assigned to this application, or set `groups_claim` to application roles"
            }
            Self::Lifetime => {
                "shorten the life of access tokens at the issuer, or raise `max_token_lifetime_seconds`"
            }
            Self::Claim => "look at what the issuer writes into this client's access tokens",
        }
    }
}

/// What to change so that such a token is no longer refused, if the set-up is to blame.
pub(super) fn hint(error: &TokenError, profile: &Profile) -> Option<&'static str> {
    Kind::of(error).map(|kind| kind.hint(profile))
}

fn tell(issuer: &Issuer, error: &TokenError, finding: &Finding) {
    tracing::warn!(
        issuer = issuer.identifier(),
        profile = issuer.profile().name.as_str(),
        reason = error.reason(),
        problem = %error,
        found = finding.found,
        expected = finding.expected,
        hint = finding.hint,
        "a genuine token of this issuer is refused"
    );
}

fn finding(
    kind: Kind,
    refused: &Refused<'_>,
    profile: &Profile,
    token_types: &[String],
) -> Finding {
    let (found, expected) = match kind {
        Kind::Audience => (
            Some(match refused.claims.get("aud").map(Value::strings) {
                Some(Some(audiences)) => named(audiences.into_iter()),
                Some(None) => "no list of strings".to_owned(),
                None => "no aud".to_owned(),
            }),
            Some(refused.resource.identifier().as_str().to_owned()),
        ),
        Kind::Type => (
            refused.header.token_type.clone(),
            Some(if token_types.is_empty() {
                profile.token_types.join(", ")
            } else {
                token_types.join(", ")
            }),
        ),
        Kind::Bound | Kind::Claim | Kind::Client | Kind::Groups | Kind::Lifetime => (None, None),
    };
    Finding {
        found,
        expected,
        hint: kind.hint(profile),
    }
}

/// The first few, for a person.
fn named<'a>(mut audiences: impl Iterator<Item = &'a str>) -> String {
    let first: Vec<_> = audiences.by_ref().take(MOST_NAMED).collect();
    let more = audiences.count();
    let first = first.join(", ");
    if more > 0 {
        format!("{first} and {more} more")
    } else {
        first
    }
}

#[cfg(test)]
mod tests;
