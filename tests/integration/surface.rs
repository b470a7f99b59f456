//! What answers where, with which headers, to whom.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use usher::upstream::UpstreamSettings;

use crate::gateway::{Reply, TestGateway};

/// The only response headers there are. Whatever else appears was not meant to leave.
const ALLOWED_HEADERS: &[&str] = &[
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "mcp-session-id",
    "referrer-policy",
    "retry-after",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-accel-buffering",
    "x-content-type-options",
    "x-request-id",
];

fn check_headers(what: &str, reply: &Reply) {
    for name in reply.headers.keys() {
        assert!(
            ALLOWED_HEADERS.contains(&name.as_str()),
            "{what} leaks {name}"
        );
    }
    assert_eq!(
        reply.header("x-content-type-options"),
        Some("nosniff"),
        "{what}"
    );
    assert!(reply.header("cache-control").is_some(), "{what}");
    assert_eq!(
        reply.header("x-request-id").map(str::len),
        Some(32),
        "{what}"
    );
}

/// A server in front of another one, which nobody reaches.
async fn with_an_upstream() -> TestGateway {
    let upstream = UpstreamSettings {
        name: "away".into(),
        http: Some("http://127.0.0.1:9/mcp".into()),
        ..UpstreamSettings::default()
    };
    let builder = TestGateway::builder();
    let builder = builder.settings(|settings| settings.upstream = vec![upstream]);
    builder.start().await
}

/// A described path with names in it.
fn concrete(path: &str) -> String {
    path.replace("{id}", "000000000000000000000000")
        .replace("{upstream}", "away")
}

/// Path and method of everything that the description lists.
async fn described(gateway: &TestGateway) -> Vec<(String, String)> {
    let document = gateway.get("/openapi.json").await.json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            operations.push((path.clone(), method.to_ascii_uppercase()));
        }
    }
    operations
}

#[tokio::test]
async fn every_described_operation_exists_and_leaks_no_header() {
    let gateway = with_an_upstream().await;
    let operations = described(&gateway).await;
    assert!(operations.len() >= 20, "{operations:?}");
    for (path, method) in operations {
        let what = format!("{method} {path}");
        let reply = Reply::of(gateway.request(&method, &concrete(&path))).await;
        assert_ne!(reply.status, 405, "{what}");
        assert_ne!(reply.status, 404, "{what}");
        check_headers(&what, &reply);
    }
}

