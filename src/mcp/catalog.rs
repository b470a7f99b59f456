//! What `tools/list` shows: serialised once, and cut to what the caller may use.
//!
//! A catalogue never changes. When the tools of an upstream do, another one takes its place (`merge`).

mod described;
mod merge;

pub(crate) use merge::label;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::{Principal, ScopePrefix};
use crate::policy::{Kind, Policy, Requirements, Target};
use crate::tools::{self, ToolDescriptor};
use crate::upstream::{Upstream, Upstreams};

/// The name of a tool, or of a group of tools.
pub(crate) type Label = Cow<'static, str>;

/// The tools, in the order they are listed: the built-in ones, then those of each upstream in the order configured.
#[derive(Debug)]
pub(crate) struct Catalog {
    tools: Vec<Entry>,
    places: HashMap<Label, usize>,
    /// The JSON array of all tools: what nearly every caller gets.
    all: String,
    /// What the call of a tool takes that does not exist: no more is told of what exists and what does not.
    unknown: Requirements,
}

/// One tool.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its name on the wire.
    pub(crate) name: Label,
    /// How it is counted. The tools of one upstream are counted together: they are not ours to name.
    pub(crate) label: Label,
    /// Where its calls go; nothing for a built-in tool.
    pub(crate) home: Option<Home>,
    json: String,
    requirements: Requirements,
}

/// An upstream's tool, as its upstream knows it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) tool: Box<str>,
}

/// What a catalogue is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making<'a> {
    pub(crate) policy: &'a Policy,
    /// Clients ask for the scopes with it.
    pub(crate) prefix: &'a ScopePrefix,
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
        upstreams: &Upstreams,
        making: Making<'_>,
    ) -> Self {
        let mut tools: Vec<_> = descriptors
            .into_iter()
            .map(|descriptor| {
                let requirements = making.policy.requirements(&built_in(descriptor.name));
                Entry {
                    name: Cow::Borrowed(descriptor.name),
                    label: Cow::Borrowed(descriptor.name),
                    home: None,
                    json: described::built_in(descriptor, &making.scopes(&requirements)),
                    requirements,
                }
            })
            .collect();
        for upstream in upstreams.iter() {
            tools.extend(merge::entries(upstream, making));
        }
        let all: Vec<_> = tools.iter().map(|tool| tool.json.as_str()).collect();
        let all = format!("[{}]", all.join(","));
        let place = |(place, tool): (usize, &Entry)| (tool.name.clone(), place);
        Self {
            places: tools.iter().enumerate().map(place).collect(),
            tools,
            all,
            unknown: making.policy.requirements(&built_in("")),
        }
    }

    /// The tool of that name, if there is one.
    pub(crate) fn tool(&self, name: &str) -> Option<&Entry> {
        self.tools.get(*self.places.get(name)?)
    }

    /// What calling `tool` takes, whether there is such a tool or not.
    pub(crate) fn requirements<'a>(&'a self, tool: Option<&'a Entry>) -> &'a Requirements {
        tool.map_or(&self.unknown, |tool| &tool.requirements)
    }

    /// Writes the JSON array of the tools that `principal` may call.
    pub(crate) fn write(&self, out: &mut Vec<u8>, policy: &Policy, principal: &Principal) {
        let standing = policy.standing(principal);
        let may_call = |tool: &&Entry| policy.allows(standing, &tool.requirements);
        if self.tools.iter().all(|tool| may_call(&tool)) {
            out.extend_from_slice(self.all.as_bytes());
            return;
        }
        out.push(b'[');
        for (place, tool) in self.tools.iter().filter(may_call).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(tool.json.as_bytes());
        }
        out.push(b']');
    }

    /// How many bytes the list of all tools has.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}
