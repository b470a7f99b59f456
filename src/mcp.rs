//! The protocol layer: envelope in, envelope out, every MCP revision. Knows nothing of axum.

pub mod settings;

use std::sync::Arc;

pub use settings::{Settings, SettingsError};

use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::policy::Policy;
use crate::rate_limit::RateLimits;
use crate::telemetry::Metrics;
use crate::tools::Tools;

/// Speaks MCP for verified principals. Cheap to clone.
#[derive(Clone)]
pub struct Protocol(Arc<Parts>);

/// What the protocol layer is built from, besides its settings.
pub struct Parts {
    /// The built-in tools.
    pub tools: Tools,
    /// Who may do what.
    pub policy: Policy,
    /// The limits per subject, client id and tool.
    pub rate_limits: RateLimits,
    /// Stop signals: open streams end with a final event on a soft stop.
    pub lifecycle: Lifecycle,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// The wall clock: a stream ends when its token expires.
    pub clock: Clock,
}

impl Protocol {
    /// A protocol layer with the given settings.
    pub fn new(settings: Settings, parts: Parts) -> Result<Self, SettingsError> {
        let Settings {} = settings;
        Ok(Self(Arc::new(parts)))
    }

    /// How many response streams are open now, for health.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        let _parts = &self.0;
        0
    }
}
