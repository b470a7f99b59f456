//! Claims that somebody wrote down, read as the issuer's tokens are: for explanations, never for decisions.

use super::claims::{Paper, Rules, on_paper};
use super::issuer::from_address;
use super::strict_json::Object;
use super::unverified;
use super::{Scopes, Settings, TokenError};

/// What a token with these claims would say of its bearer, if it were one. No signature, time or audience was checked.
#[derive(Debug)]
pub struct UnverifiedClaims(Paper);

impl UnverifiedClaims {
    /// Reads a JSON object of claims. Without `iss` it is read as one of the first issuer's.
    pub fn read(settings: &Settings, json: &[u8]) -> Result<Self, TokenError> {
        let object = unverified::object(json)?;
        let mut issuers = settings.issuer.iter();
        let issuer = match super::claims::issuer(&object) {
            Ok(name) => issuers.find(|issuer| issuer.token_issuer() == name),
            Err(TokenError::MissingClaim(_)) => issuers.next(),
            Err(error) => return Err(error),
        };
        let issuer = issuer.ok_or(TokenError::WrongIssuer)?;
        let rules = issuer.rules(from_address(issuer), &settings.kept_claims);
        on_paper(&object, issuer.token_issuer(), &rules).map(Self)
    }

    /// The claims of a token, if the policy could read them.
    pub(super) fn of(claims: &Object<'_>, rules: &Rules<'_>) -> Option<Self> {
        let issuer = super::claims::issuer(claims).unwrap_or_default();
        on_paper(claims, issuer, rules).ok().map(Self)
    }

    /// The scopes that would be granted.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.0.groups
    }

    /// The OAuth client id, if there is one.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// `sub`, if there is one.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The claims that the policy asks for, those of them that are there.
    #[must_use]
    pub fn kept_claims(&self) -> &[(String, Vec<String>)] {
        &self.0.kept
    }
}
