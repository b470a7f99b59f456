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

/// Proof that one operation was allowed, and by which rule. Made only by [`Policy::decide`].
#[derive(Clone, Debug)]
pub struct Permit<'a> {
    operation: Operation<'a>,
    rule: &'static str,
}

impl<'a> Permit<'a> {
    /// The tool that may be called; none if this permit is for something else.
    #[must_use]
    pub fn tool(&self) -> Option<&'a str> {
        match self.operation {
            Operation::CallTool(tool) => Some(tool),
            Operation::Protocol => None,
        }
    }

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

    /// The scope that reading tools need.
    #[must_use]
    pub fn read_scope(&self) -> &Scope {
        &self.read
    }

    /// The decision for one operation. Both built-in tools only read; the protocol itself takes either scope.
    pub fn decide<'a>(
        &self,
        principal: &Principal,
        operation: Operation<'a>,
    ) -> Result<Permit<'a>, Denial> {
        let granted = principal.scopes();
        let rule = match operation {
            Operation::Protocol if granted.contains(&self.read) => "read_scope",
            Operation::Protocol if granted.contains(&self.write) => "write_scope",
            Operation::CallTool(_) if granted.contains(&self.read) => "read_scope",
            Operation::Protocol | Operation::CallTool(_) => {
                return Err(Denial {
                    scopes: [self.read.clone()].into_iter().collect(),
                    reason: "insufficient_scope",
                });
            }
        };
        Ok(Permit { operation, rule })
    }
}
