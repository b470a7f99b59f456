//! Who may do what. Pure: no I/O, no clock.
//!
//! Everything that a rule can ask of a caller is a fact with a number. What a tool takes is a set of facts, worked out
//! once when the tool gets into the catalogue ([`Policy::requirements`]). Which facts are true of a caller is worked
//! out once per verified token ([`Policy::standing`]). A decision compares the two sets.
//!
//! All rules for a thing must be satisfied, so a rule that refuses wins, and no rule asks that something be absent: a
//! caller with fewer claims may never do more.

mod caller;
mod denial;
mod explain;
mod facts;
mod rule;
pub mod settings;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

pub use caller::{Caller, Standing};
pub use denial::{Denial, Reason};
pub use explain::{Asked, Condition, Explanation};
pub use settings::{RuleSettings, SettingsError};

use self::facts::{Fact, FactSet, MOST_FACTS};
use self::rule::Rule;
use self::settings::Meaning;
use crate::auth::{Principal, Scope, Scopes};

/// What a request asks to do.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// The protocol itself: handshakes, pings, lists (which show only what the caller may use), subscriptions.
    Protocol,
    /// Calling the tool that takes this.
    CallTool(&'a Requirements),
    /// Getting the prompt, reading the resource or completing the argument that takes this.
    Read(&'a Requirements),
}

/// Something that callers may or may not use.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What it is.
    pub kind: Kind,
    /// The name of the tool or the prompt on the wire, or the resource's address as its upstream has it.
    pub name: &'a str,
    /// The upstream that has it; none for what Usher answers itself.
    pub upstream: Option<&'a str>,
    /// True if it only reads, and somebody we trust says so.
    pub only_reads: bool,
}

/// What a [`Target`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A prompt.
    Prompt,
    /// An MCP resource, or a template of such.
    Resource,
    /// A tool.
    Tool,
}

/// What a thing goes by besides its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtherNames<'a> {
    /// Names that are as good as its own.
    pub aliases: &'a [&'a str],
    /// What somebody may take its name for. Rules for these ask for more, and never for less.
    pub spellings: &'a [String],
}

/// What using one thing takes. Made only by [`Policy::requirements`].
#[derive(Clone, Debug)]
pub struct Requirements {
    name: String,
    scopes: FactSet,
    others: FactSet,
    /// The rules for it, by their places.
    rules: Vec<usize>,
    /// Which rule asks for the scopes.
    scope_rule: Arc<str>,
    /// All of that in one text.
    rule: Arc<str>,
}

/// Everything that is asked of callers anywhere in a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct AskedFor(FactSet);

impl Standing {
    /// What of it matters where nothing but `asked` is asked. Who is equal in that may do the same there.
    #[must_use]
    pub fn among(self, asked: &AskedFor) -> Self {
        Self(self.0.and(asked.0))
    }
}

impl AskedFor {
    /// Adds what one thing takes.
    pub fn add(&mut self, requirements: &Requirements) {
        self.0.add(requirements.scopes);
        self.0.add(requirements.others);
    }
}

impl Requirements {
    /// The thing's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Proof that one operation was allowed, and by which rule. Made only by [`Policy::decide`].
#[derive(Debug)]
pub struct Permit<'a> {
    operation: Operation<'a>,
    rule: &'a str,
}

impl<'a> Permit<'a> {
    /// The tool that may be called; none if this permit is for something else.
    #[must_use]
    pub fn tool(&self) -> Option<&'a str> {
        match self.operation {
            Operation::CallTool(requirements) => Some(requirements.name()),
            Operation::Protocol | Operation::Read(_) => None,
        }
    }

    /// The rule that allowed it.
    #[must_use]
    pub fn rule(&self) -> &'a str {
        self.rule
    }
}

/// The rules in force.
#[derive(Clone, Debug)]
pub struct Policy {
    read: Scope,
    write: Scope,
    facts: Vec<Fact>,
    /// Those of the facts that are scopes.
    scopes: FactSet,
    rules: Vec<Rule>,
    /// Tells the facts of this policy from those of another.
    fingerprint: u64,
}

/// The number of the scope that reading takes: the first of every policy.
const READ: usize = 0;

impl Policy {
    /// The policy without rules: what only reads takes `read`, everything else `write`.
    #[must_use]
    pub fn new(read: Scope, write: Scope) -> Self {
        let mut policy = Self {
            read,
            write,
            facts: Vec::new(),
            scopes: FactSet::default(),
            rules: Vec::new(),
            fingerprint: 0,
        };
        for scope in [policy.read.clone(), policy.write.clone()] {
            policy.number_of_scope(scope);
        }
        policy.fingerprint = policy.fingerprint();
        policy
    }

