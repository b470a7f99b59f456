//! Renews the catalogue for as long as the server lives, and tells whoever runs it what is odd about it, once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::merge::kind;
use super::{Catalog, Catalogs, Making, Naming, built_in_targets};
use crate::mcp::{Inner, Parts, Protocol, Settings};
use crate::policy::Target;
use crate::upstream::{Feature, Upstream};

/// Changes that come together make one new catalogue.
const TOGETHER: Duration = Duration::from_millis(20);
/// How long upstreams may take before rules that are for nothing are told without them.
const PATIENCE: Duration = Duration::from_secs(60);
/// More sentences than this are no news.
const MOST_TOLD: usize = 1_000;

impl Catalog {
    /// Everything of upstreams as the policy sees it, and the built-in tools.
    fn targets(&self) -> Vec<Target<'_>> {
        let mut targets = built_in_targets();
        for feature in Feature::ALL {
            for entry in &self.list(feature).entries {
                if let Some(home) = &entry.home {
                    let name = match feature {
                        Feature::Prompts | Feature::Tools => &entry.name,
                        Feature::Resources | Feature::Templates => &*home.name,
                    };
                    targets.push(Target {
                        kind: kind(feature),
                        name,
                        upstream: Some(home.upstream.name()),
                        only_reads: false,
                    });
                }
            }
        }
        targets
    }
}

fn making<'a>(parts: &'a Parts, naming: Naming<'a>) -> Making<'a> {
    Making {
        policy: &parts.policy,
        prefix: &parts.scope_prefix,
        naming,
    }
}

/// The one catalogue of what there is now.
pub(super) fn merged(parts: &Parts, settings: &Settings) -> Catalog {
    let naming = Naming::Merged {
        separator: &settings.name_separator,
    };
    let upstreams: Vec<_> = parts.upstreams.iter().cloned().collect();
    let built_in = parts.tools.descriptors();
    Catalog::new(built_in, &upstreams, making(parts, naming))
}

/// The catalogue of what one upstream has now, under its own names. Rules hold as in the one catalogue.
pub(super) fn of_one(parts: &Parts, settings: &Settings, upstream: &Arc<Upstream>) -> Catalog {
    let naming = Naming::Own {
        separator: &settings.name_separator,
    };
    let upstreams = std::slice::from_ref(upstream);
    Catalog::new(Vec::new(), upstreams, making(parts, naming))
}

/// The catalogue of nothing at all.
pub(super) fn of_none(parts: &Parts, settings: &Settings) -> Catalog {
    let naming = Naming::Own {
        separator: &settings.name_separator,
    };
    Catalog::new(Vec::new(), &[], making(parts, naming))
}

/// What was told already.
struct Telling {
    begun: Instant,
    rules: bool,
    sentences: HashSet<String>,
}

impl Telling {
    fn tell(&mut self, inner: &Inner, catalog: &Catalog) {
        for warning in catalog.warnings() {
            if self.sentences.len() < MOST_TOLD && self.sentences.insert(warning.clone()) {
                tracing::warn!("catalogue: {warning}");
            }
        }
        let parts = &inner.parts;
        let missing = |upstream: &&Arc<Upstream>| !upstream.was_listed();
        let missing: Vec<_> = parts.upstreams.iter().filter(missing).collect();
        if self.rules || (!missing.is_empty() && self.begun.elapsed() < PATIENCE) {
            return;
        }
        self.rules = true;
        let names: Vec<_> = missing.iter().map(|upstream| upstream.name()).collect();
        for warning in parts.policy.unmatched(&catalog.targets()) {
            if names.is_empty() {
                tracing::warn!("{warning}");
            } else {
                let names = names.join(", ");
                tracing::warn!("{warning} (not asked yet: {names})");
            }
        }
    }
}

impl Protocol {
    /// Renews the catalogue for as long as the server lives. Rules that are for nothing are told once all is listed, or
    /// when that takes too long.
    pub(in crate::mcp) async fn keep_catalog(self) {
        let Inner { parts, .. } = &*self.0;
        let mut changes = parts.upstreams.changes();
        let mut telling = Telling {
            begun: Instant::now(),
            rules: false,
            sentences: HashSet::new(),
        };
        let keep = async {
            loop {
                // Also before the first change: something may have been listed already.
                let catalogs = Arc::new(Catalogs::now(parts, &self.0.settings));
                telling.tell(&self.0, catalogs.whole());
                self.0.catalogs.store(catalogs);
                self.0.renewed.send_replace(());
                let late = telling.begun + PATIENCE;
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep_until(late), if !telling.rules => {}
                }
                tokio::time::sleep(TOGETHER).await;
                changes.mark_unchanged();
            }
        };
        tokio::select! {
            () = keep => {}
            () = parts.lifecycle.soft_stop() => {}
        }
    }
}
