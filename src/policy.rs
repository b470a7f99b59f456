//! Who may do what. Pure: no I/O, no clock.

use crate::auth::{Principal, Scope, Scopes};

/// What a request asks to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// The protocol itself: handshakes, pings, lists (which show only what the caller may use), subscriptions.
    Protocol,
    /// Calling one tool.
    CallTool(&'a str),
}

/// Proof that an operation was allowed, and by which rule. Made only by [`Policy::decide`].
#[derive(Clone, Debug)]
pub struct Permit {
    rule: &'static str,
}

impl Permit {
    /// The rule that allowed it.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// Why an operation is refused, and which scopes would change that: all of them at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The scopes the operation needs.
    pub scopes: Scopes,
    /// The stable reason code.
    pub reason: &'static str,
}

/// The rules in force.
#[derive(Clone, Debug)]
pub struct Policy {
    read: Scope,
    write: Scope,
}

impl Policy {
    /// Rules over the two configured scopes.
    #[must_use]
    pub fn new(read: Scope, write: Scope) -> Self {
        Self { read, write }
    }

    /// The decision for one operation.
    pub fn decide(
        &self,
        principal: &Principal,
        operation: Operation<'_>,
    ) -> Result<Permit, Denial> {
        let scopes = principal.scopes();
        match operation {
            Operation::Protocol if scopes.contains(&self.read) || scopes.contains(&self.write) => {
                Ok(Permit {
                    rule: "default_protocol",
                })
            }
            Operation::CallTool(_) if scopes.contains(&self.read) => Ok(Permit {
                rule: "default_read",
            }),
            Operation::Protocol | Operation::CallTool(_) => Err(Denial {
                scopes: [self.read.clone()].into_iter().collect(),
                reason: "insufficient_scope",
            }),
        }
    }
}