    /// The same with rules. Mistakes come all at once, each with the key it is about.
    pub fn with_rules(
        read: Scope,
        write: Scope,
        rules: &[RuleSettings],
    ) -> Result<Self, Vec<(String, SettingsError)>> {
        let mut policy = Self::new(read, write);
        let mut mistakes = Vec::new();
        for (place, settings) in rules.iter().enumerate() {
            let key = |key: &str| match key {
                "" => format!("rule[{place}]"),
                key => format!("rule[{place}].{key}"),
            };
            let (meaning, complaints) = settings.read();
            mistakes.extend(complaints.into_iter().map(|(at, error)| (key(at), error)));
            let name = match settings.name.as_deref() {
                Some("") => {
                    mistakes.push((key("name"), SettingsError::Empty { what: "name" }));
                    key("")
                }
                Some(name) => name.to_owned(),
                None => key(""),
            };
            if policy.rules.iter().any(|rule| *rule.name == *name) {
                mistakes.push((
                    key("name"),
                    SettingsError::DuplicateName { name: name.clone() },
                ));
            }
            policy.add(name, meaning);
        }
        if policy.facts.len() > MOST_FACTS {
            mistakes.push(("rule".to_owned(), SettingsError::TooMany));
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        policy.fingerprint = policy.fingerprint();
        Ok(policy)
    }

    fn add(&mut self, name: String, meaning: Meaning) {
        let mut rule = Rule {
            name: name.into(),
            scopes: FactSet::default(),
            others: FactSet::default(),
            meaning,
        };
        for scope in rule.meaning.scopes.clone() {
            rule.scopes.insert(self.number_of_scope(scope));
        }
        for fact in rule.meaning.facts.clone() {
            rule.others.insert(self.number_of(fact));
        }
        self.rules.push(rule);
    }

    fn number_of_scope(&mut self, scope: Scope) -> usize {
        let number = self.number_of(Fact::Scope(scope));
        self.scopes.insert(number);
        number
    }

    fn number_of(&mut self, fact: Fact) -> usize {
        let known = self.facts.iter().position(|known| *known == fact);
        known.unwrap_or_else(|| {
            self.facts.push(fact);
            self.facts.len() - 1
        })
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.facts.hash(&mut hasher);
        hasher.finish()
    }

    /// What using `target` takes.
    #[must_use]
    pub fn requirements(&self, target: &Target<'_>) -> Requirements {
        self.requirements_of_all(target, OtherNames::default())
    }

    /// What using `target` takes if it also goes by these names: the rules for any of them count.
    #[must_use]
    pub fn requirements_of_all(&self, target: &Target<'_>, known: OtherNames<'_>) -> Requirements {
        let (mut scopes, mut others) = (FactSet::default(), FactSet::default());
        let (mut rules, mut names, mut scope_rules) = (Vec::new(), Vec::new(), Vec::new());
        let mut by_default = true;
        for (place, rule) in self.rules.iter().enumerate() {
            let is_for = |name: &str| rule.is_for(&Target { name, ..*target });
            let is_named = is_for(target.name) || known.aliases.iter().any(|name| is_for(name));
            if is_named || known.spellings.iter().any(|name| is_for(name)) {
                scopes.add(rule.scopes);
                others.add(rule.others);
                rules.push(place);
                names.push(&*rule.name);
                if !rule.scopes.is_empty() {
                    scope_rules.push(&*rule.name);
                    by_default &= !is_named;
                }
            }
        }
        if by_default {
            let (scope, name) = if target.only_reads {
                (&self.read, "read_scope")
            } else {
                (&self.write, "write_scope")
            };
            scopes.add(self.known(scope));
            names.insert(0, name);
            scope_rules.insert(0, name);
        }
        Requirements {
            name: target.name.to_owned(),
            scopes,
            others,
            rules,
            scope_rule: scope_rules.join(", ").into(),
            rule: names.join(", ").into(),
        }
    }

    fn known(&self, scope: &Scope) -> FactSet {
        let mut set = FactSet::default();
        let is_it = |fact: &Fact| matches!(fact, Fact::Scope(known) if known == scope);
        if let Some(number) = self.facts.iter().position(is_it) {
            set.insert(number);
        }
        set
    }

    /// Every scope that something takes.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.scopes_among(self.scopes)
    }

    /// The scopes that a thing takes, as tokens carry them.
    #[must_use]
    pub fn scopes_of(&self, requirements: &Requirements) -> Scopes {
        self.scopes_among(requirements.scopes)
    }

