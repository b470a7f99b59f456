//! What a decision rests on, for people.

use std::sync::Arc;

use super::{Caller, Denial, Policy, Requirements};

/// What would be decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rules that allow it, or the refusal.
    pub decision: Result<String, Denial>,
    /// Everything that is asked, and whether it is there.
    pub conditions: Vec<Condition>,
}

/// One thing that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The rule that asks.
    pub rule: Arc<str>,
    /// What it asks, in words.
    pub asked: String,
    /// Whether the caller has it.
    pub holds: bool,
}

impl Policy {
    /// What `caller` would be told, with everything it rests on. A word about a caller, never a [`super::Permit`].
    #[must_use]
    pub fn explain(&self, caller: &Caller<'_>, requirements: &Requirements) -> Explanation {
        let has = self.facts_of(caller);
        let decision = self.may_use(has, requirements);
        let condition = |rule: &Arc<str>, number: usize| {
            let asked = self.facts.get(number)?.in_words();
            let rule = Arc::clone(rule);
            let holds = has.contains(number);
            Some(Condition { rule, asked, holds })
        };
        let rules = || {
            requirements
                .rules
                .iter()
                .filter_map(|at| self.rules.get(*at))
        };
        let by_default = rules().all(|rule| rule.scopes.is_empty());
        let usual = requirements.scopes.numbers().filter(|_| by_default);
        let usual = usual.filter_map(|number| condition(&requirements.scope_rule, number));
        let asked = rules().flat_map(|rule| {
            let mut all = rule.scopes;
            all.add(rule.others);
            all.numbers()
                .filter_map(move |number| condition(&rule.name, number))
        });
        Explanation {
            conditions: usual.chain(asked).collect(),
            decision: decision.map(str::to_owned),
        }
    }
}