#[tokio::test]
async fn undescribed_methods_get_405_and_allow_lists_the_described_ones() {
    let gateway = with_an_upstream().await;
    let operations = described(&gateway).await;
    let paths: BTreeSet<&String> = operations.iter().map(|(path, _)| path).collect();
    for path in paths {
        let reply = Reply::of(gateway.request("PATCH", &concrete(path))).await;
        assert_eq!(reply.status, 405, "{path}");
        check_headers(path, &reply);
        let allow: BTreeSet<_> = reply.header("allow").unwrap().split(", ").collect();
        for (_, method) in operations.iter().filter(|(described, _)| described == path) {
            // `/` answers HEAD as the landing page and POST as the MCP endpoint; PATCH asks the latter.
            if path != "/" || method != "HEAD" {
                assert!(
                    allow.contains(method.as_str()),
                    "{method} {path}: {allow:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn unknown_and_ambiguous_paths_are_refused_in_json() {
    let gateway = TestGateway::start().await;
    for (path, status) in [
        ("/nothing", 404),
        ("/mcp/", 404),
        ("/.well-known/oauth-protected-resource/mcp/nothing", 404),
        ("/documents/", 404),
        ("/.well-known/oauth-protected-resource/nothing", 404),
        ("/.well-known/oauth-authorization-server/mcp", 404),
        ("//mcp", 400),
        ("/a/../mcp", 400),
        ("/%2e%2e/mcp", 400),
        ("/a%2Fmcp", 400),
    ] {
        let answer = gateway
            .raw(format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            ))
            .await;
        let text = String::from_utf8(answer).unwrap();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {text}"
        );
        let body: Value = serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert!(body["request_id"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn metadata_is_at_every_form_with_the_resource_that_was_asked_for() {
    let gateway = TestGateway::start().await;
    for suffix in ["", "/mcp", "/sse"] {
        let path = format!("/.well-known/oauth-protected-resource{suffix}");
        let reply = Reply::of(
            gateway
                .request("GET", &path)
                .header("origin", "https://any.test"),
        )
        .await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.json()["resource"],
            format!("{}{suffix}", gateway.public_url)
        );
        assert_eq!(
            reply.json()["authorization_servers"],
            json!([gateway.issuer.issuer()])
        );
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        let challenged =
            Reply::of(gateway.request("GET", if suffix == "/sse" { "/sse" } else { "/mcp" })).await;
        assert_eq!(challenged.status, 401);
    }
    let mirror = gateway.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(
        (mirror.status, &mirror.json()["issuer"]),
        (200, &json!(gateway.issuer.issuer()))
    );
}

#[tokio::test]
async fn a_refusal_carries_its_challenge_its_request_id_and_no_secret() {
    let gateway = TestGateway::start().await;
    let reply = Reply::of(
        gateway
            .request("GET", "/documents/0")
            .bearer_auth("secret-token"),
    )
    .await;
    assert_eq!(reply.status, 401);
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert_eq!(
        reply.json()["_meta"]["mcp/www_authenticate"],
        json!([challenge])
    );
    let request_id = reply.header("x-request-id").unwrap();
    assert_eq!(reply.json()["request_id"], request_id);
    let log = gateway.access_log();
    assert!(
        log.contains(request_id) && log.contains("\"reason\":\"not_a_jws\""),
        "{log}"
    );
    assert!(!log.contains("secret-token") && !reply.text().contains("secret-token"));
}

#[tokio::test]
async fn a_token_in_the_query_opens_nothing_and_is_not_logged() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let path = format!("/mcp?access_token={token}");
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for bearer in [None, Some(&token)] {
        let mut request = gateway.request("POST", &path).json(&message);
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        assert_eq!(Reply::of(request).await.status, 400, "{}", bearer.is_some());
    }
    let log = gateway.access_log();
    assert!(
        log.contains("\"path\":\"/mcp\"") && log.contains("token_elsewhere"),
        "{log}"
    );
    assert!(
        !log.contains(&token) && !log.contains("access_token"),
        "{log}"
    );
}

#[tokio::test]
async fn the_access_line_tells_who_did_what() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(gateway.call(&token, message).await.status, 200);
    let log = gateway.access_log();
    let line = log
        .lines()
        .find(|line| line.contains("\"path\":\"/mcp\""))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["method"], "POST");
    assert_eq!(line["status"], 200);
    assert_eq!(line["issuer"], gateway.issuer.issuer());
    assert_eq!(line["subject"], "alice");
    assert!(line["client_id"].is_string());
    assert_eq!(line["audience"], format!("{}/mcp", gateway.public_url));
    assert_eq!(line["operation"], "ping");
    assert_eq!(line["outcome"], "ok");
    assert!(line["duration_ms"].is_f64() && line["remote"] == "127.0.0.1");
    assert!(!log.contains(&token));
}

#[tokio::test]
async fn pages_of_other_origins_and_other_hosts_are_refused_on_guarded_paths_only() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    for (name, value, reason) in [
        ("origin", "https://evil.test", "origin_not_allowed"),
        ("origin", "null", "origin_not_allowed"),
        ("host", "evil.test", "host_not_allowed"),
    ] {
        for path in ["/mcp", "/", "/sse", "/messages", "/documents/0"] {
            let method = if path == "/sse" || path == "/documents/0" {
                "GET"
            } else {
                "POST"
            };
            let request = gateway
                .request(method, path)
                .bearer_auth(&token)
                .header(name, value);
            let reply = Reply::of(request).await;
            assert_eq!(
                (reply.status, &reply.json()["error"]),
                (403, &json!(reason)),
                "{path}"
            );
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
        for path in [
            "/healthz",
            "/",
            "/.well-known/oauth-protected-resource",
            "/openapi.json",
        ] {
            let reply = Reply::of(gateway.request("GET", path).header(name, value)).await;
            assert_eq!(reply.status, 200, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn a_preflight_is_answered_before_authentication_and_exposes_what_clients_read() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.http.allowed_origins = vec!["https://app.test".to_owned().try_into().unwrap()];
    });
    let gateway = gateway.start().await;
    let request = gateway
        .request("OPTIONS", "/mcp")
        .header("origin", "https://app.test")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization, mcp-param-city",
        );
    let preflight = Reply::of(request).await;
    assert_eq!((preflight.status, preflight.body.len()), (204, 0));
    check_headers("preflight", &preflight);
    assert_eq!(
        preflight.header("access-control-allow-origin"),
        Some("https://app.test")
    );
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        Some("GET, POST, DELETE, OPTIONS")
    );
    let sendable = preflight.header("access-control-allow-headers").unwrap();
    for name in [
        "Authorization",
        "Content-Type",
        "MCP-Protocol-Version",
        "Mcp-Method",
        "mcp-param-city",
    ] {
        assert!(sendable.contains(name), "{sendable}");
    }

    let refused = Reply::of(
        gateway
            .request("POST", "/mcp")
            .header("origin", "https://app.test"),
    )
    .await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://app.test")
    );
    let exposed = refused.header("access-control-expose-headers").unwrap();
    for name in [
        "WWW-Authenticate",
        "Mcp-Session-Id",
        "MCP-Protocol-Version",
        "Retry-After",
        "X-Request-Id",
    ] {
        assert!(exposed.contains(name), "{exposed}");
    }

    let evil = gateway
        .request("OPTIONS", "/mcp")
        .header("origin", "https://evil.test")
        .header("access-control-request-method", "POST");
    assert_eq!(Reply::of(evil).await.status, 403);
}

