//! `/mcp/{upstream}`: one upstream by itself, under its own names, as a resource of its own.

use serde_json::{Value, json};
use usher::policy::RuleSettings;

use super::super::eventually::eventually;
use super::super::gateway::{Reply, TestGateway};
use super::super::raw_upstream::{RawUpstream, Speaks};
use super::{MODERN, over_http, until_listed};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

/// A server in front of `raw` and `other`, of which both are listed.
async fn start(
    speaks: Speaks,
    change: impl FnOnce(&mut usher::config::Settings) + Send + 'static,
) -> (TestGateway, RawUpstream) {
    let upstream = RawUpstream::start(speaks).await;
    let other = RawUpstream::start(speaks).await;
    let upstreams = vec![
        over_http("raw", &upstream.url),
        over_http("other", &other.url),
    ];
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.upstream = upstreams;
            change(settings);
        })
        .start()
        .await;
    until_listed(&gateway, "raw__").await;
    until_listed(&gateway, "other__").await;
    (gateway, upstream)
}

/// A token for these audiences, each a path of this server's or a name.
fn token(gateway: &TestGateway, audiences: &[&str]) -> String {
    let audience = |name: &&str| match name.strip_prefix('/') {
        Some(path) => format!("{}/{path}", gateway.public_url),
        None => (*name).to_owned(),
    };
    let audiences: Vec<_> = audiences.iter().map(audience).collect();
    let token = gateway.issuer.token().claim("aud", json!(audiences));
    token.scope("mcp:read mcp:write").mint()
}

async fn post(gateway: &TestGateway, path: &str, token: &str, message: Value) -> Reply {
    let request = gateway
        .request("POST", path)
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(&message);
    Reply::of(request).await
}

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })
}

fn call(tool: &str) -> Value {
    let params = json!({ "name": tool, "arguments": { "a": 1 } });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

fn names(reply: &Reply) -> Vec<String> {
    let tools = reply.json()["result"]["tools"].clone();
    let tools = tools.as_array().expect("tools").clone();
    let name = |tool: Value| tool["name"].as_str().expect("a name").to_owned();
    tools.into_iter().map(name).collect()
}

#[tokio::test]
async fn one_upstream_is_served_under_its_own_names_and_nothing_else() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (gateway, upstream) = start(speaks, |_settings| {}).await;
        upstream.answer(r#""result":{"content":[],"odd":1.50}"#);
        let own = token(&gateway, &["/mcp/raw"]);
        assert_eq!(
            names(&post(&gateway, "/mcp/raw", &own, list()).await),
            ["echo"]
        );
        let reply = post(&gateway, "/mcp/raw", &own, call("echo")).await;
        assert_eq!(
            reply.text(),
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"odd":1.50}}"#
        );
        assert!(upstream.last_call().body.contains(r#""name":"echo""#));
        for elsewhere in ["raw__echo", "other__echo", "search", "fetch"] {
            let reply = post(&gateway, "/mcp/raw", &own, call(elsewhere)).await;
            assert!(
                !reply.json()["error"].is_null(),
                "{elsewhere}: {}",
                reply.text()
            );
        }
        let reply = post(
            &gateway,
            "/mcp/raw",
            &own,
            serde_json::from_str(INITIALIZE).expect("JSON"),
        )
        .await;
        assert_eq!(reply.json()["result"]["instructions"], Value::Null);
        let whole = token(&gateway, &["/mcp"]);
        let all = names(&post(&gateway, "/mcp", &whole, list()).await);
        assert_eq!(all, ["search", "fetch", "raw__echo", "other__echo"]);
    }
}

