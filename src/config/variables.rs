//! The environment: `USHER_…` overrides and the names that existing guides use.

use std::collections::{BTreeMap, BTreeSet};

use super::KeyPath;
use super::key_path::Step;
use super::mistake::{Mistake, Problem};
use super::tree::{Entry, Node, Origin, Value};

const PREFIX: &str = "USHER_";

/// Names from existing guides, and the setting each one sets. `MCP_AUDIENCE` and `MCP_ALT_AUDIENCE` are not among them:
/// they add to a list.
pub(super) const GUIDE_NAMES: [(&str, &str); 4] = [
    ("CORS_ORIGINS", "http.allowed_origins"),
    ("KC_ISSUER", "issuer[0].issuer"),
    ("MCP_SERVER_URL", "public_url"),
    ("USHER_COLLECTION", "collection[0].path"),
];

/// Guide names whose values are added to `audiences`, never in place of what is there.
pub(super) const ADDED_AUDIENCES: [&str; 2] = ["MCP_AUDIENCE", "MCP_ALT_AUDIENCE"];

/// `USHER_…` names that are no settings: the path of the file, and what the demo, the tests and the bench use.
const OTHER_TOOLS: [&str; 6] = ["CONFIG", "BENCH_", "DEMO_", "DEV_IDP_", "SHARED", "TEST_"];

