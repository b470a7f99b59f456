//! What every request goes through, in order. One service written out, instead of a tower of layers: each layer costs
//! an allocation and a pointer chase on every request, and the order can be read here.
//!
//! 1. path, headers, one host, address     else 400 or 431; unknown paths 404
//! 2. `Host` and `Origin` on guarded paths else 403
//! 3. preflight                            answered here, before authentication
//! 4. method                               else 405
//! 5. limits per address, requests at once else 429 or 503
//! 6. authentication on guarded paths      else 401 and a challenge; 503 without keys
//! 7. limits per subject and client id     else 429
//! 8. the handler, under a deadline and a panic guard
//! 9. response headers, metrics, the access line

mod record;

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::access_log::{Entry, Notes};
use super::authenticate::{Caller, Turned, authenticate};
use super::client_address::{client_address, is_trusted};
use super::error::Refusal;
use super::origin::requested_host;
use super::request_id::{self, RequestId};
use super::surface::{Access, Endpoint};
use super::{
    State, body, cors, document, headers, health, landing, legacy_sse, mcp_endpoint, openapi,
    request_path, well_known,
};
use crate::mcp::Protocol;
use crate::telemetry::Series;

/// How much of a refused request's body is kept, for how long it is read, and of how many at once: nobody has paid for it
/// with a ticket.
const REFUSED_BODY_BYTES: usize = 64 * 1024;
const REFUSED_BODIES: usize = 256;
const REFUSED_BODY_DEADLINE: Duration = Duration::from_secs(1);

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peers {
    /// The other side: a client, or a proxy in front of us.
    pub remote: SocketAddr,
    /// Our side.
    pub local: SocketAddr,
}

/// The whole HTTP surface of one server. Cheap to clone.
#[derive(Clone)]
pub struct Stack {
    state: State,
    at_once: Arc<Semaphore>,
    refused_bodies: Arc<Semaphore>,
    /// The series of what nearly every request is, by its path: a `POST` answered with 200.
    mcp_posts: Series,
    root_posts: Series,
}

/// What is known of one request besides the request itself.
struct Call {
    started: Instant,
    request_id: RequestId,
    /// All but the body. The token is taken off it with authentication.
    head: Parts,
    /// The host that was asked for, if it is none of ours.
    foreign_host: Option<String>,
    endpoint: Option<Endpoint>,
    origin_allowed: bool,
    address: IpAddr,
    caller: Option<Caller>,
    /// What there is to record of a request that was refused before there was a caller.
    turned: Option<Box<Turned>>,
    notes: Notes,
}

impl Call {
    fn access(&self) -> Access {
        self.endpoint.map_or(Access::Guarded, Endpoint::access)
    }
}

impl Stack {
    /// Every public route and everything around it.
    #[must_use]
    pub fn new(state: State) -> Self {
        let at_once = Arc::new(Semaphore::new(state.settings.max_concurrent_requests));
        let posts = |endpoint: Endpoint| state.metrics.requests(endpoint.label(), "POST", 200);
        Self {
            mcp_posts: posts(Endpoint::Mcp),
            root_posts: posts(Endpoint::McpRoot),
            state,
            at_once,
            refused_bodies: Arc::new(Semaphore::new(REFUSED_BODIES)),
        }
    }

    /// Answers one request that came in between `peers`.
    pub async fn answer(&self, peers: Peers, request: Request) -> Response {
        let (head, mut body) = request.into_parts();
        let mut call = Call {
            started: Instant::now(),
            request_id: RequestId::random(),
            head,
            foreign_host: None,
            endpoint: None,
            origin_allowed: false,
            address: peers.remote.ip(),
            caller: None,
            turned: None,
            notes: Notes::default(),
        };
        let answered = match self.admit(&mut call, peers) {
            Ok(None) => self.work(&mut call, &mut body).await,
            Ok(Some(answer)) => Ok(answer),
            Err(refusal) => Err(refusal),
        };
        let response = match answered {
            Ok(response) => response,
            Err(refusal) => {
                call.notes.reason = Some(refusal.reason());
                if call.turned.is_none() && call.caller.is_none() {
                    call.turned = Some(Box::new(refusal.clone().into()));
                }
                // Boxed, as is all that only few requests come to: the future of the others is made and moved for each.
                Box::pin(self.refuse(refusal, body, &mut call)).await
            }
        };
        self.record(&mut call, &response);
        self.finish(&call, response)
    }

