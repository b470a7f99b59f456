//! What upstreams have becomes part of the one catalogue: under names that are told apart, each with what the rules ask.

use std::borrow::Cow;
use std::sync::Arc;

use super::route::Routes;
use super::shown::Shown;
use super::spelling::spellings;
use super::{Catalog, Entry, Home, List, Making, built_in, described, names};
use crate::mcp::bridge::mirrors::Mirrors;
use crate::policy::{Kind, OtherNames, Policy, Requirements, Target};
use crate::upstream::{Feature, Item, Names, Upstream};

/// Some clients take no longer names of tools, or cut them.
const LONGEST_NAME: usize = 64;

/// How what an upstream has is counted.
pub(crate) fn label(upstream: &Upstream) -> super::Label {
    Cow::Owned(format!("{}__*", upstream.name()))
}

/// What `feature` is for the policy.
pub(super) fn kind(feature: Feature) -> Kind {
    match feature {
        Feature::Prompts => Kind::Prompt,
        Feature::Resources | Feature::Templates => Kind::Resource,
        Feature::Tools => Kind::Tool,
    }
}

/// What getting a prompt or reading a resource takes. That it only reads is the upstream's word: it counts where the
/// operator trusts that.
pub(super) fn reading(
    policy: &Policy,
    upstream: &Upstream,
    kind: Kind,
    (name, others): (&str, OtherNames<'_>),
) -> Requirements {
    let target = Target {
        kind,
        name,
        upstream: Some(upstream.name()),
        only_reads: upstream.trusts_annotations(),
    };
    policy.requirements_of_all(&target, others)
}

/// A catalogue in the making.
pub(super) struct Merging<'a> {
    upstreams: &'a [Arc<Upstream>],
    making: Making<'a>,
    pub(super) tools: List,
    prompts: List,
    resources: List,
    templates: List,
    instructions: Option<Box<str>>,
    completes: bool,
    logs: bool,
    subscribes: bool,
    left_out: usize,
    warnings: Vec<String>,
}

impl<'a> Merging<'a> {
    pub(super) fn new(upstreams: &'a [Arc<Upstream>], making: Making<'a>) -> Self {
        Self {
            upstreams,
            making,
            tools: List::default(),
            prompts: List::default(),
            resources: List::default(),
            templates: List::default(),
            instructions: None,
            completes: false,
            logs: false,
            subscribes: false,
            left_out: 0,
            warnings: Vec::new(),
        }
    }

    fn list(&mut self, feature: Feature) -> &mut List {
        match feature {
            Feature::Prompts => &mut self.prompts,
            Feature::Resources => &mut self.resources,
            Feature::Templates => &mut self.templates,
            Feature::Tools => &mut self.tools,
        }
    }

    /// Adds everything that `upstream` has now.
    pub(super) fn add(&mut self, upstream: &Arc<Upstream>) {
        let lists = upstream.lists();
        self.left_out += lists.left_out;
        if let [_the_only_one] = self.upstreams {
            self.instructions.clone_from(&lists.instructions);
        }
        self.completes |= lists.capabilities.completions;
        self.logs |= lists.capabilities.logging;
        self.subscribes |= lists.subscriptions.is_some();
        for feature in Feature::ALL {
            for item in lists.items(feature).iter() {
                let name = match feature {
                    Feature::Prompts | Feature::Tools => self.name(feature, upstream, item),
                    Feature::Resources | Feature::Templates => {
                        Some(self.address(feature, upstream, item))
                    }
                };
                let entry = name.and_then(|name| self.entry((feature, upstream), item, name));
                match entry {
                    Some(entry) => self.list(feature).add(entry),
                    None => self.left_out += 1,
                }
            }
        }
    }

    /// The name of a tool or a prompt; nothing if that is another one's.
    fn name(&mut self, feature: Feature, upstream: &Upstream, item: &Item) -> Option<String> {
        let naming = self.making.naming;
        let name = naming.listed(upstream, &item.name).into_owned();
        let what = feature.singular();
        let mut others = self.upstreams.iter();
        let taken_by = match self.list(feature).get(&name) {
            Some(Entry { home: None, .. }) => Some("a built-in one".to_owned()),
            Some(Entry {
                home: Some(home), ..
            }) => Some(format!("that of the upstream {}", home.upstream.name())),
            None if upstream.names() == Names::Verbatim => naming
                .owner(&name, &mut others)
                .map(|owner| format!("one of the upstream {}, whose names begin so", owner.name())),
            None => None,
        };
        if let Some(other) = taken_by {
            self.warnings.push(format!(
                "the {what} {name:?} of the upstream {} is left out: the name is taken by {other}",
                upstream.name()
            ));
            return None;
        }
        if name.len() > LONGEST_NAME {
            self.warnings.push(format!(
                "the name of the {what} {name:?} has {} characters; some clients take at most {LONGEST_NAME}",
                name.len()
            ));
        }
        Some(name)
    }

