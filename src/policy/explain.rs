//! What a decision rests on, for people.

use std::sync::Arc;

use super::facts::FactSet;
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

/// One thing that is asked of everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The rule that asks.
    pub rule: Arc<str>,
    /// What it asks, in words.
    pub what: String,
}

impl Policy {
    /// What `caller` would be told, with everything it rests on. A word about a caller, never a [`super::Permit`].
    #[must_use]
    pub fn explain(&self, caller: &Caller<'_>, requirements: &Requirements) -> Explanation {
        let has = self.facts_of(caller);
        let decision = self.may_use(has, requirements);
        let condition = |(rule, number)| {
            let Asked { rule, what } = self.in_words(rule, number)?;
            let holds = has.contains(number);
            Some(Condition {
                rule,
                asked: what,
                holds,
            })
        };
        let asked = self.numbers(requirements).into_iter();
        Explanation {
            conditions: asked.filter_map(condition).collect(),
            decision: decision.map(str::to_owned),
        }
    }

    /// Everything that is asked of whoever wants to use this, whoever it is.
    #[must_use]
    pub fn asked(&self, requirements: &Requirements) -> Vec<Asked> {
        let asked = self.numbers(requirements).into_iter();
        asked
            .filter_map(|(rule, number)| self.in_words(rule, number))
            .collect()
    }

    fn in_words(&self, rule: &Arc<str>, number: usize) -> Option<Asked> {
        let what = self.facts.get(number)?.in_words();
        let rule = Arc::clone(rule);
        Some(Asked { rule, what })
    }

    /// The facts that are asked for, by their numbers, each with the rule that asks.
    fn numbers<'p>(&'p self, requirements: &'p Requirements) -> Vec<(&'p Arc<str>, usize)> {
        let rules = || {
            requirements
                .rules
                .iter()
                .filter_map(|at| self.rules.get(*at))
        };
        let mut of_rules = FactSet::default();
        rules().for_each(|rule| of_rules.add(rule.scopes));
        let usual = requirements.scopes.without(of_rules).numbers();
        let usual = usual.map(|number| (&requirements.scope_rule, number));
        let asked = rules().flat_map(|rule| {
            let mut all = rule.scopes;
            all.add(rule.others);
            all.numbers().map(move |number| (&rule.name, number))
        });
        usual.chain(asked).collect()
    }
}
