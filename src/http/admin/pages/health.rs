//! `/health`: issuers, index and upstreams by name.

use serde::Serialize;

use crate::auth::KeyState;
use crate::http::State;
use crate::http::page::{Html, Table, Tone, ago, code, duration, el, facts, heading, many, tag};
use crate::upstream::Overview;

/// What `/health` tells.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    uptime_seconds: u64,
    issuers: Vec<Issuer>,
    index: Index,
    upstreams: Vec<Upstream>,
}

#[derive(Debug, Serialize)]
struct Issuer {
    issuer: String,
    profile: &'static str,
    /// Its metadata was read since the start.
    reached: bool,
    /// `ok`, `stale` or `missing`.
    keys_state: &'static str,
    keys: usize,
    /// Seconds since the last successful fetch.
    age_seconds: Option<i64>,
    /// Readiness waits for it.
    required: bool,
}

#[derive(Debug, Serialize)]
struct Index {
    status: &'static str,
    age_seconds: Option<i64>,
    collections: Vec<Collection>,
}

#[derive(Debug, Serialize)]
struct Collection {
    name: String,
    documents: usize,
    /// Files and records that were left out.
    failures: usize,
    /// Its folder or file could not be read.
    unavailable: bool,
}

#[derive(Debug, Serialize)]
struct Upstream {
    name: String,
    /// `connected`, `connecting`, `down` or `idle`.
    state: &'static str,
    /// Calls are kept back until it answers again.
    breaker_open: bool,
    place: String,
    revision: Option<&'static str>,
    /// What it calls itself.
    software: Option<String>,
    tools: usize,
    prompts: usize,
    resources: usize,
    quarantined: usize,
    calls: u64,
}

impl From<Overview> for Upstream {
    fn from(overview: Overview) -> Self {
        Self {
            name: overview.name,
            state: overview.state,
            breaker_open: overview.breaker_is_open,
            place: overview.place,
            revision: overview.revision.map(|(revision, _)| revision),
            software: overview.software,
            tools: overview.tools,
            prompts: overview.prompts,
            resources: overview.resources,
            quarantined: overview.quarantined.len(),
            calls: overview.calls,
        }
    }
}

impl Health {
    pub(super) fn now(state: &State) -> Self {
        let offers = state.resource_server.offers().into_iter();
        let issuers = offers.map(|offers| Issuer {
            profile: offers.status.profile.as_str(),
            reached: offers.registration.is_some(),
            keys_state: offers.status.state.as_str(),
            keys: offers.status.keys,
            age_seconds: offers.status.age_seconds,
            required: offers.status.required,
            issuer: offers.status.issuer,
        });
        let health = state.knowledge.health();
        let now = state.clock.unix_seconds();
        let collections = health.collections.iter().map(|collection| Collection {
            name: collection.name.clone(),
            documents: collection.documents,
            failures: collection.failures,
            unavailable: collection.unavailable,
        });
        Self {
            uptime_seconds: state.uptime().as_secs(),
            issuers: issuers.collect(),
            index: Index {
                status: health.state.name(),
                age_seconds: health.last_indexed.map(|at| (now - at).max(0)),
                collections: collections.collect(),
            },
            upstreams: state
                .upstreams
                .iter()
                .map(|upstream| upstream.overview().into())
                .collect(),
        }
    }

    /// What is not as it should be, in a few words each.
    pub(super) fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        for issuer in &self.issuers {
            if issuer.keys_state != KeyState::Fresh.as_str() {
                troubles.push(format!(
                    "The keys of {} are {}.",
                    issuer.issuer, issuer.keys_state
                ));
            }
        }
        if !matches!(self.index.status, "building" | "current") {
            troubles.push(format!("The index is {}.", self.index.status));
        }
        for collection in self
            .index
            .collections
            .iter()
            .filter(|collection| collection.unavailable)
        {
            troubles.push(format!(
                "The collection {} cannot be read.",
                collection.name
            ));
        }
        for upstream in &self.upstreams {
            let name = &upstream.name;
            if upstream.state == "down" {
                troubles.push(format!("The upstream {name} cannot be reached."));
            } else if upstream.breaker_open {
                troubles.push(format!(
                    "Calls to the upstream {name} are kept back until it answers again."
                ));
            }
            if upstream.quarantined > 0 {
                let tools = many(upstream.quarantined as u64, "tool", "tools");
                troubles.push(format!("{tools} of the upstream {name} wait for approval."));
            }
        }
        troubles
    }
}

