//! Liveness, readiness, and what they tell.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::State;
use super::answer::json;

/// What `/healthz` tells.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    #[serde(rename = "uptimeSeconds")]
    uptime_seconds: u64,
}

/// What `/readyz` tells.
#[derive(Debug, Serialize)]
struct Readiness {
    status: &'static str,
    reason: Option<&'static str>,
}

/// Alive: 200 for as long as requests are answered at all.
pub fn health(state: &State) -> Response {
    let uptime: Duration = state.uptime();
    let health = Health {
        status: "ok",
        service: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: uptime.as_secs(),
    };
    json(StatusCode::OK, &health)
}

/// Ready: 200 once keys are loaded and until a stop is near, 503 otherwise.
pub fn ready(state: &State) -> Response {
    let reason = if state.lifecycle.is_draining() {
        Some("stopping")
    } else if state.resource_server.is_ready() {
        None
    } else {
        Some("keys_not_loaded")
    };
    let (code, status) = match reason {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    json(code, &Readiness { status, reason })
}
