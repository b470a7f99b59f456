//! Logs and metrics: the subscriber, and every field and metric name, once.
//!
//! The only module tree that names `prometheus_client` and `tracing_subscriber`.

pub mod log;
pub mod metrics;
pub mod settings;
pub mod subscriber;

pub use log::Log;
pub use metrics::{Metrics, Series};
pub use settings::{Format, Settings};