pub(super) fn draw(health: &Health) -> Html {
    let running = format!("Running for {}.", duration(health.uptime_seconds));
    Html::from(el("p").with(running))
        .with(issuers(health))
        .with(index(&health.index))
        .with(upstreams(&health.upstreams))
}

fn issuers(health: &Health) -> Html {
    let heads = ["Issuer", "Profile", "Metadata", "Keys", "Fetched"];
    let mut table = Table::new("Issuers", heads);
    for issuer in &health.issuers {
        let tone = match issuer.keys_state {
            "ok" => Tone::Good,
            "stale" => Tone::Wait,
            _ => Tone::Bad,
        };
        let keys = many(issuer.keys as u64, "key", "keys");
        let state = if tone == Tone::Good {
            String::new()
        } else {
            format!(", {}", issuer.keys_state)
        };
        let metadata = if issuer.reached {
            tag(Tone::Good, "read")
        } else {
            tag(Tone::Wait, "not yet")
        };
        table.row([
            code(&issuer.issuer),
            issuer.profile.into(),
            metadata,
            tag(tone, &format!("{keys}{state}")),
            issuer
                .age_seconds
                .map_or_else(|| "never".to_owned(), ago)
                .into(),
        ]);
    }
    heading(2, "issuers", "Issuers").with(table.or("There is none."))
}

fn index(index: &Index) -> Html {
    let mut table = Table::new(
        "Collections",
        ["Collection", "Documents", "Left out", "Source"],
    );
    for collection in &index.collections {
        let source = if collection.unavailable {
            tag(Tone::Bad, "cannot be read")
        } else {
            tag(Tone::Good, "read")
        };
        table.row([
            collection.name.as_str().into(),
            collection.documents.to_string().into(),
            collection.failures.to_string().into(),
            source,
        ]);
    }
    let tone = match index.status {
        "current" => Tone::Good,
        "building" => Tone::Wait,
        _ => Tone::Bad,
    };
    let age = index.age_seconds.map_or_else(|| "never".to_owned(), ago);
    let facts = facts([
        ("State", tag(tone, index.status)),
        ("Brought up to date", age.into()),
    ]);
    heading(2, "index", "Index")
        .with(table.or("No collection is configured."))
        .with(facts)
}

fn upstreams(upstreams: &[Upstream]) -> Html {
    let heads = ["Upstream", "State", "Where", "Speaks", "Has", "Calls"];
    let mut table = Table::new("Upstreams", heads);
    for upstream in upstreams {
        let tone = match (upstream.state, upstream.breaker_open) {
            ("connected" | "idle", false) => Tone::Good,
            ("down", _) => Tone::Bad,
            _ => Tone::Wait,
        };
        let word = if upstream.breaker_open {
            "breaker open"
        } else {
            upstream.state
        };
        let speaks = upstream.revision.map_or_else(|| "not known".into(), code);
        let software = upstream.software.as_deref().unwrap_or_default();
        table.row([
            upstream.name.as_str().into(),
            tag(tone, word),
            code(&upstream.place),
            speaks.with(el("div").class("quiet").with(software)),
            has(upstream).into(),
            upstream.calls.to_string().into(),
        ]);
    }
    heading(2, "upstreams", "Upstreams").with(table.or("There is none."))
}

fn has(upstream: &Upstream) -> String {
    let mut has = vec![many(upstream.tools as u64, "tool", "tools")];
    for (number, one, several) in [
        (upstream.prompts, "prompt", "prompts"),
        (upstream.resources, "resource", "resources"),
        (upstream.quarantined, "tool kept back", "tools kept back"),
    ] {
        if number > 0 {
            has.push(many(number as u64, one, several));
        }
    }
    has.join(", ")
}
