//! What an operator writes about who may do what.

use std::collections::BTreeSet;

use globset::{Glob, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::{Fact, MOST_FACTS};
use crate::auth::Scope;

/// One rule: for what it holds, and what it takes to use that.
///
/// All rules that hold for something must be satisfied; one that is not refuses. Lists of patterns and values mean "one
/// of these", different keys of one rule all count.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSettings {
    /// What the rule is called in the log and by `usher policy explain`. Default: its place, as `rule[0]`.
    #[schemars(example = "finance reads invoices")]
    pub name: Option<String>,
    /// The tools it is for, as patterns: `*` stands for any characters, `?` for one, `{a,b}` for either. Default none.
    #[schemars(example = ["fetch"])]
    pub tools: Vec<String>,
    /// The prompts it is for, as patterns over their names. Default none.
    #[schemars(example = ["billing__*"])]
    pub prompts: Vec<String>,
    /// The MCP resources it is for, as patterns over their addresses, and over the templates of such. Default none.
    #[schemars(example = ["file:///invoices/*"])]
    pub resources: Vec<String>,
    /// The upstreams it is for, as patterns over their names. Alone: everything of theirs; with `tools`, `prompts` or
    /// `resources`: those of these upstreams. The built-in tools belong to no upstream. Default: any origin.
    #[schemars(example = ["billing"])]
    pub upstreams: Vec<String>,
    /// The scopes it takes, all of them. They stand in place of the usual one (`scopes.read` or `scopes.write`), which
    /// holds if no rule for the same thing names scopes. Default none.
    #[schemars(example = ["mcp:read", "mcp:write"])]
    pub scopes: Vec<String>,
    /// The groups, one of which the caller is in, as the provider writes them (`issuer.groups_claim`). Default: any.
    #[schemars(example = ["finance"])]
    pub groups: Vec<String>,
    /// The client ids, one of which the token was issued to. Default: any.
    #[schemars(example = ["usher-chatgpt"])]
    pub client_ids: Vec<String>,
    /// The claims that the token has, as `name=value`; values of one name mean "one of these". Dots lead into objects:
    /// `realm_access.roles=auditor`. Strings, whole numbers and booleans count, and those in lists. Default none.
    #[schemars(example = ["department=finance"])]
    pub claims: Vec<String>,
    /// True: nobody may, whatever other rules say. Default false.
    pub deny: bool,
}

/// A mistake in the rules: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A claim is no `name=value`.
    #[error("{found:?} is no claim; expected `name=value`, as `department=finance`")]
    Claim {
        /// What was written.
        found: String,
    },
    /// A rule that refuses everybody asks for something.
    #[error(
        "the rule refuses everybody and asks for something; take `deny` out, or what it asks for"
    )]
    DenyAndAsk,
    /// Two rules of one name.
    #[error(
        "two rules are called {name:?}; a refusal names its rule, so each has a name of its own"
    )]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A name without characters.
    #[error("an empty text is nobody's {what}; take it out")]
    Empty {
        /// What it should name.
        what: &'static str,
    },
    /// A rule that asks for nothing.
    #[error(
        "the rule asks for nothing; give it scopes, groups, client_ids or claims, or `deny = true`"
    )]
    NothingAsked,
    /// A rule that is for nothing.
    #[error(
        "the rule is for nothing; give it tools, prompts, resources or upstreams, as `tools = [\"*\"]`"
    )]
    NothingMeant,
    /// A pattern that cannot be read.
    #[error("{pattern:?} is no pattern: {cause}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        cause: String,
    },
    /// No scope token.
    #[error(
        "{found:?} is no scope; a scope is printable ASCII without space, quote and backslash (RFC 6749 §3.3)"
    )]
    Scope {
        /// What was written.
        found: String,
    },
    /// More facts than are told apart.
    #[error(
        "the rules ask for more than {MOST_FACTS} different things; put groups or values of one kind into one rule"
    )]
    TooMany,
}

/// A key within a rule, and what is wrong there.
pub(super) type Complaint = (&'static str, SettingsError);

/// Patterns as written and as they are matched.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    pub(super) written: Vec<String>,
    matcher: GlobSet,
}

