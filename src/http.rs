//! HTTP in and out: the router and the server. The only module tree that names `axum`.

pub mod access_log;
pub mod legacy_sse;
pub mod mcp_endpoint;
pub mod settings;

use std::ops::Deref;
use std::sync::Arc;

pub use settings::Settings;

use crate::auth::ResourceServer;
use crate::clock::Clock;
use crate::knowledge::Knowledge;
use crate::lifecycle::Lifecycle;
use crate::mcp::Protocol;
use crate::rate_limit::RateLimits;
use crate::telemetry::Metrics;

/// What the handlers work with.
pub struct Parts {
    /// Limits, allowed hosts and origins.
    pub settings: Settings,
    /// Who checks tickets.
    pub resource_server: ResourceServer,
    /// Who speaks MCP.
    pub protocol: Protocol,
    /// What `search` and `fetch` answer from, for health.
    pub knowledge: Knowledge,
    /// The limits in this process.
    pub rate_limits: RateLimits,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// Stop signals and background tasks.
    pub lifecycle: Lifecycle,
    /// The wall clock.
    pub clock: Clock,
}

/// The handlers' shared state. Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Parts>);

impl State {
    /// Shares `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Every public route and the whole middleware stack.
pub fn router(state: State) -> axum::Router {
    axum::Router::new()
        .merge(mcp_endpoint::routes())
        .merge(legacy_sse::routes())
        .with_state(state)
}
