//! What an upstream has: its tools, prompts, resources and templates of resources, each as it described it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lock::Change;

/// What an upstream can have lists of (MCP, server features).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// `prompts/list`.
    Prompts,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
    /// `tools/list`.
    Tools,
}

impl Feature {
    /// All of them, in the order that they are asked for.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::Templates];

    /// The method that lists it.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::Templates => "resources/templates/list",
            Self::Tools => "tools/list",
        }
    }

    /// One of it, in the words of the log.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            Self::Prompts => "prompt",
            Self::Resources => "resource",
            Self::Templates => "resource template",
            Self::Tools => "tool",
        }
    }
}

/// What an upstream said of itself in the handshake, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It completes arguments of prompts and templates.
    pub completions: bool,
    /// It has log messages for clients.
    pub logging: bool,
    /// It has prompts.
    pub prompts: bool,
    /// It has resources.
    pub resources: bool,
    /// Clients can subscribe to its resources.
    pub subscriptions: bool,
    /// It has tools.
    pub tools: bool,
}

impl Capabilities {
    /// True if it said that it has that.
    #[must_use]
    pub fn has(self, feature: Feature) -> bool {
        match feature {
            Feature::Prompts => self.prompts,
            Feature::Resources | Feature::Templates => self.resources,
            Feature::Tools => self.tools,
        }
    }
}

/// How clients are subscribed to single resources of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribing {
    /// With `resources/subscribe` in a session that is the client's own there.
    InSessions,
    /// With what this server keeps up for each of them: `subscriptions/listen`, or one client there that is all of them.
    Kept,
}

/// The member `capabilities` of a handshake's result. What is `null` is not there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Declared<'a> {
    #[serde(borrow)]
    completions: Option<&'a RawValue>,
    #[serde(borrow)]
    logging: Option<&'a RawValue>,
    #[serde(borrow)]
    prompts: Option<&'a RawValue>,
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
}

impl Capabilities {
    /// What is in the member `capabilities` of a handshake's result; nothing if that is none.
    pub(super) fn of(json: &RawValue) -> Self {
        let declared: Declared<'_> = serde_json::from_str(json.get()).unwrap_or_default();
        Self {
            completions: declared.completions.is_some(),
            logging: declared.logging.is_some(),
            prompts: declared.prompts.is_some(),
            resources: declared.resources.is_some(),
            subscriptions: declared.resources.is_some_and(takes_subscriptions),
            tools: declared.tools.is_some(),
        }
    }
}

fn takes_subscriptions(resources: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Resources {
        #[serde(default)]
        subscribe: bool,
    }
    serde_json::from_str(resources.get()).is_ok_and(|Resources { subscribe }| subscribe)
}

/// Whether these capabilities say that changes of a list are told.
pub(super) fn announces(capabilities: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct List {
        #[serde(default, rename = "listChanged")]
        list_changed: bool,
    }
    let declared: Declared<'_> = serde_json::from_str(capabilities.get()).unwrap_or_default();
    let lists = [declared.prompts, declared.resources, declared.tools];
    lists.into_iter().flatten().any(|list| {
        serde_json::from_str(list.get()).is_ok_and(|List { list_changed }| list_changed)
    })
}

/// A tool, a prompt, a resource or a template, as its upstream describes it.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is asked for by: a name, a URI, or a template of URIs. Without control characters.
    pub name: Box<str>,
    /// The whole object, as the upstream wrote it.
    pub json: Box<RawValue>,
    /// True if it is a tool and the upstream says that it only reads.
    pub only_reads: bool,
    /// True if it is a tool and the catalogue lock has it as it is.
    pub is_approved: bool,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.is_approved == other.is_approved && self.json.get() == other.json.get()
    }
}

/// Everything that an upstream had when it was last asked, in its own order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists {
    /// What it said of itself.
    pub capabilities: Capabilities,
    /// What it would have clients tell their model about it.
    pub instructions: Option<Box<str>>,
    /// How clients are subscribed to single resources; nothing if they cannot be.
    pub subscriptions: Option<Subscribing>,
    /// Its tools.
    pub tools: Arc<[Item]>,
    /// Its prompts.
    pub prompts: Arc<[Item]>,
    /// Its resources.
    pub resources: Arc<[Item]>,
    /// Its templates of resources.
    pub templates: Arc<[Item]>,
    /// How many of its items are left out, because they cannot be passed on.
    pub left_out: usize,
    /// Its tools that are kept back, because nobody approved them as they are.
    pub quarantined: Arc<[Box<str>]>,
    /// How its tools are not as they were approved, where there is a catalogue lock.
    pub changes: BTreeMap<String, Change>,
}

impl Lists {
    /// The items of one kind.
    #[must_use]
    pub fn items(&self, feature: Feature) -> &Arc<[Item]> {
        match feature {
            Feature::Prompts => &self.prompts,
            Feature::Resources => &self.resources,
            Feature::Templates => &self.templates,
            Feature::Tools => &self.tools,
        }
    }

    pub(super) fn items_mut(&mut self, feature: Feature) -> &mut Arc<[Item]> {
        match feature {
            Feature::Prompts => &mut self.prompts,
            Feature::Resources => &mut self.resources,
            Feature::Templates => &mut self.templates,
            Feature::Tools => &mut self.tools,
        }
    }

    /// True if there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Feature::ALL
            .into_iter()
            .all(|feature| self.items(feature).is_empty())
    }
}

#[derive(Deserialize)]
struct Described<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "uriTemplate")]
    uri_template: Option<Cow<'a, str>>,
    #[serde(default)]
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(default, rename = "readOnlyHint")]
    read_only: Option<bool>,
}

