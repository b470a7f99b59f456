//! What is counted of every message. The series that nearly every message belongs to are looked up once.

use std::borrow::Cow;

use tokio::time::Instant;

use super::catalog::Label;
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
    calls: Vec<(Cow<'static, str>, Series)>,
}

impl Counts {
    /// Counts into `metrics`, with a series of its own for each of these names of tools.
    pub(crate) fn new(metrics: Metrics, labels: impl Iterator<Item = Label>) -> Self {
        let call = |label: Label| {
            let method = Method::CallTool.as_str();
            let series = metrics.operations(method, label.clone(), OK);
            (label, series)
        };
        Self {
            lists: metrics.operations(Method::ListTools.as_str(), "", OK),
            calls: labels.map(call).collect(),
            metrics,
        }
    }

    /// One message was handled. `reason` says why it was refused, or what went wrong.
    pub(crate) fn add(
        &self,
        (method, tool): (Option<Method>, Option<&Label>),
        reason: Option<&'static str>,
        started: Instant,
    ) {
        let seconds = started.elapsed().as_secs_f64();
        let usual = match (reason, method, tool) {
            (None, Some(Method::ListTools), _) => Some(&self.lists),
            (None, Some(Method::CallTool), Some(tool)) => self
                .calls
                .iter()
                .find(|(name, _)| name == tool)
                .map(|(_, series)| series),
            _ => None,
        };
        if let Some(series) = usual {
            return series.add(seconds);
        }
        let tool = match method {
            Some(Method::CallTool) => tool.cloned().unwrap_or(Cow::Borrowed(OTHER)),
            _ => Cow::Borrowed(""),
        };
        let method = method.map_or(OTHER, Method::as_str);
        self.metrics
            .operations(method, tool, reason.unwrap_or(OK))
            .add(seconds);
    }
}