impl Patterns {
    fn read(key: &'static str, written: &[String], complaints: &mut Vec<Complaint>) -> Self {
        let mut builder = GlobSetBuilder::new();
        for pattern in written {
            match Glob::new(pattern) {
                Ok(glob) => drop(builder.add(glob)),
                Err(error) => complaints.push((
                    key,
                    SettingsError::Pattern {
                        pattern: pattern.clone(),
                        cause: error.kind().to_string(),
                    },
                )),
            }
        }
        let matcher = builder.build().unwrap_or_else(|error| {
            let pattern = written.join(", ");
            let cause = error.to_string();
            complaints.push((key, SettingsError::Pattern { pattern, cause }));
            GlobSet::empty()
        });
        Self {
            written: written.to_vec(),
            matcher,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// Which of them match `name`, by their places.
    pub(super) fn matching(&self, name: &str) -> Vec<usize> {
        self.matcher.matches(name)
    }
}

/// What a rule means: what it is for, and what it asks.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    pub(super) tools: Patterns,
    pub(super) prompts: Patterns,
    pub(super) resources: Patterns,
    pub(super) upstreams: Patterns,
    pub(super) scopes: Vec<Scope>,
    pub(super) facts: Vec<Fact>,
}

impl RuleSettings {
    /// What it means, and what is wrong with it.
    pub(super) fn read(&self) -> (Meaning, Vec<Complaint>) {
        let mut complaints = Vec::new();
        let meaning = Meaning {
            tools: Patterns::read("tools", &self.tools, &mut complaints),
            prompts: Patterns::read("prompts", &self.prompts, &mut complaints),
            resources: Patterns::read("resources", &self.resources, &mut complaints),
            upstreams: Patterns::read("upstreams", &self.upstreams, &mut complaints),
            scopes: self.scopes(&mut complaints),
            facts: self.facts(&mut complaints),
        };
        let meant = [&self.tools, &self.prompts, &self.resources, &self.upstreams];
        if meant.iter().all(|patterns| patterns.is_empty()) {
            complaints.push(("", SettingsError::NothingMeant));
        }
        let asks = [&self.scopes, &self.groups, &self.client_ids, &self.claims]
            .iter()
            .any(|asked| !asked.is_empty());
        match (self.deny, asks) {
            (true, true) => complaints.push(("deny", SettingsError::DenyAndAsk)),
            (false, false) => complaints.push(("", SettingsError::NothingAsked)),
            (true, false) | (false, true) => {}
        }
        (meaning, complaints)
    }

    fn scopes(&self, complaints: &mut Vec<Complaint>) -> Vec<Scope> {
        let read = |text: &String| {
            let scope = Scope::parse(text);
            if scope.is_none() {
                let found = text.clone();
                complaints.push(("scopes", SettingsError::Scope { found }));
            }
            scope
        };
        self.scopes.iter().filter_map(read).collect()
    }

    fn facts(&self, complaints: &mut Vec<Complaint>) -> Vec<Fact> {
        let mut facts = Vec::new();
        if self.deny {
            facts.push(Fact::Never);
        }
        let groups = one_of(&self.groups, ("groups", "group"), complaints);
        facts.extend(groups.map(Fact::Group));
        let client_ids = one_of(&self.client_ids, ("client_ids", "client id"), complaints);
        facts.extend(client_ids.map(Fact::ClientId));
        for written in &self.claims {
            match claim(written) {
                Some((name, value)) => add_claim(&mut facts, name, value),
                None => {
                    let found = written.clone();
                    complaints.push(("claims", SettingsError::Claim { found }));
                }
            }
        }
        facts
    }

    /// The names of the claims it asks for.
    pub fn claim_names(&self) -> impl Iterator<Item = &str> {
        self.claims
            .iter()
            .filter_map(|written| claim(written).map(|(name, _)| name))
    }
}

/// The values of a list that asks for one of them, if it asks for anything.
fn one_of(
    list: &[String],
    (key, what): (&'static str, &'static str),
    complaints: &mut Vec<Complaint>,
) -> Option<BTreeSet<String>> {
    if list.iter().any(String::is_empty) {
        complaints.push((key, SettingsError::Empty { what }));
    }
    (!list.is_empty()).then(|| list.iter().cloned().collect())
}

fn claim(written: &str) -> Option<(&str, &str)> {
    let (name, value) = written.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

/// Values of one name are alternatives.
fn add_claim(facts: &mut Vec<Fact>, claim: &str, value: &str) {
    for fact in facts.iter_mut() {
        if let Fact::Claim { name, values } = fact
            && name == claim
        {
            values.insert(value.to_owned());
            return;
        }
    }
    facts.push(Fact::Claim {
        name: claim.to_owned(),
        values: BTreeSet::from([value.to_owned()]),
    });
}
