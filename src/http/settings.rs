//! What an operator writes about the HTTP surface.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client_address::Network;
use super::origin::{AllowedHost, Origin};

/// The settings of the HTTP surface.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Further `Host` values that MCP and document requests may carry, each `name` (any port) or `name:port`. Default
    /// none. The host of `public_url` is always allowed, and so are `localhost`, `127.0.0.1` and `[::1]` with the
    /// listener's port while it listens on loopback. Any other host is refused with 403 (DNS rebinding).
    pub allowed_hosts: Vec<AllowedHost>,
    /// Further web origins whose pages may call the MCP endpoint, such as `https://inspector.example.com`. Default
    /// none. The origin of `public_url` is always allowed, and while that is on loopback every loopback origin is.
    /// A request with another `Origin` is refused with 403; `*` is not accepted. `CORS_ORIGINS` adds to this list.
    pub allowed_origins: Vec<Origin>,
    /// Addresses or networks (`10.0.0.0/8`, `::1`) of reverse proxies whose `X-Forwarded-For` and `X-Request-Id` are
    /// believed. Default none: the client's address is the peer's. With at least one, requests are also limited per
    /// client address before authentication.
    pub trusted_proxies: Vec<Network>,
    /// Whether the MCP endpoint also answers at `/` besides `/mcp`. Default true. `GET /` stays the landing page.
    pub root_endpoint: bool,
    /// Whether calls are counted per client and tool, for the admin page `/calls`: names and numbers, at most 1024 rows in
    /// memory. Default true.
    pub count_calls: bool,
    /// Seconds until a request's headers must have arrived, also the first ones of a connection. Default 10, at least 1. The
    /// connection is closed.
    pub header_timeout_seconds: u64,
    /// Seconds until a request's body must have arrived. Default 15. Answered with 408.
    pub body_timeout_seconds: u64,
    /// Seconds until the response must have begun; streams may then go on. Default 60. Answered with 504.
    pub request_timeout_seconds: u64,
    /// Seconds after which a connection without a request or stream is closed. Default 300.
    pub idle_timeout_seconds: u64,
    /// Bytes a request body may have. Default 1048576 (1 MiB). Answered with 413.
    pub max_body_bytes: usize,
    /// Headers a request may have over HTTP/1.1. Default 100. Answered with 431.
    pub max_headers: usize,
    /// Bytes the headers of a request may have together. Default 32768 (32 KiB). Answered with 431.
    pub max_header_bytes: u32,
    /// Connections open at a time; further ones wait in the listener's queue. Default 10000.
    pub max_connections: usize,
    /// Connections open at a time from one address that is not a trusted proxy, where trusted proxies are configured.
    /// Default 200. Further ones are closed at once.
    pub max_connections_per_address: usize,
    /// Requests worked on at a time, open streams not counted. Default 512. Further ones are answered with 503.
    pub max_concurrent_requests: usize,
    /// Requests of one subject whose body is still on its way, at a time. Default 128. Further ones are answered with 429, so
    /// that nobody who sends slowly holds all places of `max_concurrent_requests`. A body that comes along with the head
    /// does not count.
    pub max_waiting_bodies_per_subject: usize,
    /// Seconds between the stop signal, which turns readiness off, and the end of accepting, so that a load balancer
    /// can notice. Default 5.
    pub drain_delay_seconds: u64,
    /// Seconds that requests in flight may take to finish after that. Default 30. What is left is cut off.
    pub drain_timeout_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            root_endpoint: true,
            count_calls: true,
            header_timeout_seconds: 10,
            body_timeout_seconds: 15,
            request_timeout_seconds: 60,
            idle_timeout_seconds: 300,
            max_body_bytes: 1024 * 1024,
            max_headers: 100,
            max_header_bytes: 32 * 1024,
            max_connections: 10_000,
            max_connections_per_address: 200,
            max_concurrent_requests: 512,
            max_waiting_bodies_per_subject: 128,
            drain_delay_seconds: 5,
            drain_timeout_seconds: 30,
        }
    }
}

