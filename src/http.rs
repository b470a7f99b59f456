//! HTTP in and out: the router and the server. The only module tree that names `axum`.

pub mod accept;
pub mod access_log;
pub mod active_streams;
pub mod admin;
pub mod answer;
pub mod authenticate;
pub mod body;
pub mod client_address;
pub mod connection;
pub mod cors;
pub mod document;
pub mod error;
pub mod headers;
pub mod health;
pub mod landing;
pub mod legacy_sse;
pub mod mcp_endpoint;
pub mod openapi;
pub mod origin;
mod page;
pub mod per_address;
pub mod recent_calls;
pub mod request_id;
pub mod request_path;
pub mod server;
pub mod settings;
pub mod spliced;
pub mod stack;
pub mod surface;
pub mod well_known;

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::time::Instant;

pub use access_log::AccessLog;
pub use admin::Admin;
pub use settings::{Settings, SettingsError};

use crate::audit::Audit;
use crate::auth::ResourceServer;
use crate::clock::Clock;
use crate::knowledge::Knowledge;
use crate::lifecycle::Lifecycle;
use crate::mcp::Protocol;
use crate::rate_limit::RateLimits;
use crate::shares::Shares;
use crate::telemetry::Metrics;
use crate::upstream::Upstreams;
use active_streams::ActiveStreams;
use origin::Allowed;
use recent_calls::RecentCalls;
use server::Answer;
use stack::{Peers, Stack};

/// What the handlers work with.
pub struct Parts {
    /// Limits, allowed hosts and origins.
    pub settings: Settings,
    /// What `GET /` shows to people.
    pub landing: landing::Settings,
    /// Who checks tickets.
    pub resource_server: ResourceServer,
    /// Who speaks MCP.
    pub protocol: Protocol,
    /// What `search` and `fetch` answer from, for health.
    pub knowledge: Knowledge,
    /// The MCP servers behind this one, for health.
    pub upstreams: Upstreams,
    /// The limits in this process.
    pub rate_limits: RateLimits,
    /// What was refused, and who fell silent.
    pub audit: Audit,
    /// What mends a refusal.
    pub remedies: admin::Remedies,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// Where the line per request goes.
    pub access_log: AccessLog,
    /// Stop signals and background tasks.
    pub lifecycle: Lifecycle,
    /// The wall clock.
    pub clock: Clock,
}

/// The handlers' shared state. Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Shared>);

/// The parts, and what follows from their settings.
struct Shared {
    parts: Parts,
    allowed: Allowed,
    public_url: String,
    openapi: openapi::Cell,
    waiting_bodies: Shares,
    recent_calls: RecentCalls,
    active_streams: ActiveStreams,
    started: Instant,
}

impl State {
    /// Shares `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let resources = parts.resource_server.resources();
        let public_url = resources
            .at("/")
            .map_or("", |resource| resource.identifier().as_str())
            .to_owned();
        let settings = &parts.settings;
        let (hosts, origins) = (
            settings.allowed_hosts.clone(),
            settings.allowed_origins.clone(),
        );
        let allowed = Allowed::new(&public_url, hosts, origins);
        let waiting_bodies = Shares::new(settings.max_waiting_bodies_per_subject);
        let recent_calls = RecentCalls::new(settings.count_calls);
        let started = Instant::now();
        Self(Arc::new(Shared {
            parts,
            allowed,
            public_url,
            openapi: openapi::Cell::default(),
            waiting_bodies,
            recent_calls,
            active_streams: ActiveStreams::default(),
            started,
        }))
    }

    /// How long this server has lived.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// The origin under which clients reach this server.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// The surface described, once it was asked for.
    pub(in crate::http) fn openapi(&self) -> &openapi::Cell {
        &self.0.openapi
    }

    /// The bodies that are waited for, by subject.
    pub(in crate::http) fn waiting_bodies(&self) -> &Shares {
        &self.0.waiting_bodies
    }

    /// Who called what.
    pub(in crate::http) fn recent_calls(&self) -> &RecentCalls {
        &self.0.recent_calls
    }

    /// Who listens.
    pub(in crate::http) fn active_streams(&self) -> &ActiveStreams {
        &self.0.active_streams
    }

    /// The hosts and origins that may call.
    #[must_use]
    pub fn allowed(&self) -> &Allowed {
        &self.0.allowed
    }
}

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

/// Why a server does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The admin listener can be reached from other machines and has no secret.
    #[error(
        "the admin listener is not on loopback and has no secret: name a file in `admin_secret_file`"
    )]
    AdminSecret,
}

/// The bound sockets of one server.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub public: TcpListener,
    /// For operations.
    pub admin: TcpListener,
}

/// Serves both listeners until a stop is asked for and everything has ended, or was dropped because it did not. Without
/// `admin_secret` the admin listener must be on loopback.
pub async fn serve(
    listeners: Listeners,
    admin_secret: Option<&str>,
    state: State,
) -> Result<(), ServeError> {
    let Listeners { public, admin } = listeners;
    let admin_address = admin.local_addr().ok();
    if admin_secret.is_none() && admin_address.is_none_or(admin::needs_secret) {
        return Err(ServeError::AdminSecret);
    }
    let lifecycle = state.lifecycle.clone();
    let patience = Duration::from_secs(state.settings.drain_timeout_seconds);
    tokio::join!(
        server::accept(public, Stack::new(state.clone()), state.clone()),
        server::accept(admin, Admin::new(state.clone(), admin_secret), state),
    );
    if !lifecycle.finish(patience).await {
        tracing::warn!("stopped before everything had finished");
    }
    Ok(())
}

impl Answer for Stack {
    fn answer(&self, peers: Peers, request: Request) -> impl Future<Output = Response> + Send {
        Self::answer(self, peers, request)
    }
}

/// The whole surface without sockets, for tests: requests come from loopback.
pub fn router(state: State) -> axum::Router {
    let stack = Stack::new(state);
    let loopback = Peers {
        remote: ([127, 0, 0, 1], 4711).into(),
        local: ([127, 0, 0, 1], 8080).into(),
    };
    axum::Router::new().fallback_service(tower::service_fn(move |request: http::Request<Body>| {
        let stack = stack.clone();
        async move { Ok::<_, Infallible>(stack.answer(loopback, request).await) }
    }))
}
