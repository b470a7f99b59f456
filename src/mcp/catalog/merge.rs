//! The tools of upstreams in the one catalogue: `upstream__tool`, each with what the rules ask for it.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Catalog, Entry, Home, Making, built_in_targets, described};
use crate::mcp::{Inner, Protocol};
use crate::policy::{Kind, Target};
use crate::upstream::{Item, Upstream};

/// Stands between the name of an upstream, which has no underscore, and that of a tool.
const SEPARATOR: &str = "__";

/// How the tools of an upstream are counted.
pub(crate) fn label(upstream: &Upstream) -> super::Label {
    Cow::Owned(format!("{}{SEPARATOR}*", upstream.name()))
}

/// The tools of `upstream` as they are listed here.
pub(super) fn entries(upstream: &Arc<Upstream>, making: Making<'_>) -> Vec<Entry> {
    let entry = |tool: &Item| {
        let name = format!("{}{SEPARATOR}{}", upstream.name(), tool.name);
        let requirements = making.policy.requirements(&Target {
            kind: Kind::Tool,
            name: &name,
            upstream: Some(upstream.name()),
            only_reads: tool.only_reads && upstream.trusts_annotations(),
        });
        let json = described::of_upstream(&tool.json, &name, &making.scopes(&requirements));
        if json.is_none() {
            tracing::warn!(
                tool = name,
                "upstream: a tool is left out: its description says something twice"
            );
        }
        Some(Entry {
            label: label(upstream),
            home: Some(Home {
                upstream: Arc::clone(upstream),
                tool: tool.name.clone(),
            }),
            json: json?,
            requirements,
            name: Cow::Owned(name),
        })
    };
    upstream.lists().tools.iter().filter_map(entry).collect()
}

impl Catalog {
    /// All tools as the policy sees them.
    fn targets(&self) -> Vec<Target<'_>> {
        let of_upstream = |tool: &'_ Entry| tool.home.is_some();
        let theirs = self.tools.iter().filter(|tool| of_upstream(tool));
        let target = |tool| {
            let Entry { name, home, .. }: &Entry = tool;
            Target {
                kind: Kind::Tool,
                name,
                upstream: home.as_ref().map(|home| home.upstream.name()),
                only_reads: false,
            }
        };
        built_in_targets()
            .into_iter()
            .chain(theirs.map(target))
            .collect()
    }
}

impl Inner {
    pub(in crate::mcp) fn new_catalog(&self) -> Catalog {
        let making = Making {
            policy: &self.parts.policy,
            prefix: &self.parts.scope_prefix,
        };
        Catalog::new(
            self.parts.tools.descriptors(),
            &self.parts.upstreams,
            making,
        )
    }
}

impl Protocol {
    /// Renews the catalogue for as long as the server lives. Rules that are for nothing are told once all is listed.
    pub(in crate::mcp) async fn keep_catalog(self) {
        let Inner { parts, .. } = &*self.0;
        let mut changes = parts.upstreams.changes();
        let mut is_told = false;
        let keep = async {
            loop {
                // Also before the first change: something may have been listed already.
                let catalog = Arc::new(self.0.new_catalog());
                if !is_told && parts.upstreams.iter().all(|upstream| upstream.was_listed()) {
                    is_told = true;
                    for warning in parts.policy.unmatched(&catalog.targets()) {
                        tracing::warn!("{warning}");
                    }
                }
                self.0.catalog.store(catalog);
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = keep => {}
            () = parts.lifecycle.soft_stop() => {}
        }
    }
}