    fn scopes_among(&self, facts: FactSet) -> Scopes {
        facts
            .numbers()
            .filter_map(|number| match self.facts.get(number)? {
                Fact::Scope(scope) => Some(scope.clone()),
                Fact::Claim { .. } | Fact::ClientId(_) | Fact::Group(_) | Fact::Never => None,
            })
            .collect()
    }

    /// What is true of `principal`: looked at once per verified token.
    #[must_use]
    pub fn standing(&self, principal: &Principal) -> Standing {
        let find = || self.facts_of(&Caller::verified(principal)).0;
        Standing(FactSet(principal.found_once(self.fingerprint, find)))
    }

    fn facts_of(&self, caller: &Caller<'_>) -> FactSet {
        let mut set = FactSet::default();
        for (number, fact) in self.facts.iter().enumerate() {
            if fact.holds(caller) {
                set.insert(number);
            }
        }
        set
    }

    /// True if somebody of this standing may use that: what lists show.
    #[must_use]
    pub fn allows(&self, standing: Standing, requirements: &Requirements) -> bool {
        let mut needed = requirements.scopes;
        needed.add(requirements.others);
        needed.without(standing.0).is_empty()
    }

    /// The decision for one operation. The protocol itself takes any scope that something takes.
    pub fn decide<'a>(
        &self,
        principal: &Principal,
        operation: Operation<'a>,
    ) -> Result<Permit<'a>, Denial> {
        let Standing(has) = self.standing(principal);
        let rule = match operation {
            Operation::Protocol => self.may_speak(has)?,
            Operation::CallTool(requirements) | Operation::Read(requirements) => {
                self.may_use(has, requirements)?
            }
        };
        Ok(Permit { operation, rule })
    }

    fn may_speak(&self, has: FactSet) -> Result<&'static str, Denial> {
        if has.contains(READ) {
            Ok("read_scope")
        } else if self.scopes.without(has) != self.scopes {
            Ok("other_scope")
        } else {
            Err(Denial {
                reason: Reason::InsufficientScope,
                rule: "read_scope".into(),
                scopes: [self.read.clone()].into_iter().collect(),
            })
        }
    }

    fn may_use<'a>(&self, has: FactSet, requirements: &'a Requirements) -> Result<&'a str, Denial> {
        let missing = requirements.others.without(has);
        if let Some(number) = missing.numbers().next() {
            return Err(self.refusal(number, requirements));
        }
        if !requirements.scopes.without(has).is_empty() {
            return Err(Denial {
                reason: Reason::InsufficientScope,
                rule: Arc::clone(&requirements.scope_rule),
                scopes: self.scopes_of(requirements),
            });
        }
        Ok(&requirements.rule)
    }

    /// No scope would help against something else that is missing.
    fn refusal(&self, missing: usize, requirements: &Requirements) -> Denial {
        let mut rules = requirements
            .rules
            .iter()
            .filter_map(|at| self.rules.get(*at));
        let rule = rules.find(|rule| rule.others.contains(missing));
        let fact = self.facts.get(missing);
        Denial {
            reason: fact.map_or(Reason::DeniedByRule, Fact::reason),
            rule: rule.map_or_else(
                || Arc::clone(&requirements.rule),
                |rule| Arc::clone(&rule.name),
            ),
            scopes: Scopes::default(),
        }
    }

    /// The smallest set of scopes that lets a caller use something of `targets`: that of the reading tools if it does.
    /// What a client asks for at its first login (MCP authorization, scope selection).
    #[must_use]
    pub fn basic_scopes(&self, targets: &[Target<'_>]) -> Scopes {
        let reading: Scopes = [self.read.clone()].into_iter().collect();
        let sets: Vec<_> = targets
            .iter()
            .map(|target| self.requirements(target))
            .filter(|requirements| !self.is_denied_to_all(requirements))
            .map(|requirements| self.scopes_of(&requirements))
            .collect();
        if sets.is_empty() || sets.contains(&reading) {
            return reading;
        }
        let smallest = sets.into_iter().min_by_key(|scopes| scopes.iter().count());
        smallest.unwrap_or(reading)
    }

    fn is_denied_to_all(&self, requirements: &Requirements) -> bool {
        let mut others = requirements.others.numbers();
        others.any(|number| self.facts.get(number) == Some(&Fact::Never))
    }

    /// Patterns that match none of `targets`, each as a sentence for whoever wrote it.
    #[must_use]
    pub fn unmatched(&self, targets: &[Target<'_>]) -> Vec<String> {
        let rules = self.rules.iter().enumerate();
        rules
            .flat_map(|(place, rule)| rule.unmatched(place, targets))
            .collect()
    }
}

#[cfg(test)]
mod tests;