    /// Steps 1 to 5 but for the number of requests at once: everything that is decided without waiting.
    fn admit(&self, call: &mut Call, peers: Peers) -> Result<Option<Response>, Refusal> {
        let settings = &self.state.settings;
        let head = &mut call.head;
        request_path::check(head.uri.path())?;
        let trusted = &settings.trusted_proxies;
        call.address = client_address(peers.remote.ip(), &head.headers, trusted);
        if is_trusted(peers.remote.ip(), trusted)
            && let Some(named) = RequestId::from_proxy(&head.headers)
        {
            call.request_id = named;
        }
        let max_bytes = usize::try_from(settings.max_header_bytes).unwrap_or(usize::MAX);
        headers::check_and_strip(&mut head.headers, max_bytes)?;
        let (headers, root) = (&head.headers, settings.root_endpoint);
        let host = requested_host(head.version, &head.uri, headers)?;
        let endpoint = Endpoint::at(head.uri.path(), &head.method, headers, root);
        call.endpoint = endpoint;
        let endpoint = endpoint.ok_or(Refusal::NotFound)?;
        if endpoint.access() == Access::Guarded {
            let allowed = self.state.allowed();
            let checked = allowed.check_host(host, peers.local);
            checked.inspect_err(|_| call.foreign_host = host.map(str::to_owned))?;
            allowed.check_origin(headers)?;
        }
        call.origin_allowed = true;
        if head.method == Method::OPTIONS {
            return Ok(Some(options(endpoint, head)));
        }
        let (methods, allow) = endpoint.methods();
        if !methods.contains(&head.method) {
            return Err(Refusal::MethodNotAllowed { allow });
        }
        if !trusted.is_empty() {
            let limited = self.state.rate_limits.check_address(call.address);
            limited.map_err(Refusal::RateLimited)?;
        }
        Ok(None)
    }

    /// Steps 5 to 8. Leaves the body where it is unless a handler has got it.
    async fn work(&self, call: &mut Call, body: &mut Body) -> Result<Response, Refusal> {
        let endpoint = call.endpoint.ok_or(Refusal::NotFound)?;
        let _permit = self
            .at_once
            .try_acquire()
            .map_err(|_none_left| Refusal::Overloaded)?;
        let allowed = Duration::from_secs(self.state.settings.request_timeout_seconds);
        let deadline = call.started + allowed;
        let answer = async {
            if endpoint.access() == Access::Guarded {
                let caller = authenticate(&self.state, endpoint, &mut call.head).await;
                let caller = caller.map_err(|turned| {
                    let refusal = turned.refusal.clone();
                    call.turned = Some(turned);
                    refusal
                })?;
                let limits = &self.state.rate_limits;
                let limited = limits.check_call(&caller.principal, None);
                call.caller = Some(caller);
                limited.map_err(Refusal::RateLimited)?;
            }
            self.handle(call, std::mem::take(body)).await
        };
        let answered = {
            let guarded = pin!(AssertUnwindSafe(answer).catch_unwind());
            within(deadline, guarded).await
        };
        match answered {
            Some(Ok(answered)) => answered,
            Some(Err(_panic)) => {
                self.state.metrics.panic_caught();
                let (request_id, path) = (call.request_id.as_str(), call.head.uri.path());
                tracing::error!(request_id, path, "a handler panicked");
                Err(Refusal::Internal)
            }
            None => Err(Refusal::RequestTimeout),
        }
    }

    async fn handle(&self, call: &mut Call, body: Body) -> Result<Response, Refusal> {
        let (state, head) = (&self.state, &call.head);
        match (call.endpoint.ok_or(Refusal::NotFound)?, &call.caller) {
            (Endpoint::Health, _) => Ok(health::health(state, head.uri.query())),
            (Endpoint::Ready, _) => Ok(health::ready(state)),
            (Endpoint::ResourceMetadata, _) => {
                well_known::resource_metadata(state, head.uri.path())
            }
            (Endpoint::Mcp | Endpoint::McpRoot | Endpoint::McpUpstream, Some(caller)) => {
                let request = (head, body, &call.request_id);
                mcp_endpoint::answer(state, caller, request, &mut call.notes).await
            }
            (Endpoint::LegacySse, Some(caller)) => Ok(legacy_sse::open(
                state,
                &caller.principal,
                head,
                &mut call.notes,
            )),
            (Endpoint::LegacyMessages, Some(caller)) => {
                let request = (head, body, &call.request_id);
                Box::pin(legacy_sse::message(state, caller, request, &mut call.notes)).await
            }
            (Endpoint::AuthorizationServerMetadata, _) => {
                well_known::authorization_server_metadata(state)
            }
            (Endpoint::Document, Some(caller)) => {
                document::document(state, &caller.principal, head, &mut call.notes)
            }
            (Endpoint::Landing, _) => Ok(landing::landing(state, &head.headers)),
            (Endpoint::OpenapiJson, _) => Ok(openapi::json(state)),
            (Endpoint::OpenapiYaml, _) => Ok(openapi::yaml(state)),
            (
                Endpoint::Document
                | Endpoint::LegacyMessages
                | Endpoint::LegacySse
                | Endpoint::Mcp
                | Endpoint::McpRoot
                | Endpoint::McpUpstream,
                None,
            ) => {
                tracing::error!("a request came past authentication without a caller");
                Err(Refusal::Internal)
            }
        }
    }

