//! Rate limits in this process: per address before authentication, then per subject, client id and tool.
//! The only module that names `governor`.

use std::net::IpAddr;

use crate::auth::Principal;

/// A limit was hit: 429 with Retry-After.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimited {
    /// When the next request is allowed, at least 1.
    pub retry_after_seconds: u64,
    /// Which limit: `rate_limited_address`, `…_subject`, `…_client`, `…_tool`.
    pub reason: &'static str,
}

/// All limits of one server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RateLimits {}

impl RateLimits {
    /// Before authentication: one request from `address`.
    pub fn check_address(&self, address: IpAddr) -> Result<(), RateLimited> {
        let _ = address;
        Ok(())
    }

    /// After authentication: one request by `principal`, calling `tool` if it is a call.
    pub fn check_call(&self, principal: &Principal, tool: Option<&str>) -> Result<(), RateLimited> {
        let _ = (principal, tool);
        Ok(())
    }
}
