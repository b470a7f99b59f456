//! The record of refusals: every kind of refusal has its row, and no row has a token.

use serde_json::{Value, json};
use usher::config::Settings;
use usher::policy::RuleSettings;

use super::gateway::{Reply, TestGateway};

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

/// What the admin listener tells.
async fn snapshot(gateway: &TestGateway) -> Value {
    let url = format!("{}/refusals", gateway.admin_url);
    let reply = Reply::of(gateway.http_client.get(url)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    reply.json()
}

fn rows(snapshot: &Value) -> &[Value] {
    snapshot["refusals"].as_array().expect("rows")
}

fn row<'s>(snapshot: &'s Value, reason: &str) -> &'s Value {
    let found = rows(snapshot).iter().find(|row| row["reason"] == reason);
    assert!(found.is_some(), "no {reason} in {snapshot:#}");
    found.expect("checked above")
}

/// One message, with a header or two more.
async fn send(gateway: &TestGateway, token: Option<&str>, headers: &[(&str, &str)]) -> Reply {
    let mut request = gateway
        .request("POST", "/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("user-agent", "openai-mcp/1.0.0")
        .body(LIST);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request).await
}

#[tokio::test]
async fn a_refused_token_has_a_row_that_says_what_was_seen_of_it() {
    let gateway = TestGateway::start().await;
    let token = gateway
        .issuer
        .token()
        .audience("account")
        .client_id("chatgpt-1")
        .scope("openid email")
        .header("kid", json!("other-key"))
        .mint();
    let reply = send(&gateway, Some(&token), &[]).await;
    assert_eq!(reply.status, 401);
    let snapshot = snapshot(&gateway).await;
    let row = row(&snapshot, "wrong_audience");
    let request_id = reply.header("x-request-id").expect("an id");
    assert_eq!(reply.json()["request_id"], request_id);
    assert_eq!(row["request_id"], request_id);
    assert!(gateway.access_log().contains(request_id));
    assert_eq!(row["count"], 1);
    assert_eq!(row["problem"], "the token is for another audience");
    assert_eq!(row["software"], "chatgpt");
    assert_eq!(row["software_title"], "ChatGPT");
    assert_eq!(row["user_agent"], "openai-mcp/1.0.0");
    let resource = format!("{}/mcp", gateway.public_url);
    assert_eq!(row["resource"], resource.as_str());
    let expected = row["expected"].as_array().expect("audiences");
    assert!(
        expected
            .iter()
            .any(|audience| *audience == resource.as_str())
    );
    assert_eq!(
        row["token"],
        json!({
            "verified": false,
            "issuer": gateway.issuer.issuer(),
            "audiences": ["account"],
            "client_id": "chatgpt-1",
            "scope": "openid email",
            "key_id": "other-key",
            "algorithm": "RS256",
            "token_type": "at+jwt",
            "profile": "generic",
        })
    );
}

#[tokio::test]
async fn every_kind_of_refusal_has_a_row_with_its_reason() {
    let gateway = TestGateway::start().await;
    let good = || gateway.token();
    for (reason, token) in [
        (
            "wrong_audience",
            good().audience("https://other.test").mint(),
        ),
        (
            "wrong_issuer",
            good().claim("iss", json!("https://other.test")).mint(),
        ),
        ("expired", good().expires_in(-3600).mint()),
        ("missing_claim", good().without("sub").mint()),
        (
            "wrong_type",
            good().header("typ", json!("logout+jwt")).mint(),
        ),
        (
            "algorithm_not_allowed",
            good().header("alg", json!("none")).mint(),
        ),
        ("not_a_jws", "opaque".to_owned()),
        ("bad_encoding", "a.b.c!".replace('!', "=")),
        ("unknown_key", good().header("kid", json!("nobody")).mint()),
        ("bad_signature", {
            let token = good().mint();
            let (signed, _) = token.rsplit_once('.').expect("a signature");
            format!("{signed}.{}", "A".repeat(342))
        }),
    ] {
        assert_eq!(
            send(&gateway, Some(&token), &[]).await.status,
            401,
            "{reason}"
        );
        let snapshot = snapshot(&gateway).await;
        row(&snapshot, reason);
    }
    for (reason, status, headers) in [
        (
            "malformed_authorization",
            400,
            &[("authorization", "Bearer a b")][..],
        ),
        (
            "repeated_authorization",
            400,
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
        ),
        ("host_not_allowed", 403, &[("host", "evil.test")]),
        (
            "origin_not_allowed",
            403,
            &[("origin", "https://evil.test")],
        ),
    ] {
        assert_eq!(
            send(&gateway, None, headers).await.status,
            status,
            "{reason}"
        );
        let snapshot = snapshot(&gateway).await;
        row(&snapshot, reason);
    }
    let elsewhere = gateway.request("POST", "/mcp?access_token=secret-in-a-query");
    assert_eq!(Reply::of(elsewhere).await.status, 400);
    let snapshot = snapshot(&gateway).await;
    row(&snapshot, "token_elsewhere");
    assert_eq!(row(&snapshot, "host_not_allowed")["sent"], "evil.test");
    assert_eq!(
        row(&snapshot, "origin_not_allowed")["sent"],
        "https://evil.test"
    );
    assert_eq!(rows(&snapshot).len(), 15, "{snapshot:#}");
    assert_eq!(snapshot["recorded"], 15);
    assert!(!snapshot.to_string().contains("secret-in-a-query"));
}

