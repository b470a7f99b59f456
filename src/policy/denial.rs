//! Why an operation is refused.

use std::sync::Arc;

use crate::auth::Scopes;

/// Why an operation is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What is missing.
    pub reason: Reason,
    /// The rule that asks for it.
    pub rule: Arc<str>,
    /// All scopes that the operation needs, at once, if more scopes would change the answer; else none.
    pub scopes: Scopes,
}

/// What is missing: the stable reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A claim with a certain value.
    ClaimRequired,
    /// One of certain client ids.
    ClientIdRequired,
    /// Nothing helps: a rule refuses everybody.
    DeniedByRule,
    /// One of certain groups.
    GroupRequired,
    /// Scopes, and nothing else.
    InsufficientScope,
}

impl Reason {
    /// The code for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClaimRequired => "claim_required",
            Self::ClientIdRequired => "client_id_required",
            Self::DeniedByRule => "denied_by_rule",
            Self::GroupRequired => "group_required",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}
