//! The protocol layer: envelope in, envelope out, every MCP revision. Knows nothing of axum.
//!
//! [`Protocol::post`] reads a body (`envelope`), decides the era (`era`), checks mirrored headers (`headers`), asks the
//! policy and the rate limits, and writes the answer (`reply`) without building JSON trees. Streams (`stream`) hold no
//! task; legacy sessions (`session`) no memory.

pub mod session;
pub mod settings;

mod answer;
mod asked;
mod batch;
mod bridge;
mod call;
mod caller_credential;
mod catalog;
mod changes;
mod counts;
mod discover;
mod envelope;
mod era;
mod error;
mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod legacy;
mod log_levels;
mod members;
mod method;
mod old_transport;
mod overheard;
mod post;
mod reply;
mod result;
mod running;
mod stream;
mod subscriptions;
mod target;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::watch;

pub use answer::{Answer, Body, Operation};
pub use asked::Denied;
pub use caller_credential::Credential;
pub use catalog::{Offered, OfferedEntry, built_in_targets, name_in_rules, spellings};
pub use era::{Revision, revisions};
pub use error::BadHttp;
pub use headers::SESSION as SESSION_HEADER;
pub use settings::{Settings, SettingsError};
pub use stream::EventStream;

use self::bridge::questions::Questions;
use self::bridge::request_state::RequestStates;
use self::catalog::{Catalogs, Label};
use self::counts::Counts;
use self::era::Era;
use self::log_levels::LogLevels;
use self::members::Members;
use self::old_transport::OldTransport;
use self::overheard::Listeners;
use self::running::RunningCalls;
use self::session::Sessions;
use self::stream::OpenStreams;
use crate::auth::{Principal, ScopePrefix};
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::policy::Policy;
use crate::rate_limit::RateLimits;
use crate::telemetry::Metrics;
use crate::tools::{self, Tools};
use crate::upstream::Upstreams;

/// Speaks MCP for verified principals. Cheap to clone.
#[derive(Clone)]
pub struct Protocol(Arc<Inner>);

struct Inner {
    parts: Parts,
    settings: Settings,
    catalogs: ArcSwap<Catalogs>,
    /// Tells that the catalogue is another one.
    renewed: watch::Sender<()>,
    counts: Counts,
    sessions: Arc<Sessions>,
    request_states: RequestStates,
    /// What upstreams ask legacy clients.
    questions: Questions,
    /// The open streams of legacy sessions.
    listeners: Listeners,
    old_transport: OldTransport,
    open_streams: OpenStreams,
    running: RunningCalls,
    log_levels: LogLevels,
}

/// What the protocol layer is built from, besides its settings.
pub struct Parts {
    /// The built-in tools.
    pub tools: Tools,
    /// The MCP servers behind this one.
    pub upstreams: Upstreams,
    /// Who may do what.
    pub policy: Policy,
    /// How the scopes of tools are asked for.
    pub scope_prefix: ScopePrefix,
    /// The limits per subject, client id and tool.
    pub rate_limits: RateLimits,
    /// Stop signals: open streams end with a final event on a soft stop.
    pub lifecycle: Lifecycle,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// The wall clock: a stream ends when its token expires.
    pub clock: Clock,
}

/// One HTTP request with a body, by a verified principal.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The request's body.
    pub body: &'a [u8],
    /// The name under which the client and the log speak of the request: a refusal carries it.
    pub request_id: &'a str,
    /// What yields the caller's credentials for upstreams, where one takes them.
    pub credential: Option<&'a Credential>,
    /// The client takes a stream of events for an answer.
    pub takes_events: bool,
}

impl Protocol {
    /// A protocol layer with the given settings. With upstreams it needs a tokio runtime.
    pub fn new(settings: Settings, parts: Parts) -> Result<Self, SettingsError> {
        let keys = Arc::new(settings.session_keys()?);
        let catalogs = Catalogs::now(&parts, &settings);
        let built_in = tools::NAMES.into_iter().map(Label::from);
        let labels = built_in.chain(
            parts
                .upstreams
                .iter()
                .map(|upstream| catalog::label(upstream)),
        );
        let protocol = Self(Arc::new(Inner {
            questions: Questions::default(),
            listeners: Listeners::default(),
            request_states: RequestStates::new(
                Arc::clone(&keys),
                settings.request_state_ttl_seconds,
                parts.clock.clone(),
            ),
            sessions: Arc::new(Sessions::new(
                keys,
                settings.session_ttl_seconds,
                parts.clock.clone(),
            )),
            counts: Counts::new(parts.metrics.clone(), labels),
            catalogs: ArcSwap::from_pointee(catalogs),
            renewed: watch::Sender::new(()),
            old_transport: OldTransport::default(),
            open_streams: OpenStreams::new(&settings, parts.metrics.clone()),
            running: RunningCalls::default(),
            log_levels: LogLevels::default(),
            settings,
            parts,
        }));
        let Parts {
            upstreams,
            lifecycle,
            ..
        } = &protocol.0.parts;
        if !upstreams.is_empty() {
            lifecycle.spawn(protocol.clone().keep_catalog());
        }
        Ok(protocol)
    }

    /// True if there is what the caller's token is for: the whole server, or an upstream of that name.
    #[must_use]
    pub fn serves(&self, principal: &Principal) -> bool {
        let mut upstreams = self.0.parts.upstreams.iter();
        match principal.resource().upstream() {
            None => true,
            Some(name) => upstreams.any(|upstream| upstream.name() == name),
        }
    }

    /// How much that upstreams have is not listed, because its name is another one's or its description breaks a rule.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.0.catalogs.load().whole().left_out()
    }

    /// How many response streams are open now, for health.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.0.open_streams.count()
    }

    /// The body of a 401 to `body`, if that is a `tools/call`: some clients read challenges there only.
    #[must_use]
    pub fn unauthorized_call(body: &[u8], challenge: &str, request_id: &str) -> Option<Bytes> {
        let call = envelope::tool_call(body)?;
        let mut json = Vec::new();
        let refused = (call.id?, request_id);
        asked::write_refused_call(&mut json, refused, challenge, era::claimed(&call));
        Some(Bytes::from(json))
    }

    /// What the sender of `body` calls itself, if it says so there: nothing that decides anything.
    #[must_use]
    pub fn client_info(body: &[u8]) -> Option<String> {
        // Most bodies hold none, and need not be read for that.
        memchr::memmem::find(body, b"clientInfo")?;
        let call = envelope::call(body)?;
        let own = call.params.get("clientInfo");
        let of_request = || {
            let meta = call.params.get("_meta").and_then(Members::of)?;
            meta.get("io.modelcontextprotocol/clientInfo")
        };
        let info = Members::of(own.or_else(of_request)?)?;
        let name = info.text("name")?;
        Some(match info.text("version") {
            Some(version) => format!("{name}/{version}"),
            None => name.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