#[tokio::test]
async fn what_a_rule_refuses_is_kept_with_the_verified_client_and_without_its_user() {
    let rules = vec![RuleSettings {
        name: Some("fetch is for finance".into()),
        tools: vec!["fetch".into()],
        groups: vec!["finance".into()],
        ..RuleSettings::default()
    }];
    let change = move |settings: &mut Settings| settings.rule = rules;
    let gateway = TestGateway::builder().settings(change).start().await;
    let call = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "fetch", "arguments": { "id": "x" } },
    });
    let token = gateway.token().subject("alice-the-user").mint();
    let forbidden = gateway.call(&token, call.clone()).await;
    let little = gateway
        .token()
        .scope("openid")
        .subject("alice-the-user")
        .mint();
    let insufficient = gateway
        .call(
            &little,
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }),
        )
        .await;
    let snapshot = snapshot(&gateway).await;
    for (reason, reply, operation) in [
        ("group_required", forbidden, "tools/call fetch"),
        ("insufficient_scope", insufficient, "tools/list"),
    ] {
        assert_eq!(reply.status, 403, "{reason}");
        let request_id = reply.header("x-request-id").expect("an id");
        assert!(reply.text().contains(request_id), "{}", reply.text());
        let row = row(&snapshot, reason);
        assert_eq!(row["request_id"], request_id);
        assert_eq!(row["operation"], operation);
        assert_eq!(row["token"]["verified"], true);
        assert_eq!(row["token"]["issuer"], gateway.issuer.issuer());
        assert!(row["token"]["client_id"].is_string());
    }
    assert_eq!(
        row(&snapshot, "group_required")["rule"],
        "fetch is for finance"
    );
    assert_eq!(
        row(&snapshot, "insufficient_scope")["expected"],
        json!(["mcp:read"])
    );
    assert!(!snapshot.to_string().contains("alice-the-user"));
}

#[tokio::test]
async fn a_refused_call_carries_its_request_id_in_the_body() {
    let gateway = TestGateway::start().await;
    let call = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "search", "arguments": { "query": "x" } },
    });
    let expired = gateway.token().expires_in(-3600).mint();
    for token in ["opaque".to_owned(), expired] {
        let reply = gateway.call(&token, call.clone()).await;
        assert_eq!(reply.status, 401);
        let meta = &reply.json()["result"]["_meta"];
        let request_id = reply.header("x-request-id").expect("an id");
        assert_eq!(meta["usher/request_id"], request_id);
        assert!(meta["mcp/www_authenticate"].is_array());
    }
}

/// Pieces of a token that would give it away.
fn pieces(token: &str) -> impl Iterator<Item = &str> {
    token.split('.').filter(|part| part.len() > 8)
}

#[tokio::test]
async fn no_token_and_no_secret_is_in_the_record() {
    let gateway = TestGateway::start().await;
    let mut tokens = Vec::new();
    let smuggled = gateway.token().mint();
    for (name, value) in [
        ("aud", json!([smuggled, "x"])),
        ("azp", json!(smuggled)),
        ("client_id", json!(smuggled)),
        ("scope", json!(format!("mcp:read {smuggled}"))),
        ("iss", json!(smuggled)),
    ] {
        tokens.push(gateway.issuer.token().claim(name, value).mint());
    }
    tokens.push(gateway.token().header("kid", json!("k".repeat(100))).mint());
    tokens.push(gateway.token().expires_in(-3600).mint());
    tokens.push(smuggled.clone());
    for token in &tokens {
        send(&gateway, Some(token), &[]).await;
        // A client that sends it where it does not belong.
        send(&gateway, None, &[("origin", &format!("https://{token}"))]).await;
        let agent = [("user-agent", &**token), ("origin", "https://evil.test")];
        send(&gateway, None, &agent).await;
        let header = format!("Bearer {token} x");
        send(&gateway, None, &[("authorization", &header)]).await;
        gateway.get(&format!("/mcp?access_token={token}")).await;
    }
    let text = snapshot(&gateway).await.to_string();
    for token in &tokens {
        for piece in pieces(token) {
            assert!(
                !text.contains(piece.get(..24).unwrap_or(piece)),
                "{piece} in {text}"
            );
        }
    }
    assert!(text.contains("looks like a token"));
}

