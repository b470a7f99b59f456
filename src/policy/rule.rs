//! One rule: what it is for, and what it asks.

use std::sync::Arc;

use super::facts::FactSet;
use super::settings::Meaning;
use super::{Kind, Target};

/// A rule as it is applied.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) meaning: Meaning,
    pub(super) scopes: FactSet,
    pub(super) others: FactSet,
}

impl Rule {
    /// True if the rule is for `target`.
    pub(super) fn is_for(&self, target: &Target<'_>) -> bool {
        let Meaning {
            prompts,
            resources,
            tools,
            upstreams,
            ..
        } = &self.meaning;
        let of_upstream = |upstream| upstreams.matches(upstream);
        if !upstreams.is_empty() && !target.upstream.is_some_and(of_upstream) {
            return false;
        }
        if prompts.is_empty() && resources.is_empty() && tools.is_empty() {
            return true;
        }
        match target.kind {
            Kind::Prompt => prompts.matches(target.name),
            Kind::Resource => resources.matches(target.name),
            Kind::Tool => tools.matches(target.name),
        }
    }

    /// Its patterns that match none of `targets`, each as a sentence.
    pub(super) fn unmatched(&self, place: usize, targets: &[Target<'_>]) -> Vec<String> {
        let of_kind = |kind| {
            let of_it = move |target: &&Target<'_>| target.kind == kind;
            targets.iter().filter(of_it).map(|target| target.name)
        };
        let prompts: Vec<_> = of_kind(Kind::Prompt).collect();
        let tools: Vec<_> = of_kind(Kind::Tool).collect();
        let resources: Vec<_> = of_kind(Kind::Resource).collect();
        let upstreams: Vec<_> = targets
            .iter()
            .filter_map(|target| target.upstream)
            .collect();
        let Meaning {
            prompts: of_prompts,
            tools: of_tools,
            resources: of_resources,
            upstreams: of_upstreams,
            ..
        } = &self.meaning;
        [
            ("tools", "tool", of_tools, tools),
            ("prompts", "prompt", of_prompts, prompts),
            ("resources", "resource", of_resources, resources),
            ("upstreams", "upstream", of_upstreams, upstreams),
        ]
        .into_iter()
        .flat_map(|(key, what, patterns, names)| {
            let matched: Vec<_> = names.iter().flat_map(|name| patterns.matching(name)).collect();
            let unmatched = patterns.written.iter().enumerate();
            unmatched
                .filter(|(at, _)| !matched.contains(at))
                .map(|(_, pattern)| {
                    format!(
                        "rule[{place}].{key}: no {what} matches `{pattern}`, so this part of the rule holds for nothing; {}",
                        there_are(what, &names)
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect()
    }
}

fn there_are(what: &str, names: &[&str]) -> String {
    const MOST: usize = 10;
    match names.len() {
        0 => format!("there is no {what} here"),
        1..=MOST => format!("there are: {}", names.join(", ")),
        many => format!("there are {many}"),
    }
}