/// The item that `raw` describes; or why it is none that could be passed on, in a sentence.
pub(super) fn item(feature: Feature, raw: &RawValue) -> Result<Item, String> {
    let found: Described<'_> = serde_json::from_str(raw.get()).map_err(|cause| {
        let cause: String = cause.to_string().chars().take(200).collect();
        format!("its description is not as MCP has it ({cause})")
    })?;
    let (key, name, is_good, rule): (_, _, fn(&str, usize) -> bool, _) = match feature {
        Feature::Prompts => ("name", found.name, is_text, TEXT),
        Feature::Resources => ("uri", found.uri, is_text, TEXT),
        Feature::Templates => ("uriTemplate", found.uri_template, is_text, TEXT),
        Feature::Tools => ("name", found.name, is_tool_name, TOOL_NAME),
    };
    let name = name.ok_or_else(|| format!("its description has no `{key}`"))?;
    let most = match feature {
        Feature::Prompts | Feature::Tools => 128,
        Feature::Resources | Feature::Templates => 4096,
    };
    if !is_good(&name, most) {
        let shown: String = name.chars().take(128).collect();
        let bytes = name.len();
        return Err(format!(
            "{shown:?} ({bytes} bytes) is no `{key}` that all clients take; expected 1 to {most} {rule}"
        ));
    }
    let says_so = found
        .annotations
        .is_some_and(|hints| hints.read_only == Some(true));
    Ok(Item {
        name: name.as_ref().into(),
        json: raw.to_owned(),
        only_reads: feature == Feature::Tools && says_so,
        is_approved: false,
    })
}

const TEXT: &str = "bytes without control characters";
const TOOL_NAME: &str = "letters of ASCII, digits and `_-./`";

/// MCP 2025-11-25, tools: 1 to 128 letters, digits, underscores, hyphens and dots; slashes were allowed for a while.
fn is_tool_name(name: &str, most: usize) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || b"_-./".contains(&b);
    (1..=most).contains(&name.len()) && name.bytes().all(is_good)
}

/// Prompts and resources may be called anything that can be shown.
fn is_text(name: &str, most: usize) -> bool {
    (1..=most).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
impl Lists {
    /// These descriptions as an upstream would list them.
    pub(crate) fn for_test(capabilities: Capabilities, described: &[(Feature, &str)]) -> Self {
        let mut lists = Self {
            capabilities,
            ..Self::default()
        };
        for feature in Feature::ALL {
            let of_it = described.iter().filter(|(known, _)| *known == feature);
            let raw = |json| serde_json::from_str(json).expect("JSON");
            let items = of_it.map(|(_, json)| item(feature, raw(json)).expect("an item"));
            *lists.items_mut(feature) = items.collect();
        }
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_called_by_what_its_kind_is_asked_for() {
        let check = |feature: Feature, json: &str, expected: Option<&str>| {
            let raw: &RawValue = serde_json::from_str(json).expect("JSON");
            let found = item(feature, raw);
            assert_eq!(
                found.ok().map(|item| item.name).as_deref(),
                expected,
                "{json}"
            );
        };
        let all = r#"{"name":"n","uri":"test://u","uriTemplate":"test://{t}","x":1e400}"#;
        check(Feature::Tools, all, Some("n"));
        check(Feature::Prompts, all, Some("n"));
        check(Feature::Resources, all, Some("test://u"));
        check(Feature::Templates, all, Some("test://{t}"));
        check(Feature::Resources, r#"{"name":"n"}"#, None);
        check(
            Feature::Prompts,
            r#"{"name":"two words é"}"#,
            Some("two words é"),
        );
        check(Feature::Tools, r#"{"name":"two words"}"#, None);
        for json in [
            r#"{"name":""}"#,
            r#"{"name":"a\nb"}"#,
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":7}"#,
            "7",
        ] {
            check(Feature::Tools, json, None);
            check(Feature::Prompts, json, None);
        }
    }

    #[test]
    fn what_cannot_be_passed_on_is_named_with_the_reason() {
        let check = |json: &str, expected: &str| {
            let found = item(Feature::Tools, serde_json::from_str(json).expect("JSON"));
            assert!(found.is_err_and(|why| why.contains(expected)), "{json}");
        };
        check(
            r#"{"name":"two wörds"}"#,
            r#""two wörds" (10 bytes) is no `name`"#,
        );
        check(r#"{"name":"a\u001bb"}"#, r#""a\u{1b}b""#);
        check(
            &format!(r#"{{"name":"{}"}}"#, "x".repeat(9000)),
            "(9000 bytes)",
        );
        check(r#"{"title":"x"}"#, "no `name`");
        check(r#"{"name":7}"#, "not as MCP has it (invalid type");
    }

    #[test]
    fn only_what_is_declared_is_there() {
        let read = |json: &str| -> Capabilities {
            Capabilities::of(serde_json::from_str(json).expect("JSON"))
        };
        assert_eq!(read(r#"{"x":1,"tools":null}"#), Capabilities::default());
        let some = read(r#"{"tools":{},"resources":{"subscribe":true},"completions":{}}"#);
        assert!(some.has(Feature::Tools) && some.has(Feature::Templates) && some.completions);
        assert!(some.subscriptions && !some.has(Feature::Prompts) && !some.logging);
        assert!(!read(r#"{"resources":{"subscribe":7}}"#).subscriptions);
        for (json, expected) in [
            (r#"{"tools":{},"prompts":{"listChanged":false}}"#, false),
            (r#"{"logging":{"listChanged":true},"tools":7}"#, false),
            (
                r#"{"tools":{},"resources":{"x":1,"listChanged":true}}"#,
                true,
            ),
        ] {
            let found = announces(serde_json::from_str(json).expect("JSON"));
            assert_eq!(found, expected, "{json}");
        }
    }
}