#[tokio::test]
async fn a_modern_client_is_served_too() {
    let (gateway, upstream) = start(Speaks::Modern, |_settings| {}).await;
    upstream.answer(r#""result":{"content":[],"resultType":"complete"}"#);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientInfo":{{"name":"t","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    let request = gateway
        .request("POST", "/mcp/raw")
        .bearer_auth(token(&gateway, &["/mcp/raw"]))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", "tools/call")
        .header("mcp-name", "echo")
        .body(body);
    let reply = Reply::of(request).await;
    assert_eq!(
        reply.json()["result"]["resultType"],
        "complete",
        "{}",
        reply.text()
    );
}

/// A server with this upstream and a rule.
async fn with_rule(upstream: &RawUpstream, rule: RuleSettings) -> TestGateway {
    let upstreams = vec![over_http("raw", &upstream.url)];
    let with = TestGateway::builder().settings(|settings| {
        settings.upstream = upstreams;
        settings.rule = vec![rule];
    });
    with.start().await
}

#[tokio::test]
async fn what_an_upstream_says_to_models_is_said_at_its_own_address_to_those_who_may_use_it() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        upstream.instructions("Ask \"twice\".");
        let rule = RuleSettings {
            upstreams: vec!["raw".into()],
            groups: vec!["finance".into()],
            ..RuleSettings::default()
        };
        let gateway = with_rule(&upstream, rule).await;
        let told = async |path: &'static str, group: &'static str| {
            let audience = format!("{}{path}", gateway.public_url);
            let token = gateway.issuer.token().claim("aud", json!(audience));
            let token = token.claim("groups", json!([group]));
            let token = token.scope("mcp:read mcp:write").mint();
            let initialize = serde_json::from_str(INITIALIZE).expect("JSON");
            let reply = post(&gateway, path, &token, initialize).await.json();
            reply["result"]["instructions"].clone()
        };
        eventually("raw is connected", async || {
            (told("/mcp/raw", "finance").await == "Ask \"twice\".").then_some(())
        })
        .await;
        assert_eq!(told("/mcp/raw", "engineering").await, Value::Null);
        let whole = told("/mcp", "finance").await;
        assert!(whole.as_str().is_some_and(|text| !text.contains("twice")));
    }
}

#[tokio::test]
async fn a_token_for_one_resource_opens_no_other_remembered_or_not() {
    let (gateway, _upstream) = start(Speaks::Modern, |settings| {
        settings.audiences = vec!["api://usher".into()];
        if let Some(issuer) = settings.issuer.first_mut() {
            issuer.audiences = vec!["api://issuers".into()];
        }
        if let Some(raw) = settings.upstream.first_mut() {
            raw.audiences = vec!["api://raw".into()];
        }
    })
    .await;
    let paths = ["/mcp", "/", "/mcp/raw", "/mcp/other"];
    let table: [(&str, [bool; 4]); 9] = [
        ("/mcp", [true, true, false, false]),
        ("/sse", [true, true, false, false]),
        ("api://usher", [true, true, false, false]),
        ("api://issuers", [true, true, false, false]),
        ("/mcp/raw", [false, false, true, false]),
        ("api://raw", [false, false, true, false]),
        ("/mcp/other", [false, false, false, true]),
        ("/mcp/raw/", [false, false, false, false]),
        ("/mcp/rawer", [false, false, false, false]),
    ];
    for (audience, opens) in table {
        let token = token(&gateway, &[audience]);
        // From its second use on a verified token is remembered.
        for round in 1..=3 {
            for (path, expected) in paths.iter().zip(opens) {
                let reply = post(&gateway, path, &token, list()).await;
                let status = if expected { 200 } else { 401 };
                assert_eq!(reply.status, status, "{audience} at {path}, round {round}");
            }
        }
    }
    // Documents belong to the whole server.
    let own = token(&gateway, &["/mcp/raw"]);
    let request = gateway.request("GET", "/documents/000000000000000000000000");
    assert_eq!(Reply::of(request.bearer_auth(own)).await.status, 401);
}

#[tokio::test]
async fn the_challenge_leads_to_the_metadata_of_this_very_resource() {
    let (gateway, _upstream) = start(Speaks::Modern, |_settings| {}).await;
    let resource = format!("{}/mcp/raw", gateway.public_url);
    let place = "/.well-known/oauth-protected-resource/mcp/raw";
    let refused = Reply::of(gateway.request("POST", "/mcp/raw")).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").expect("a challenge");
    let metadata = format!("resource_metadata=\"{}{place}\"", gateway.public_url);
    assert!(challenge.contains(&metadata), "{challenge}");
    let document = gateway.get(place).await.json();
    assert_eq!(document["resource"], resource);
    assert_eq!(
        document["authorization_servers"],
        json!([gateway.issuer.issuer()])
    );
    assert_eq!(document["resource_name"], "Usher: raw");
    // So does the challenge for more scope.
    let weak = gateway
        .issuer
        .token()
        .audience(resource)
        .scope("mcp:read")
        .mint();
    let reply = post(&gateway, "/mcp/raw", &weak, call("echo")).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    let challenge = reply.header("www-authenticate").expect("a challenge");
    assert!(
        challenge.contains(&metadata) && challenge.contains("mcp:write"),
        "{challenge}"
    );
}

