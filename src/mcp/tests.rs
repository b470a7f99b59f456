//! The protocol layer without HTTP: what needs a principal made for the test, a paused clock, or a stop signal.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::auth::{Resource, Resources, Scope};

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
            policy: Policy::new(scope("mcp:read"), scope("mcp:write")),
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
        let answer = self.protocol.post(&Post {
            principal,
            headers: &headers,
            body: body.as_bytes(),
        });
        let json = match &answer.body {
            Body::Json(json) => serde_json::from_slice(json).expect("JSON"),
            Body::Empty | Body::Events(_) => Value::Null,
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
        .or(params.get("uri"))
        .and_then(Value::as_str)
    {
        headers.push(("mcp-name", name.to_owned()));
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    (headers, body.to_string())
}

fn server_info() -> Value {
    json!({ "name": "usher", "title": "Usher", "version": env!("CARGO_PKG_VERSION") })
}

#[test]
fn initialize_negotiates_and_hands_out_a_session() {
    let bench = Bench::new(Settings::default());
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1900-01-01", "2025-11-25"),
    ] {
        let got = bench.legacy(
            "initialize",
            json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } }),
        );
        assert_eq!(got.status, StatusCode::OK);
        assert_eq!(got.json["result"]["protocolVersion"], answered);
        assert_eq!(got.json["result"]["serverInfo"], server_info());
        let id = got.answer.session_id.expect("a session id");
        assert!(id.as_bytes().iter().all(|b| (0x21..=0x7e).contains(b)));
    }
}

#[test]
fn tools_list_answers_both_eras_in_their_own_shape() {
    let bench = Bench::new(Settings::default());
    let got = bench.modern("tools/list", json!({}));
    assert_eq!(got.status, StatusCode::OK);
    let result = &got.json["result"];
    assert!(result["tools"].is_array());
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["cacheScope"], "private");
    assert_eq!(result["ttlMs"], 300_000);
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"],
        server_info()
    );

    let got = bench.legacy("tools/list", json!({}));
    assert_eq!(got.status, StatusCode::OK);
    let members: Vec<_> = got.json["result"]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(members, ["tools"]);
}
