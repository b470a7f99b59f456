//! What there is for clients: tools, prompts and resources, of Usher itself and of all upstreams, in one stable order.
//!
//! A catalogue never changes. When what an upstream has does, another one takes its place (`keep`). Lists are cut to what
//! the caller may use, and serialised once for all who may use the same (`shown`).

mod described;
mod keep;
mod merge;
mod names;
mod offered;
mod route;
mod shown;
mod spelling;
mod uri_template;
mod views;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use merge::label;
pub(crate) use names::Naming;
pub use names::name_in_rules;
pub use offered::{Offered, OfferedEntry};
pub use spelling::spellings;
pub(crate) use views::Catalogs;

use self::keep::{merged, of_none, of_one};

use self::merge::Merging;
use self::route::Routes;
use self::shown::{Key, Page, Shown};
use super::bridge::mirrors::Mirrors;
use super::era::Era;
use super::reply;
use crate::auth::{Principal, ScopePrefix};
use crate::policy::{AskedFor, Kind, Policy, Requirements, Standing, Target};
use crate::tools::{self, ToolDescriptor};
use crate::upstream::{Feature, Upstream};

/// The name of a tool, or of a group of tools.
pub(crate) type Label = Cow<'static, str>;

/// Everything, in the order it is listed: what is built in, then what each upstream has in the order configured.
#[derive(Debug)]
pub(crate) struct Catalog {
    tools: List,
    prompts: List,
    resources: List,
    templates: List,
    routes: Routes,
    shown: Shown,
    /// What the one upstream that it is of would have clients tell their model.
    instructions: Option<Box<str>>,
    /// Somebody completes arguments.
    completes: bool,
    /// Somebody has log messages for clients.
    logs: bool,
    /// Clients can subscribe to resources of somebody.
    subscribes: bool,
    /// It can change while the server runs.
    can_change: bool,
    /// What the call of a tool takes that does not exist: no more is told of what exists and what does not.
    unknown: Requirements,
    /// How much of upstreams is not listed: its name is another one's, or its description breaks a rule.
    left_out: usize,
    /// What is not listed as its upstream would have it, or may not be usable for every client, in sentences.
    warnings: Vec<String>,
}

/// The entries of one kind.
#[derive(Debug, Default)]
pub(crate) struct List {
    entries: Vec<Entry>,
    places: HashMap<Label, usize>,
    asked_for: AskedFor,
}

impl List {
    fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(*self.places.get(name)?)
    }

    fn add(&mut self, entry: Entry) {
        self.asked_for.add(&entry.requirements);
        self.places.insert(entry.name.clone(), self.entries.len());
        self.entries.push(entry);
    }
}

/// A tool, a prompt, a resource or a template of such.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its name on the wire, its address, or its template.
    pub(crate) name: Label,
    /// How it is counted. What one upstream has is counted together: it is not ours to name.
    pub(crate) label: Label,
    /// Who answers; nothing for what is built in.
    pub(crate) home: Option<Home>,
    /// The arguments that headers mirror.
    pub(crate) mirrors: Mirrors,
    json: Box<str>,
    requirements: Requirements,
}

/// Something of an upstream's, as its upstream knows it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) upstream: Arc<Upstream>,
    /// Its name, address or template there.
    pub(crate) name: Box<str>,
}

/// What a request is about, if there is such a thing.
#[derive(Clone, Debug)]
pub(crate) enum Found<'a> {
    /// It is listed.
    Listed(&'a Entry),
    /// It is not, but this upstream is the one to ask.
    Made(Box<Entry>),
}

impl Deref for Found<'_> {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        match self {
            Self::Listed(entry) => entry,
            Self::Made(entry) => entry,
        }
    }
}

/// What a catalogue is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making<'a> {
    pub(crate) policy: &'a Policy,
    /// Clients ask for the scopes with it.
    pub(crate) prefix: &'a ScopePrefix,
    pub(crate) naming: Naming<'a>,
}

/// The built-in tools, as the policy sees them.
#[must_use]
pub fn built_in_targets() -> Vec<Target<'static>> {
    tools::NAMES.into_iter().map(built_in).collect()
}

fn built_in(name: &str) -> Target<'_> {
    Target {
        kind: Kind::Tool,
        name,
        upstream: None,
        only_reads: true,
    }
}

