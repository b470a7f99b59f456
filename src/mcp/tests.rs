//! The protocol layer without HTTP: what needs a principal made for the test, a paused clock, or a stop signal.

use std::sync::Arc;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

mod bodies;
mod legacy;
mod modern;
mod streams;

use super::*;
use crate::auth::{Resource, Resources, Scope, ScopePrefix};

const MODERN: &str = "2026-07-28";

/// A protocol layer and who asks it.
struct Bench {
    protocol: Protocol,
    clock: Clock,
    lifecycle: Lifecycle,
    alice: Principal,
}

/// What came back.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    json: Value,
    answer: Answer,
}

fn resource() -> Arc<Resource> {
    let settings = crate::auth::Settings {
        public_url: "https://mcp.test".into(),
        ..crate::auth::Settings::default()
    };
    Arc::clone(Resources::new(&settings).at("/mcp").expect("a resource"))
}

fn principal(subject: &str, scopes: &[&str]) -> Principal {
    Principal::for_test(subject, scopes, resource())
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let (clock, lifecycle) = (Clock::system(), Lifecycle::new());
        let scope = |name| Scope::parse(name).expect("a scope");
        let parts = Parts {
            tools: Tools::new(crate::knowledge::Knowledge::default()),
            upstreams: Upstreams::default(),
            policy: Policy::new(scope("mcp:read"), scope("mcp:write")),
            scope_prefix: ScopePrefix::default(),
            rate_limits: RateLimits::default(),
            lifecycle: lifecycle.clone(),
            metrics: Metrics::default(),
            clock: clock.clone(),
        };
        Self {
            protocol: Protocol::new(settings, parts).expect("good settings"),
            clock,
            lifecycle,
            alice: principal("alice", &["mcp:read"]),
        }
    }

    fn post(&self, headers: &[(&str, &str)], body: &str) -> Got {
        self.post_as(&self.alice, headers, body)
    }

    fn post_as(&self, principal: &Principal, headers: &[(&str, &str)], body: &str) -> Got {
        let headers = header_map(headers);
        let post = Post {
            request_id: "0123",
            principal,
            headers: &headers,
            body: body.as_bytes(),
            credential: None,
            takes_events: true,
        };
        let answer = now(self.protocol.post(&post));
        let json = match &answer.body {
            Body::Json(json) => serde_json::from_slice(json).expect("JSON"),
            Body::Empty | Body::Events(_) | Body::Spliced(_) => Value::Null,
        };
        Got {
            status: answer.status,
            json,
            answer,
        }
    }

    /// A modern request with everything it needs.
    fn modern(&self, method: &str, params: Value) -> Got {
        let (headers, body) = modern_request(method, params);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.post(&headers, &body)
    }

    fn legacy(&self, method: &str, params: Value) -> Got {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.post(&[], &body.to_string())
    }
}

/// Without upstreams nothing has to be waited for.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("an answer at once")
}

fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            HeaderName::try_from(*name).expect("a header name"),
            HeaderValue::try_from(*value).expect("a header value"),
        )
    };
    headers.iter().map(pair).collect()
}

fn modern_request(method: &str, mut params: Value) -> (Vec<(&'static str, String)>, String) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut headers = vec![
        ("mcp-protocol-version", MODERN.to_owned()),
        ("mcp-method", method.to_owned()),
    ];
    if let Some(name) = params
        .get("name")
        .or_else(|| params.get("uri"))
        .and_then(Value::as_str)
    {
        headers.push(("mcp-name", name.to_owned()));
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    (headers, body.to_string())
}

/// The code of a JSON-RPC error.
fn code(got: &Got) -> i64 {
    got.json["error"]["code"].as_i64().unwrap_or_default()
}

fn server_info() -> Value {
    json!({ "name": "usher", "title": "Usher", "version": env!("CARGO_PKG_VERSION") })
}
