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
#[derive(Debug)]
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::auth::{Resource, Resources, Settings};

    const READ: &str = "mcp:read";
    const WRITE: &str = "mcp:write";

    fn policy() -> Policy {
        let scope = |name| Scope::parse(name).expect("a scope");
        Policy::new(scope(READ), scope(WRITE))
    }

    fn resource() -> Arc<Resource> {
        let settings = Settings {
            public_url: "https://mcp.test".into(),
            ..Settings::default()
        };
        Arc::clone(Resources::new(&settings).at("/mcp").expect("a resource"))
    }

    fn allows(scopes: &[&str], operation: Operation<'_>) -> bool {
        let principal = Principal::for_test("alice", scopes, resource());
        let decision = policy().decide(&principal, operation);
        if let Err(denial) = &decision {
            let read = Scope::parse(READ).expect("a scope");
            assert_eq!(denial.scopes, [read].into_iter().collect());
        }
        decision.is_ok()
    }

    #[test]
    fn reading_tools_need_the_read_scope_and_the_protocol_either() {
        let search = Operation::CallTool("search");
        for (scopes, protocol, call) in [
            (&[][..], false, false),
            (&["openid", "mcp", "mcp:reader", "MCP:READ"], false, false),
            (&[WRITE], true, false),
            (&[READ], true, true),
            (&[READ, WRITE], true, true),
        ] {
            assert_eq!(allows(scopes, Operation::Protocol), protocol, "{scopes:?}");
            assert_eq!(allows(scopes, search), call, "{scopes:?}");
        }
    }

    #[test]
    fn a_permit_is_for_its_own_operation() {
        let principal = Principal::for_test("alice", &[READ], resource());
        let permit = |operation| policy().decide(&principal, operation).expect("a permit");
        assert_eq!(permit(Operation::CallTool("fetch")).tool(), Some("fetch"));
        assert_eq!(permit(Operation::Protocol).tool(), None);
        assert_eq!(permit(Operation::Protocol).rule(), "read_scope");
    }

    proptest! {
        #[test]
        fn another_scope_never_takes_a_permission_away(
            scopes in prop::collection::vec(prop_oneof![Just(READ), Just(WRITE), Just("x"), Just("y")], 0..4),
            more in prop_oneof![Just(READ), Just(WRITE), Just("z")],
            tool in "[a-z_]{0,12}",
        ) {
            for operation in [Operation::Protocol, Operation::CallTool(&tool)] {
                let before = allows(&scopes, operation);
                let mut with_more = scopes.clone();
                with_more.push(more);
                prop_assert!(!before || allows(&with_more, operation));
                prop_assert!(!before || scopes.contains(&READ) || scopes.contains(&WRITE));
            }
        }
    }
}