#[tokio::test]
async fn texts_of_strangers_move_no_cursor() {
    let gateway = TestGateway::start().await;
    let nasty = "a\u{1b}]0;x\u{7}\u{202e}<script>\n";
    let token = gateway
        .issuer
        .token()
        .audience(nasty)
        .client_id(nasty)
        .mint();
    send(&gateway, Some(&token), &[]).await;
    let snapshot = snapshot(&gateway).await;
    let row = row(&snapshot, "wrong_audience");
    let shown = row["token"]["audiences"][0].as_str().expect("an audience");
    assert_eq!(shown, "a\\u{1b}]0;x\\u{7}\\u{202e}<script>\\u{a}");
    assert_eq!(row["token"]["client_id"], shown);
}

#[tokio::test]
async fn requests_without_a_token_and_requests_that_are_answered_are_only_counted() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    for _ in 0..3 {
        assert_eq!(send(&gateway, None, &[]).await.status, 401);
        assert_eq!(send(&gateway, Some(&token), &[]).await.status, 200);
        assert_eq!(gateway.get("/nowhere").await.status, 404);
    }
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let unnamed = gateway.call(&token, ping).await;
    assert_eq!(unnamed.status, 200);
    let snapshot = snapshot(&gateway).await;
    assert_eq!(rows(&snapshot), &[] as &[Value]);
    assert_eq!(snapshot["without_token"], 3);
    let clients = snapshot["clients"].as_array().expect("clients");
    let counts = |software: &str| {
        let client = clients.iter().find(|client| client["software"] == software);
        let client = client.unwrap_or_else(|| panic!("{snapshot:#}"));
        ["challenges", "connections", "calls"].map(|name| client[name].as_u64().expect("a count"))
    };
    assert_eq!(counts("chatgpt"), [3, 0, 3]);
    assert_eq!(counts("unnamed"), [0, 1, 0]);
    let metrics = gateway
        .http_client
        .get(format!("{}/metrics", gateway.admin_url));
    let metrics = Reply::of(metrics).await;
    let line = r#"usher_client_requests_total{client="chatgpt",kind="challenged"} 3"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
}

#[tokio::test]
async fn silence_after_a_challenge_is_in_the_record_once_time_has_passed() {
    let gateway = TestGateway::start().await;
    send(&gateway, None, &[]).await;
    let state = async || snapshot(&gateway).await["clients"][0]["state"].clone();
    assert_eq!(state().await, "challenged");
    gateway.clock.shift(9 * 60);
    assert_eq!(state().await, "challenged");
    gateway.clock.shift(2 * 60);
    assert_eq!(state().await, "silent_after_challenge");
    let token = gateway.token().expires_in(3600).mint();
    assert_eq!(send(&gateway, Some(&token), &[]).await.status, 200);
    assert_eq!(state().await, "fine");
}

#[tokio::test]
async fn the_record_is_for_the_admin_listener_and_those_who_know_its_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "correct horse battery staple").expect("a file");
    let change = move |settings: &mut Settings| settings.admin_secret_file = Some(file);
    let gateway = TestGateway::builder().settings(change).start().await;
    assert_eq!(gateway.get("/refusals").await.status, 404);
    let ask = || {
        gateway
            .http_client
            .get(format!("{}/refusals", gateway.admin_url))
    };
    assert_eq!(Reply::of(ask()).await.status, 401);
    let knows = ask().bearer_auth("correct horse battery staple");
    assert_eq!(Reply::of(knows).await.status, 200);
}

#[tokio::test]
async fn nothing_is_kept_where_that_is_switched_off() {
    let change = |settings: &mut Settings| settings.audit.refusals = 0;
    let gateway = TestGateway::builder().settings(change).start().await;
    assert_eq!(send(&gateway, Some("opaque"), &[]).await.status, 401);
    let snapshot = snapshot(&gateway).await;
    assert_eq!(rows(&snapshot), &[] as &[Value]);
    assert_eq!(snapshot["capacity"], 0);
}