impl Catalog {
    /// The catalogue of `descriptors` and of what `upstreams` have now, each with what the policy asks for it.
    pub(crate) fn new(
        descriptors: Vec<ToolDescriptor>,
        upstreams: &[Arc<Upstream>],
        making: Making<'_>,
    ) -> Self {
        let mut merging = Merging::new(upstreams, making);
        for descriptor in descriptors {
            let requirements = making.policy.requirements(&built_in(descriptor.name));
            merging.tools.add(Entry {
                name: Cow::Borrowed(descriptor.name),
                label: Cow::Borrowed(descriptor.name),
                home: None,
                mirrors: Mirrors::default(),
                json: described::built_in(descriptor, &making.scopes(&requirements)).into(),
                requirements,
            });
        }
        for upstream in upstreams {
            merging.add(upstream);
        }
        merging.finish()
    }

    fn list(&self, feature: Feature) -> &List {
        match feature {
            Feature::Prompts => &self.prompts,
            Feature::Resources => &self.resources,
            Feature::Templates => &self.templates,
            Feature::Tools => &self.tools,
        }
    }

    /// The tool of that name, if there is one.
    pub(crate) fn tool(&self, name: &str) -> Option<&Entry> {
        self.tools.get(name)
    }

    /// The prompt of that name, if there is one.
    pub(crate) fn prompt(&self, name: &str) -> Option<&Entry> {
        self.prompts.get(name)
    }

    /// What using `entry` takes, whether there is such a thing or not.
    pub(crate) fn requirements<'a>(&'a self, entry: Option<&'a Entry>) -> &'a Requirements {
        entry.map_or(&self.unknown, |entry| &entry.requirements)
    }

    /// True if an upstream completes arguments.
    pub(crate) fn completes(&self) -> bool {
        self.completes
    }

    /// True if an upstream has log messages for clients.
    pub(crate) fn logs(&self) -> bool {
        self.logs
    }

    /// True if clients can subscribe to resources of an upstream.
    pub(crate) fn subscribes(&self) -> bool {
        self.subscribes
    }

    /// True if it can change while the server runs: with upstreams.
    pub(crate) fn can_change(&self) -> bool {
        self.can_change
    }

    /// How much of upstreams is not listed at all.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Everything that there is to know of it for whoever runs the server, in sentences.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The list of what somebody of this standing may use, as the rest of an answer that [`reply::open`] began.
    fn page(&self, feature: Feature, era: Era, (policy, standing): (&Policy, Standing)) -> Page {
        let list = self.list(feature);
        let standing = standing.among(&list.asked_for);
        let key = Key {
            feature,
            era,
            standing,
        };
        let write = || {
            let may_use = |entry: &&Entry| policy.allows(standing, &entry.requirements);
            let shown = || list.entries.iter().filter(may_use);
            let bytes: usize = shown().map(|entry| entry.json.len() + 1).sum();
            let mut out = Vec::with_capacity(bytes + 256);
            out.push(b'"');
            out.extend_from_slice(member(feature).as_bytes());
            out.extend_from_slice(b"\":[");
            for (place, entry) in shown().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(entry.json.as_bytes());
            }
            out.push(b']');
            reply::close(&mut out, era, reply::Caching::Hinted);
            Bytes::from(out)
        };
        self.shown.get_or_write(key, write)
    }

    /// The same for a caller.
    pub(crate) fn page_for(
        &self,
        feature: Feature,
        era: Era,
        (policy, principal): (&Policy, &Principal),
    ) -> Bytes {
        let whom = (policy, policy.standing(principal));
        self.page(feature, era, whom).json
    }

    /// What the upstream says to models, for a caller who may use something of it.
    pub(crate) fn instructions_for(&self, policy: &Policy, principal: &Principal) -> &str {
        let standing = policy.standing(principal);
        let may_use = |entry: &Entry| policy.allows(standing, &entry.requirements);
        let may_use_some = |feature| self.list(feature).entries.iter().any(may_use);
        match &self.instructions {
            Some(text) if Feature::ALL.into_iter().any(may_use_some) => text,
            Some(_) | None => "",
        }
    }

    /// Tells the list of what somebody of this standing may use from others.
    pub(crate) fn digest(&self, feature: Feature, era: Era, whom: (&Policy, Standing)) -> u64 {
        self.page(feature, era, whom).digest
    }
}

/// The member of a result that holds the list.
fn member(feature: Feature) -> &'static str {
    match feature {
        Feature::Prompts => "prompts",
        Feature::Resources => "resources",
        Feature::Templates => "resourceTemplates",
        Feature::Tools => "tools",
    }
}

#[cfg(test)]
mod tests;
