//! Liveness, readiness, and what they tell. Everything comes from memory: no probe of anything outside.

use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::State;
use super::answer::json;
use crate::auth::{IssuerStatus, KeyState};

/// What `/healthz` tells: the first four members, and the rest with `?deep=1`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Health {
    /// `ok`, or `degraded` when something below is not as it should be. Alive either way.
    status: &'static str,
    /// The program.
    service: &'static str,
    /// Its version.
    version: &'static str,
    /// Seconds since it started.
    #[serde(rename = "uptimeSeconds")]
    uptime_seconds: u64,
    #[serde(flatten)]
    deep: Option<Deep>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Deep {
    /// All key sets together.
    jwks: Jwks,
    /// Open streams, under the name that guides know.
    sse: Sse,
    /// One entry per issuer.
    issuers: Vec<Issuer>,
    /// What `search` and `fetch` answer from.
    index: Index,
    /// The MCP servers behind this one, all together. None of them stands between now and readiness.
    upstreams: Upstreams,
    /// Open streams.
    streams: Streams,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Jwks {
    /// `ok`, `stale` (usable, the last fetch failed) or `missing`: the worst over the issuers.
    status: &'static str,
    /// Usable keys over all issuers.
    #[serde(rename = "keysFound")]
    keys_found: usize,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Sse {
    /// Open response streams.
    #[serde(rename = "activeConnections")]
    active_connections: usize,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Issuer {
    /// The issuer identifier, as in the metadata.
    issuer: String,
    /// `ok`, `stale` or `missing`.
    status: &'static str,
    /// Usable keys.
    keys: usize,
    /// Seconds since the last successful fetch; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Index {
    /// `building`, `current`, or the reason why it is not up to date.
    status: &'static str,
    /// Collections configured.
    collections: usize,
    /// Documents that can be found.
    documents: usize,
    /// Files and records that were left out.
    failures: usize,
    /// Seconds since it was last brought up to date; absent if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Upstreams {
    /// How many are configured.
    configured: usize,
    /// Those that are reached.
    connected: usize,
    /// Those that were not reached yet.
    connecting: usize,
    /// Those that cannot be reached.
    down: usize,
    /// Those whose process was ended until somebody needs it.
    idle: usize,
    /// Those whose circuit breaker keeps calls back.
    open_breakers: usize,
    /// Their tools that are listed.
    tools: usize,
    /// Their tools that are kept back until somebody approves them.
    quarantined_tools: usize,
    /// What of theirs is not listed, because its name is another one's or its description breaks a rule.
    left_out: usize,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Streams {
    /// Open response streams.
    open: usize,
}

/// What `/readyz` tells.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// Why not: `keys_not_loaded`, `index_not_ready` while the first index is being built, the reason why it cannot be
    /// built (as `index.status` in deep health), or `stopping`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Alive: 200 for as long as requests are answered at all.
pub fn health(state: &State, query: Option<&str>) -> Response {
    let is_deep = query.is_some_and(|query| query.split('&').any(|pair| pair == "deep=1"));
    let deep = is_deep.then(|| deep(state));
    let upstreams_stand = || state.upstreams.health().is_good();
    let degraded = deep.as_ref().is_some_and(Deep::is_degraded) || is_deep && !upstreams_stand();
    let health = Health {
        status: if degraded { "degraded" } else { "ok" },
        service: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: state.uptime().as_secs(),
        deep,
    };
    json(StatusCode::OK, &health)
}

/// Ready: 200 once keys are loaded and there is an index to answer from, until a stop is near; 503 otherwise.
pub fn ready(state: &State) -> Response {
    let readiness = readiness(state);
    let code = match readiness.reason {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    json(code, &readiness)
}

/// Whether requests with good tokens would be served now.
pub(super) fn readiness(state: &State) -> Readiness {
    let reason = if state.lifecycle.is_draining() {
        Some("stopping")
    } else if !state.resource_server.is_ready() {
        Some("keys_not_loaded")
    } else {
        state.knowledge.not_ready()
    };
    let status = if reason.is_none() {
        "ready"
    } else {
        "not_ready"
    };
    Readiness { status, reason }
}

impl State {
    /// What stands between now and readiness, in words; nothing once it is ready.
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        let reason = readiness(self).reason?;
        if self.lifecycle.is_draining() {
            return Some("the end: it is stopping".to_owned());
        }
        if self.resource_server.is_ready() {
            return Some(format!("the index ({reason})"));
        }
        let issuers = self.resource_server.status().into_iter();
        let without_keys: Vec<_> = issuers
            .filter(|issuer| issuer.required && issuer.state == KeyState::Missing)
            .map(|issuer| issuer.issuer)
            .collect();
        Some(format!("the keys of {}", without_keys.join(" and ")))
    }
}

impl Readiness {
    /// Why it is not ready; nothing if it is.
    pub(super) fn reason(&self) -> Option<&'static str> {
        self.reason
    }
}

impl Deep {
    fn is_degraded(&self) -> bool {
        let index_stands = matches!(self.index.status, "building" | "current");
        self.jwks.status != KeyState::Fresh.as_str() || !index_stands
    }
}

fn deep(state: &State) -> Deep {
    let issuers = state.resource_server.status();
    let open = state.protocol.open_streams();
    Deep {
        jwks: Jwks {
            status: worst(&issuers).as_str(),
            keys_found: issuers.iter().map(|issuer| issuer.keys).sum(),
        },
        sse: Sse {
            active_connections: open,
        },
        issuers: issuers.into_iter().map(Issuer::from).collect(),
        index: index(state),
        upstreams: upstreams(state),
        streams: Streams { open },
    }
}

impl From<IssuerStatus> for Issuer {
    fn from(issuer: IssuerStatus) -> Self {
        Self {
            status: issuer.state.as_str(),
            keys: issuer.keys,
            age_seconds: issuer.age_seconds,
            issuer: issuer.issuer,
        }
    }
}

fn upstreams(state: &State) -> Upstreams {
    let health = state.upstreams.health();
    Upstreams {
        configured: health.configured,
        connected: health.connected,
        connecting: health.connecting,
        down: health.down,
        idle: health.idle,
        open_breakers: health.open_breakers,
        tools: health.tools,
        quarantined_tools: health.quarantined_tools,
        left_out: state.protocol.left_out(),
    }
}

fn index(state: &State) -> Index {
    let health = state.knowledge.health();
    let age = |at: i64| (state.clock.unix_seconds() - at).max(0);
    Index {
        status: health.state.name(),
        collections: health.collections.len(),
        documents: health.documents(),
        failures: health.failures(),
        age_seconds: health.last_indexed.map(age),
    }
}

fn worst(issuers: &[IssuerStatus]) -> KeyState {
    let rank = |state: KeyState| match state {
        KeyState::Fresh => 0,
        KeyState::Stale => 1,
        KeyState::Missing => 2,
    };
    let states = issuers.iter().map(|issuer| issuer.state);
    states
        .max_by_key(|state| rank(*state))
        .unwrap_or(KeyState::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ProfileName;

    #[test]
    fn the_worst_issuer_decides() {
        let status = |state| IssuerStatus {
            issuer: "https://issuer.test".to_owned(),
            profile: ProfileName::Generic,
            state,
            keys: 1,
            age_seconds: Some(1),
            required: true,
        };
        for (states, expected) in [
            (&[KeyState::Fresh, KeyState::Fresh][..], KeyState::Fresh),
            (&[KeyState::Fresh, KeyState::Stale], KeyState::Stale),
            (
                &[KeyState::Missing, KeyState::Stale, KeyState::Fresh],
                KeyState::Missing,
            ),
        ] {
            let issuers: Vec<_> = states.iter().copied().map(status).collect();
            assert_eq!(worst(&issuers), expected);
        }
    }
}