#[tokio::test]
async fn a_session_of_one_resource_is_none_of_another() {
    let (gateway, _upstream) = start(Speaks::Legacy, |_settings| {}).await;
    let both = token(&gateway, &["/mcp", "/mcp/raw", "/mcp/other"]);
    let with = async |method: &str, path: &str, session: &str| {
        let request = gateway
            .request(method, path)
            .bearer_auth(&both)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-session-id", session)
            .header("mcp-protocol-version", "2025-11-25");
        let request = match method {
            "POST" => request.json(&list()),
            _ => request,
        };
        request.send().await.expect("an answer").status().as_u16()
    };
    let paths = ["/mcp", "/mcp/raw", "/mcp/other"];
    for at in paths {
        let initialize = serde_json::from_str(INITIALIZE).expect("JSON");
        let reply = post(&gateway, at, &both, initialize).await;
        let session = reply
            .header("mcp-session-id")
            .expect("a session")
            .to_owned();
        for path in paths {
            let is_own = path == at;
            for method in ["POST", "GET"] {
                let status = with(method, path, &session).await;
                assert_eq!(status == 200, is_own, "{method} {at} at {path}: {status}");
            }
        }
        for path in paths.iter().filter(|path| **path != at) {
            assert_eq!(with("DELETE", path, &session).await, 404, "{at} at {path}");
        }
        assert_eq!(with("POST", at, &session).await, 200, "{at} lives on");
        assert_eq!(with("DELETE", at, &session).await, 204, "{at}");
        assert_eq!(with("POST", at, &session).await, 404, "{at} has ended");
    }
}

#[tokio::test]
async fn whoever_has_no_token_for_it_learns_nothing_of_which_upstreams_there_are() {
    let (gateway, _upstream) = start(Speaks::Modern, |_settings| {}).await;
    let whole = token(&gateway, &["/mcp"]);
    let seen = async |name: &str| {
        let path = format!("/mcp/{name}");
        let mut seen = Vec::new();
        for method in ["GET", "POST", "DELETE"] {
            for token in [None, Some("nonsense"), Some(whole.as_str())] {
                let mut request = gateway.request(method, &path);
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                let reply = Reply::of(request).await;
                let challenge = reply.header("www-authenticate").unwrap_or_default();
                seen.push(format!("{} {challenge}", reply.status));
            }
        }
        let place = format!("/.well-known/oauth-protected-resource{path}");
        seen.push(gateway.get(&place).await.text().to_owned());
        seen.join("\n").replace(name, "NAME")
    };
    assert_eq!(seen("raw").await, seen("nothing").await);
    // With a token for it there is no more to be learned than that it is not there.
    let token = token(&gateway, &["/mcp/nothing"]);
    for method in ["GET", "POST", "DELETE"] {
        let request = gateway.request(method, "/mcp/nothing").bearer_auth(&token);
        let reply = Reply::of(request.header("accept", "text/event-stream")).await;
        assert_eq!(reply.status, 404, "{method}");
    }
    for page in ["/", "/openapi.json", "/healthz?deep=1"] {
        let text = gateway.get(page).await.text().to_owned();
        assert!(
            !text.contains("/mcp/raw") && !text.contains("\"raw\""),
            "{page}"
        );
    }
}

#[tokio::test]
async fn rules_hold_under_either_name() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    upstream.tools(
        r#"[{"name":"echo","inputSchema":{"type":"object"}},{"name":"delete_all","inputSchema":{"type":"object"}}]"#,
    );
    let rule = RuleSettings {
        name: Some("nobody deletes".into()),
        tools: vec!["raw__delete*".into()],
        deny: true,
        ..RuleSettings::default()
    };
    let gateway = with_rule(&upstream, rule).await;
    until_listed(&gateway, "raw__").await;
    let own = token(&gateway, &["/mcp/raw"]);
    assert_eq!(
        names(&post(&gateway, "/mcp/raw", &own, list()).await),
        ["echo"]
    );
    let reply = post(&gateway, "/mcp/raw", &own, call("delete_all")).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    let calls = upstream.requests();
    assert!(!calls.iter().any(|sent| sent.method == "tools/call"));
}
