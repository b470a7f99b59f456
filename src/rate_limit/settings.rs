//! What an operator writes about rate limits.

use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of the rate limits. Each counts in this process alone; refused requests get 429 and `Retry-After`.
///
/// The defaults are a brake for clients in a loop, not quotas: a checked call costs tens of microseconds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Requests per minute from one client address, counted before authentication and only where `trusted_proxies`
    /// are configured (elsewhere one address may be a proxy for everybody). An IPv6 network of 64 bits counts as one
    /// address. Default 60000; 0 means no limit.
    pub address_per_minute: u32,
    /// Requests per minute of one subject. Default 60000; 0 means no limit.
    pub subject_per_minute: u32,
    /// Requests per minute of one OAuth client id, over all its subjects. Default 600000; 0 means no limit.
    pub client_per_minute: u32,
    /// Calls per minute of one tool by one subject. Default 60000; 0 means no limit.
    pub tool_per_minute: u32,
    /// How much of a limit may come at once, in seconds of it: with 60000 a minute and the default 30, 30000
    /// requests.
    pub burst_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address_per_minute: 60_000,
            subject_per_minute: 60_000,
            client_per_minute: 600_000,
            tool_per_minute: 60_000,
            burst_seconds: 30,
        }
    }
}
