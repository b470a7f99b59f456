//! What there is to use: the built-in tools, and what upstreams say that they have when they are asked now.

use std::time::Duration;

use futures_util::future::join_all;

use crate::cli::upstream::with_parts;
use crate::config::Config;
use crate::mcp;
use crate::policy::{Kind, Target};
use crate::upstream::{Definition, Guard, Offer, Parts, survey};

/// Something of an upstream's.
#[derive(Debug)]
struct Thing {
    kind: Kind,
    name: String,
    upstream: String,
    only_reads: bool,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(in crate::cli) struct Catalogue {
    things: Vec<Thing>,
    was_asked: bool,
    /// What could not be asked, in sentences.
    missing: Vec<String>,
}

impl Catalogue {
    /// The built-in tools alone.
    pub(in crate::cli) fn built_in() -> Self {
        Self::default()
    }

    /// What all upstreams have, each asked at most for so long.
    pub(super) fn ask(config: &Config, timeout: Duration) -> anyhow::Result<Self> {
        let mut found = Self::built_in();
        found.was_asked = true;
        if config.upstreams.is_empty() {
            return Ok(found);
        }
        let guard = Guard::open(&config.catalogue_lock, &config.state_dir)?;
        let asked = with_parts(config, async |parts: &Parts| {
            let ask = async |definition: &Definition| {
                let mut told = |_step: &_| {};
                let survey = survey(definition, parts, &mut told);
                tokio::time::timeout(timeout, survey).await
            };
            join_all(config.upstreams.iter().map(ask)).await
        })?;
        for (definition, asked) in config.upstreams.iter().zip(asked) {
            let name = &definition.settings.name;
            let reason = match asked {
                Ok(survey) => {
                    let failure = survey.failure();
                    if let Some(mut offer) = survey.offer {
                        if let Some(guard) = &guard {
                            found.keep_back(guard, name, &mut offer);
                        }
                        found.add(config, definition, offer);
                    }
                    failure.map(|(_tried, error)| error.to_string())
                }
                Err(_elapsed) => Some(format!(
                    "it did not answer within {} s; --timeout waits longer",
                    timeout.as_secs()
                )),
            };
            if let Some(reason) = reason {
                found.missing.push(format!(
                    "the upstream {name} could not be asked for all that it has: {reason}"
                ));
            }
        }
        Ok(found)
    }

    /// Takes out what the catalogue lock keeps back from clients.
    fn keep_back(&mut self, guard: &Guard, upstream: &str, offer: &mut Offer) {
        let (listed, kept_back) = guard.would_list(upstream, &offer.tools);
        offer.tools = listed;
        for tool in kept_back {
            self.missing.push(format!(
                "the catalogue lock keeps back the tool {tool} of the upstream {upstream}; see `usher upstream diff`"
            ));
        }
    }

    pub(in crate::cli) fn add(&mut self, config: &Config, definition: &Definition, offer: Offer) {
        let settings = &definition.settings;
        let trusted = settings.trust_annotations;
        let whose = (settings.name.as_str(), settings.names);
        let in_rules =
            |own: &str| mcp::name_in_rules(whose, &config.mcp.name_separator, own).into_owned();
        let mut add = |kind, name, only_reads| {
            self.things.push(Thing {
                kind,
                name,
                upstream: settings.name.clone(),
                only_reads,
            });
        };
        for tool in &offer.tools {
            let only_reads = tool.only_reads && (trusted || tool.is_approved);
            add(Kind::Tool, in_rules(&tool.name), only_reads);
        }
        for prompt in &offer.prompts {
            add(Kind::Prompt, in_rules(prompt), trusted);
        }
        for address in offer.resources.into_iter().chain(offer.templates) {
            add(Kind::Resource, address, trusted);
        }
    }

    /// All of it as the policy sees it, the built-in tools first.
    pub(in crate::cli) fn targets(&self) -> Vec<Target<'_>> {
        let theirs = self.things.iter().map(|thing| Target {
            kind: thing.kind,
            name: &thing.name,
            upstream: Some(&thing.upstream),
            only_reads: thing.only_reads,
        });
        mcp::built_in_targets().into_iter().chain(theirs).collect()
    }

    /// What could not be asked, and patterns that match nothing of what was.
    pub(super) fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = self.missing.clone();
        // Without upstreams the configuration has said so already.
        if self.was_asked && !config.upstreams.is_empty() {
            warnings.extend(config.policy.unmatched(&self.targets()));
        }
        warnings
    }
}

/// A tool of this name, if there were one: of the upstream whose prefix it has. What has a colon is no tool's name, but
/// a resource's address; it is the only upstream's, if there is but one.
pub(super) fn supposed<'a>(config: &'a Config, name: &'a str) -> Target<'a> {
    let separator = &config.mcp.name_separator;
    let has_prefix = |definition: &&Definition| {
        let rest = name.strip_prefix(&definition.settings.name);
        rest.is_some_and(|rest| rest.starts_with(separator.as_str()))
    };
    let (kind, owner) = match (name.contains(':'), config.upstreams.as_slice()) {
        (true, [only]) => (Kind::Resource, Some(only)),
        (true, _) => (Kind::Resource, None),
        (false, upstreams) => (Kind::Tool, upstreams.iter().find(has_prefix)),
    };
    Target {
        kind,
        name,
        upstream: owner.map(|definition| definition.settings.name.as_str()),
        only_reads: false,
    }
}
