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
    /// Seconds until a request's headers must have arrived, also the first ones of a connection. Default 10. The
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
            drain_delay_seconds: 5,
            drain_timeout_seconds: 30,
        }
    }
}
