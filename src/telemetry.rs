//! Logs and metrics: the subscriber, and every field and metric name, once.

/// A cheap handle on this server's metrics. Clones count into the same registry; two servers have two registries.
#[derive(Clone, Debug, Default)]
pub struct Metrics {}
