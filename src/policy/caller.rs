//! Whom decisions are about, and what is true of them.

use super::facts::FactSet;
use crate::auth::{Principal, Scopes, UnverifiedClaims};

/// What decisions look at.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    pub(super) scopes: &'a Scopes,
    pub(super) groups: &'a [String],
    pub(super) client_id: Option<&'a str>,
    pub(super) claims: &'a [(String, Vec<String>)],
}

impl<'a> Caller<'a> {
    pub(super) fn verified(principal: &'a Principal) -> Self {
        Self {
            scopes: principal.scopes(),
            groups: principal.groups(),
            client_id: principal.client_id(),
            claims: principal.kept_claims(),
        }
    }

    /// Somebody who would have these claims, for explanations. Nothing is permitted on such a word.
    #[must_use]
    pub fn supposed(claims: &'a UnverifiedClaims) -> Self {
        Self {
            scopes: claims.scopes(),
            groups: claims.groups(),
            client_id: claims.client_id(),
            claims: claims.kept_claims(),
        }
    }
}

/// The facts that are true of one caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Standing(pub(super) FactSet);
