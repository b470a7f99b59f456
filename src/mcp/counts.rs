//! What is counted of every message. The series that nearly every message belongs to are looked up once.

use tokio::time::Instant;

use super::asked::Asked;
use super::catalog::Catalog;
use super::method::Method;
use crate::telemetry::{Metrics, Series};

/// The outcome of a message without a reason against it.
const OK: &str = "ok";
/// The name of every method and tool that does not exist, so that nobody can invent label values.
const OTHER: &str = "_OTHER";

/// The counters of one server's messages.
#[derive(Debug)]
pub(crate) struct Counts {
    metrics: Metrics,
    lists: Series,
    calls: Vec<(&'static str, Series)>,
}

impl Counts {
    /// Counts into `metrics`, with a series of its own for each tool of `catalog`.
    pub(crate) fn new(metrics: Metrics, catalog: &Catalog) -> Self {
        let call = |tool| {
            let method = Method::CallTool.as_str();
            (tool, metrics.operations(method, tool, OK))
        };
        Self {
            lists: metrics.operations(Method::ListTools.as_str(), "", OK),
            calls: catalog.names().map(call).collect(),
            metrics,
        }
    }

    /// One message was handled. `reason` says why it was refused, or what went wrong.
    pub(crate) fn add(&self, asked: &Asked<'_>, reason: Option<&'static str>, started: Instant) {
        let seconds = started.elapsed().as_secs_f64();
        let usual = match (reason, asked.method, asked.tool) {
            (None, Some(Method::ListTools), _) => Some(&self.lists),
            (None, Some(Method::CallTool), Some(tool)) => self
                .calls
                .iter()
                .find(|(name, _)| *name == tool)
                .map(|(_, series)| series),
            _ => None,
        };
        if let Some(series) = usual {
            return series.add(seconds);
        }
        let tool = match asked.method {
            Some(Method::CallTool) => asked.tool.unwrap_or(OTHER),
            _ => "",
        };
        let method = asked.method.map_or(OTHER, Method::as_str);
        self.metrics
            .operations(method, tool, reason.unwrap_or(OK))
            .add(seconds);
    }
}