#[tokio::test]
async fn the_root_is_json_for_programs_a_page_for_people_and_mcp_for_clients() {
    let gateway = TestGateway::start().await;
    let json = gateway.get("/").await.json();
    for name in [
        "name",
        "version",
        "protocol",
        "endpoints",
        "oauth",
        "revisions",
        "issuers",
    ] {
        assert!(json.get(name).is_some(), "{name}");
    }
    assert_eq!(
        json["endpoints"]["mcp"],
        format!("{}/mcp", gateway.public_url)
    );
    assert_eq!(json["revisions"][0], "2026-07-28");

    let page = Reply::of(gateway.request("GET", "/").header("accept", "text/html")).await;
    check_headers("page", &page);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.text().contains(&format!("{}/mcp", gateway.public_url)));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );

    let stream = gateway
        .request("GET", "/")
        .header("accept", "text/event-stream");
    assert_eq!(Reply::of(stream).await.status, 401);
    assert_eq!(Reply::of(gateway.request("POST", "/")).await.status, 401);
}

#[tokio::test]
async fn the_root_form_of_the_endpoint_can_be_switched_off() {
    let gateway = TestGateway::builder().settings(|settings| settings.http.root_endpoint = false);
    let gateway = gateway.start_without_keys().await;
    let posted = Reply::of(gateway.request("POST", "/")).await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
    assert_eq!(gateway.get("/").await.status, 200);
}

#[tokio::test]
async fn a_document_is_for_those_who_have_a_token() {
    let gateway = TestGateway::start().await;
    let path = "/documents/000000000000000000000000";
    assert_eq!(gateway.get(path).await.status, 401);
    let token = gateway.token().mint();
    let unknown = Reply::of(gateway.request("GET", path).bearer_auth(&token)).await;
    assert!(matches!(unknown.status, 404 | 503), "{}", unknown.status);
    let odd = Reply::of(gateway.request("GET", "/documents/0").bearer_auth(&token)).await;
    assert_eq!(odd.status, 404);
}