/// A limit of the HTTP surface that no server can keep: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A number outside of its range.
    #[error("it is out of range: expected {least} to {most}")]
    OutOfRange {
        /// The setting.
        key: &'static str,
        /// As written.
        found: u64,
        /// The least that works.
        least: u64,
        /// The most that works.
        most: u64,
    },
}

impl Settings {
    /// Everything in these settings that must stop the start. Empty if they may be used.
    #[must_use]
    pub fn mistakes(&self) -> Vec<SettingsError> {
        const HOUR: u64 = 3_600;
        const MANY: u64 = 1_000_000;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        // A second and more: 0 would end every request before it began. At most what a timer and a counter can hold, and
        // what the HTTP/1 read buffer of 64 KiB can.
        let table = [
            (
                "header_timeout_seconds",
                self.header_timeout_seconds,
                1,
                HOUR,
            ),
            ("body_timeout_seconds", self.body_timeout_seconds, 1, HOUR),
            (
                "request_timeout_seconds",
                self.request_timeout_seconds,
                1,
                HOUR,
            ),
            (
                "idle_timeout_seconds",
                self.idle_timeout_seconds,
                1,
                24 * HOUR,
            ),
            (
                "max_body_bytes",
                count(self.max_body_bytes),
                1_024,
                64 * 1_024 * 1_024,
            ),
            ("max_headers", count(self.max_headers), 10, 1_000),
            (
                "max_header_bytes",
                self.max_header_bytes.into(),
                1_024,
                65_536,
            ),
            ("max_connections", count(self.max_connections), 1, MANY),
            (
                "max_connections_per_address",
                count(self.max_connections_per_address),
                1,
                MANY,
            ),
            (
                "max_concurrent_requests",
                count(self.max_concurrent_requests),
                1,
                MANY,
            ),
            (
                "max_waiting_bodies_per_subject",
                count(self.max_waiting_bodies_per_subject),
                1,
                MANY,
            ),
            ("drain_delay_seconds", self.drain_delay_seconds, 0, HOUR),
            ("drain_timeout_seconds", self.drain_timeout_seconds, 0, HOUR),
        ];
        let wrong = table
            .into_iter()
            .filter(|(_, found, least, most)| !(least..=most).contains(&found));
        wrong
            .map(|(key, found, least, most)| SettingsError::OutOfRange {
                key,
                found,
                least,
                most,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_no_server_can_keep_are_named_and_the_defaults_are_none_of_them() {
        assert_eq!(Settings::default().mistakes(), []);
        let nothing = Settings {
            header_timeout_seconds: 0,
            body_timeout_seconds: 0,
            request_timeout_seconds: 0,
            idle_timeout_seconds: 0,
            max_body_bytes: 0,
            max_headers: 0,
            max_header_bytes: 0,
            max_connections: 0,
            max_connections_per_address: 0,
            max_concurrent_requests: 0,
            max_waiting_bodies_per_subject: 0,
            drain_delay_seconds: 0,
            drain_timeout_seconds: 0,
            ..Settings::default()
        };
        assert_eq!(nothing.mistakes().len(), 11);
        let too_much = Settings {
            header_timeout_seconds: u64::MAX,
            body_timeout_seconds: u64::MAX,
            request_timeout_seconds: u64::MAX,
            idle_timeout_seconds: u64::MAX,
            max_body_bytes: usize::MAX,
            max_headers: usize::MAX,
            max_header_bytes: u32::MAX,
            max_connections: usize::MAX,
            max_connections_per_address: usize::MAX,
            max_concurrent_requests: usize::MAX,
            max_waiting_bodies_per_subject: usize::MAX,
            drain_delay_seconds: u64::MAX,
            drain_timeout_seconds: u64::MAX,
            ..Settings::default()
        };
        assert_eq!(too_much.mistakes().len(), 13);
        let one = Settings {
            max_connections: 0,
            ..Settings::default()
        };
        assert_eq!(
            one.mistakes(),
            [SettingsError::OutOfRange {
                key: "max_connections",
                found: 0,
                least: 1,
                most: 1_000_000
            }]
        );
    }
}