/// The environment variables that concern Usher. Read from the process once, or made by a test.
#[derive(Clone, Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of this process. Text that is not UTF-8 is kept with replacement characters, and so fails where it is used.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .map(|(name, text)| {
                (
                    name.to_string_lossy().into_owned(),
                    text.to_string_lossy().into_owned(),
                )
            })
            .collect()
    }

    /// The text of one variable. An empty one counts as not set, since compose files write `${NAME:-}`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
    }

    /// The names of those that hold something.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let names = self.0.keys().filter(|name| self.text(name).is_some());
        names.cloned().collect()
    }

    /// Lays all settings among them over `root`. Mistakes: two names that disagree on one setting, a gap in a list.
    pub fn lay_over(&self, root: &mut Node) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut given: BTreeMap<KeyPath, String> = BTreeMap::new();
        for (path, name) in self.settings() {
            let Some(text) = self.text(&name) else {
                continue;
            };
            match given.get(&path).map(|first| (first, self.text(first))) {
                Some((first, other)) if other != Some(text) => {
                    mistakes.push(disagreement(path.clone(), first, &name));
                }
                Some(_) => {}
                None => {
                    if insert(root, &path, Node::from_variable(&name, text)).is_none() {
                        mistakes.push(gap(path.clone(), &name));
                    }
                    given.insert(path, name);
                }
            }
        }
        self.add_audiences(root);
        mistakes
    }

    /// The names that set something, and what; in an order in which list items come one after the other.
    fn settings(&self) -> BTreeSet<(KeyPath, String)> {
        let guide = GUIDE_NAMES
            .iter()
            .filter(|(name, _)| self.text(name).is_some());
        let guide = guide.map(|(name, path)| (KeyPath::parse(path), (*name).to_owned()));
        let own = self.0.iter().filter_map(|(name, text)| {
            let rest = name.strip_prefix(PREFIX)?;
            let is_setting = !GUIDE_NAMES.iter().any(|(guide, _)| guide == name)
                && !is_another_tools(rest)
                && !is_kubernetes_link(rest, text);
            is_setting.then(|| (path_of(rest), name.clone()))
        });
        guide.chain(own).collect()
    }

    fn add_audiences(&self, root: &mut Node) {
        for name in ADDED_AUDIENCES {
            let Some(text) = self.text(name) else {
                continue;
            };
            let audiences = KeyPath::parse("audiences");
            let mut items = match root.at(&audiences).map(|node| &node.value) {
                Some(Value::List(items)) => items.clone(),
                Some(Value::Text(text)) => text.pieces.clone(),
                _ => Vec::new(),
            };
            let separators = |c: char| c == ',' || c.is_whitespace();
            let added = text.split(separators).filter(|piece| !piece.is_empty());
            items.extend(added.map(|piece| Node::from_variable(name, piece)));
            let node = Node {
                origin: Origin::Variable(name.to_owned()),
                value: Value::List(items),
            };
            if let Value::Table(table) = &mut root.value {
                let key_origin = node.origin.clone();
                table.insert("audiences".to_owned(), Entry { key_origin, node });
            }
        }
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// `ISSUER__0__JWKS_URL` is `issuer[0].jwks_url`. The top is a table, so what comes first is a key.
fn path_of(rest: &str) -> KeyPath {
    let (first, rest) = match rest.split_once("__") {
        Some((first, rest)) => (first, Some(rest)),
        None => (rest, None),
    };
    let parts = rest.into_iter().flat_map(|rest| rest.split("__"));
    parts.fold(
        KeyPath::root().key(&first.to_lowercase()),
        |path, part| match part.parse() {
            Ok(index) => path.index(index),
            Err(_) => path.key(&part.to_lowercase()),
        },
    )
}

fn is_another_tools(rest: &str) -> bool {
    OTHER_TOOLS.iter().any(|other| {
        if other.ends_with('_') {
            rest.starts_with(other)
        } else {
            rest == *other
        }
    })
}

/// Kubernetes tells every pod about a service named `usher` in variables that begin like ours.
fn is_kubernetes_link(rest: &str, text: &str) -> bool {
    rest == "SERVICE_HOST"
        || rest.starts_with("SERVICE_PORT")
        || rest == "PORT" && text.contains("://")
        || rest
            .strip_prefix("PORT_")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn disagreement(path: KeyPath, first: &str, second: &str) -> Mistake {
    let message = format!("{first} and {second} set the same thing and differ");
    mistake(path, second, message, format!("unset {first} or {second}"))
}

fn gap(path: KeyPath, name: &str) -> Mistake {
    let advice = "count from 0 without leaving a number out".to_owned();
    mistake(
        path,
        name,
        "this leaves a gap in the list".to_owned(),
        advice,
    )
}

fn mistake(path: KeyPath, name: &str, message: String, advice: String) -> Mistake {
    Mistake {
        path,
        origin: Some(Origin::Variable(name.to_owned())),
        problem: Problem::Meaning {
            found: None,
            message,
            advice,
        },
    }
}

/// Puts `leaf` at `path`, making tables and the next list item on the way. Nothing if that leaves a gap in a list.
fn insert(root: &mut Node, path: &KeyPath, leaf: Node) -> Option<()> {
    let origin = leaf.origin.clone();
    let place = path
        .steps()
        .iter()
        .try_fold(root, |node, step| descend(node, step, &origin))?;
    *place = leaf;
    Some(())
}

fn descend<'a>(node: &'a mut Node, step: &Step, origin: &Origin) -> Option<&'a mut Node> {
    let empty = |value| Node {
        origin: origin.clone(),
        value,
    };
    match step {
        Step::Key(key) => {
            if !matches!(node.value, Value::Table(_)) {
                *node = empty(Value::Table(BTreeMap::new()));
            }
            let Value::Table(table) = &mut node.value else {
                return None;
            };
            let entry = table.entry(key.clone()).or_insert_with(|| Entry {
                key_origin: origin.clone(),
                node: empty(Value::Table(BTreeMap::new())),
            });
            Some(&mut entry.node)
        }
        Step::Index(index) => {
            if !matches!(node.value, Value::List(_)) {
                *node = empty(Value::List(Vec::new()));
            }
            let Value::List(items) = &mut node.value else {
                return None;
            };
            if *index == items.len() {
                items.push(empty(Value::Table(BTreeMap::new())));
            }
            items.get_mut(*index)
        }
    }
}