    /// The answer to a refused request. Its body is read, if it is quick and no larger than an accepted one may be: a client
    /// that sends head and body apart would otherwise meet a closed connection, and a proxy answer 502 in our place. Where
    /// that is not to be had the close is announced (RFC 9112 §9.6). A `tools/call` gets the challenge in its body as
    /// well, as a tool result, because some clients look for it there only.
    async fn refuse(&self, refusal: Refusal, body: Body, call: &mut Call) -> Response {
        let mut response = refusal.into_response(&call.request_id);
        // The client waits for our word before it sends the body.
        let asks_first = call.head.headers.contains_key(header::EXPECT);
        let read = if asks_first {
            // Reading would invite the body with a 100 (RFC 9110 §10.1.1); nobody wants it any more.
            Err(Refusal::BodyTooLarge)
        } else {
            let bytes = (REFUSED_BODY_BYTES, self.state.settings.max_body_bytes);
            let reading = body::drain(body, bytes, REFUSED_BODY_DEADLINE);
            body::unless_too_many_wait(reading, || self.refused_bodies.try_acquire().ok()).await
        };
        let Ok(body) = read else {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            return response;
        };
        let is_call = call.head.method == Method::POST
            && matches!(
                call.endpoint,
                Some(Endpoint::Mcp | Endpoint::McpRoot | Endpoint::McpUpstream)
            );
        if is_call
            && call
                .turned
                .as_ref()
                .is_some_and(|turned| turned.problem.is_some())
        {
            call.notes.client_info = Protocol::client_info(&body);
        }
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        if is_call
            && let Some(challenge) = challenge.and_then(|challenge| challenge.to_str().ok())
            && let Some(json) =
                Protocol::unauthorized_call(&body, challenge, call.request_id.as_str())
        {
            *response.body_mut() = Body::from(json);
        }
        response
    }

    /// Step 9.
    fn finish(&self, call: &Call, mut response: Response) -> Response {
        let status = response.status().as_u16();
        let headers = response.headers_mut();
        headers.insert(request_id::HEADER, call.request_id.header_value());
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if call.head.headers.contains_key(header::TRANSFER_ENCODING) {
            // hyper reads such a message by its chunks and hides a length that contradicts them. RFC 9112 §6.1: whoever
            // does so must close the connection afterwards, so that nothing behind it passes for a request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if call.origin_allowed
            && let Some(origin) = call.head.headers.get(header::ORIGIN)
        {
            cors::expose(headers, call.access(), origin);
        }
        let streams = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let duration = call.started.elapsed();
        let metrics = &self.state.metrics;
        let seconds = duration.as_secs_f64();
        match (call.endpoint, known_method(&call.head.method), status) {
            (Some(Endpoint::Mcp), "POST", 200) => self.mcp_posts.add(seconds),
            (Some(Endpoint::McpRoot), "POST", 200) => self.root_posts.add(seconds),
            (endpoint, method, status) => {
                let endpoint = endpoint.map_or("other", Endpoint::label);
                metrics.requests(endpoint, method, status).add(seconds);
            }
        }
        if let Some(reason) = call.notes.reason {
            metrics.refusal(reason);
        }
        let now = self.state.clock.unix_millis();
        self.remember(call, &mut response, streams, now);
        self.state.access_log.write(&Entry {
            unix_millis: now,
            method: call.head.method.as_str(),
            path: call.head.uri.path(),
            status,
            duration,
            request_id: call.request_id.as_str(),
            remote: call.address,
            principal: call.caller.as_ref().map(|caller| &caller.principal),
            notes: &call.notes,
            streams,
        });
        response
    }
}

/// What `answer` gives, if that is by the `deadline`. The timer is made when there is something to wait for: nearly every
/// answer is there at once.
async fn within<T>(deadline: Instant, mut answer: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(answered) = answer.as_mut().poll(cx) {
            return Poll::Ready(Some(answered));
        }
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        timer.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// The answer to `OPTIONS`, preflight or not.
fn options(endpoint: Endpoint, head: &Parts) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        header::ALLOW,
        HeaderValue::from_static(endpoint.methods().1),
    );
    if cors::is_preflight(&head.method, &head.headers) {
        cors::preflight(&head.headers, endpoint, headers);
    }
    response
}

/// The method as a metric's label: one of the known ones, so that nobody can invent label values.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 5] = ["DELETE", "GET", "HEAD", "OPTIONS", "POST"];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}