    /// The address of a resource, or a template: the upstream's own, unless that is another one's already.
    fn address(&mut self, feature: Feature, upstream: &Upstream, item: &Item) -> String {
        let is_ours = |name: &str| self.upstreams.iter().any(|known| known.name() == name);
        let looks_wrapped = names::unwrapped(&item.name).is_some_and(|(name, _)| is_ours(name));
        if looks_wrapped || self.list(feature).get(&item.name).is_some() {
            names::wrapped(upstream.name(), &item.name)
        } else {
            item.name.clone().into()
        }
    }

    fn entry(
        &mut self,
        (feature, upstream): (Feature, &Arc<Upstream>),
        item: &Item,
        name: String,
    ) -> Option<Entry> {
        let Making { policy, naming, .. } = self.making;
        let requirements = match feature {
            Feature::Tools => policy.requirements(&Target {
                kind: Kind::Tool,
                name: &naming.in_rules(upstream, &item.name),
                upstream: Some(upstream.name()),
                only_reads: item.only_reads && (item.is_approved || upstream.trusts_annotations()),
            }),
            Feature::Prompts => {
                let name = naming.in_rules(upstream, &item.name);
                reading(
                    policy,
                    upstream,
                    Kind::Prompt,
                    (&name, OtherNames::default()),
                )
            }
            // Rules name addresses as their upstream has them, whatever they are listed as.
            Feature::Resources => {
                let spellings = spellings(&item.name).unwrap_or_default();
                let others = OtherNames {
                    aliases: &[],
                    spellings: &spellings,
                };
                reading(policy, upstream, Kind::Resource, (&item.name, others))
            }
            Feature::Templates => {
                let names = (&*item.name, OtherNames::default());
                reading(policy, upstream, Kind::Resource, names)
            }
        };
        let json = match feature {
            Feature::Prompts => described::renamed(&item.json, "name", &name),
            Feature::Resources => described::renamed(&item.json, "uri", &name),
            Feature::Templates => described::renamed(&item.json, "uriTemplate", &name),
            Feature::Tools => {
                let scopes = self.making.scopes(&requirements);
                described::tool_of_upstream(&item.json, &name, &scopes)
            }
        };
        let Some(json) = json else {
            self.warnings.push(format!(
                "the {} {:?} of the upstream {} is left out: its description says something twice",
                feature.singular(),
                item.name,
                upstream.name()
            ));
            return None;
        };
        let mirrors = self.mirrors((feature, upstream), item)?;
        Some(Entry {
            mirrors,
            name: Cow::Owned(name),
            label: label(upstream),
            home: Some(Home {
                upstream: Arc::clone(upstream),
                name: item.name.clone(),
            }),
            json: json.into(),
            requirements,
        })
    }

    /// The arguments that headers mirror. What breaks a rule there is no tool to any client of the newer revision (SEP-2243).
    fn mirrors(&mut self, of: (Feature, &Upstream), item: &Item) -> Option<Mirrors> {
        let (Feature::Tools, upstream) = of else {
            return Some(Mirrors::default());
        };
        match Mirrors::of_tool(item.json.get()) {
            Ok(mirrors) => Some(mirrors),
            Err(reason) => {
                self.warnings.push(format!(
                    "the tool {:?} of the upstream {} is left out: {reason}",
                    item.name,
                    upstream.name()
                ));
                None
            }
        }
    }

    pub(super) fn finish(self) -> Catalog {
        Catalog {
            routes: Routes::new(&self.templates, self.upstreams),
            tools: self.tools,
            prompts: self.prompts,
            resources: self.resources,
            templates: self.templates,
            shown: Shown::default(),
            instructions: self.instructions,
            completes: self.completes,
            logs: self.logs,
            subscribes: self.subscribes,
            can_change: !self.upstreams.is_empty(),
            unknown: self.making.policy.requirements(&built_in("")),
            left_out: self.left_out,
            warnings: self.warnings,
        }
    }
}
