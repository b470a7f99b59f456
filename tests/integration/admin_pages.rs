//! The pages of the admin listener: what each tells, as JSON and as HTML, to whom, and that they only tell.

use serde_json::{Value, json};
use usher::policy::RuleSettings;
use usher::upstream::UpstreamSettings;

use crate::eventually::eventually;
use crate::gateway::{Reply, TestGateway, TestGatewayBuilder};
use crate::raw_upstream::{RawUpstream, Speaks};

const PATHS: [&str; 6] = ["/", "/refusals", "/health", "/tools", "/streams", "/calls"];

fn ask(gateway: &TestGateway, path: &str) -> reqwest::RequestBuilder {
    gateway
        .http_client
        .get(format!("{}{path}", gateway.admin_url))
}

async fn data(gateway: &TestGateway, path: &str) -> Value {
    Reply::of(ask(gateway, path)).await.json()
}

async fn page(gateway: &TestGateway, path: &str) -> String {
    let reply = Reply::of(ask(gateway, path).header("accept", "text/html")).await;
    assert_eq!(reply.status, 200, "{path}");
    reply.text().to_owned()
}

async fn search(gateway: &TestGateway, token: &str) -> u16 {
    let params = json!({ "name": "search", "arguments": { "query": "lemon" } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    gateway.call(token, call).await.status
}

fn with_upstream(upstream: &RawUpstream, name: &str) -> TestGatewayBuilder {
    let upstream = UpstreamSettings {
        name: name.to_owned(),
        http: Some(upstream.url.clone()),
        ..UpstreamSettings::default()
    };
    TestGateway::builder().settings(|settings| settings.upstream = vec![upstream])
}

/// Asks until an upstream's tools are listed.
async fn until_listed(gateway: &TestGateway, tool: &str) -> Value {
    let look = async || {
        let tools = data(gateway, "/tools").await;
        tools.to_string().contains(tool).then_some(tools)
    };
    eventually(tool, look).await
}

#[tokio::test]
async fn each_page_is_json_for_programs_and_html_for_people_and_is_not_kept() {
    let gateway = TestGateway::start().await;
    for path in PATHS {
        let json = Reply::of(ask(&gateway, path)).await;
        assert_eq!(json.status, 200, "{path}");
        assert_eq!(json.header("content-type"), Some("application/json"));
        assert!(json.json().is_object());
        let html = Reply::of(ask(&gateway, path).header("accept", "text/html,*/*;q=0.8")).await;
        assert_eq!(
            html.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let policy = html.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        for reply in [&json, &html] {
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
        let text = html.text();
        assert_eq!(text.matches("<h1").count(), 1, "{path}");
        assert!(text.contains(&format!("<a href=\"{path}\" aria-current=\"page\">")));
        assert!(!text.contains("<form") && !text.contains("<input"));
    }
}

#[tokio::test]
async fn pages_only_tell_and_none_is_on_the_public_listener() {
    let gateway = TestGateway::start().await;
    for path in PATHS {
        let url = format!("{}{path}", gateway.admin_url);
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let method = method.parse().expect("a method");
            let reply = Reply::of(gateway.http_client.request(method, &url)).await;
            assert_eq!(reply.status, 405, "{path}");
        }
        if path != "/" {
            assert_eq!(gateway.get(path).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn a_page_that_rebinds_its_name_and_whoever_has_no_secret_sees_none_of_them() {
    let gateway = TestGateway::start().await;
    for path in PATHS {
        let rebound = ask(&gateway, path).header("host", "evil.test");
        let rebound = Reply::of(rebound.header("accept", "text/html")).await;
        assert_eq!(rebound.status, 403, "{path}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "correct horse battery staple\n").expect("a file");
    let gateway =
        TestGateway::builder().settings(move |settings| settings.admin_secret_file = Some(file));
    let gateway = gateway.start().await;
    for path in PATHS {
        assert_eq!(Reply::of(ask(&gateway, path)).await.status, 401, "{path}");
        let with = ask(&gateway, path).bearer_auth("correct horse battery staple");
        assert_eq!(Reply::of(with).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn calls_are_counted_per_client_and_tool_and_no_subject_is_told() {
    let gateway = TestGateway::start().await;
    let token = gateway
        .token()
        .subject("alice-in-person")
        .client_id("<b>editor</b>")
        .mint();
    for _ in 0..3 {
        assert_eq!(search(&gateway, &token).await, 200);
    }
    let calls = data(&gateway, "/calls").await;
    let rows = calls["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{calls}");
    let row = &rows[0];
    assert_eq!(
        (&row["method"], &row["tool"]),
        (&json!("tools/call"), &json!("search"))
    );
    assert_eq!((&row["calls"], &row["refused"]), (&json!(3), &json!(0)));
    assert_eq!(row["client_id"], "<b>editor</b>");
    let html = page(&gateway, "/calls").await;
    assert!(html.contains("&lt;b&gt;editor&lt;/b&gt;") && html.contains("tools/call search"));
    for text in [calls.to_string(), html] {
        assert!(!text.contains("alice-in-person"));
        assert!(!text.contains(&token));
    }
}

#[tokio::test]
async fn calls_are_not_counted_where_that_is_switched_off() {
    let gateway = TestGateway::builder().settings(|settings| settings.http.count_calls = false);
    let gateway = gateway.start().await;
    assert_eq!(search(&gateway, &gateway.token().mint()).await, 200);
    let calls = data(&gateway, "/calls").await;
    assert_eq!(
        (&calls["counted"], &calls["rows"]),
        (&json!(false), &json!([]))
    );
    assert!(
        page(&gateway, "/calls")
            .await
            .contains("http.count_calls is off")
    );
}

#[tokio::test]
async fn a_stream_is_shown_while_it_is_open() {
    let gateway = TestGateway::start().await;
    assert_eq!(data(&gateway, "/streams").await["open"], 0);
    let request = gateway
        .request("GET", "/sse")
        .bearer_auth(gateway.token().client_id("editor").mint())
        .header("accept", "text/event-stream")
        .header("user-agent", "Editor/1.2 <i>");
    let response = request.send().await.expect("a stream");
    assert_eq!(response.status(), 200);
    let streams = data(&gateway, "/streams").await;
    assert_eq!(streams["open"], 1);
    let stream = &streams["streams"][0];
    assert_eq!(
        (&stream["client_id"], &stream["path"]),
        (&json!("editor"), &json!("/sse"))
    );
    assert_eq!(stream["software"], "Editor/1.2 <i>");
    assert!(
        page(&gateway, "/streams")
            .await
            .contains("Editor/1.2 &lt;i&gt;")
    );
    drop(response);
    let look = async || (data(&gateway, "/streams").await["open"] == 0).then_some(());
    eventually("the stream is listed no more", look).await;
}

#[tokio::test]
async fn tools_are_told_with_what_they_take_and_which_rule_says_so() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let gateway = with_upstream(&upstream, "crm").settings(|settings| {
        settings.rule = vec![RuleSettings {
            name: Some("support <only>".into()),
            tools: vec!["crm__echo".into()],
            groups: vec!["support".into()],
            ..RuleSettings::default()
        }];
    });
    let gateway = gateway.start().await;
    let tools = until_listed(&gateway, "crm__echo").await;
    let offered = tools["offered"].as_array().expect("a list");
    let echo = offered
        .iter()
        .find(|entry| entry["name"] == "crm__echo")
        .expect("the tool");
    assert_eq!(echo["upstream"], "crm");
    let asked = json!([
        { "rule": "write_scope", "what": "scope `mcp:write`" },
        { "rule": "support <only>", "what": "group `support`" },
    ]);
    assert_eq!(echo["asked"], asked);
    let html = page(&gateway, "/tools").await;
    assert!(html.contains("support &lt;only&gt;") && !html.contains("support <only>"));
    assert!(html.contains("group <code>support</code>"));
}

#[tokio::test]
async fn names_that_collide_are_told() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    upstream.tools(r#"[{"name":"search","inputSchema":{"type":"object"}}]"#);
    let gateway = with_upstream(&upstream, "crm").settings(|settings| {
        let upstream = settings.upstream.first_mut().expect("the upstream");
        upstream.names = usher::upstream::Names::Verbatim;
    });
    let gateway = gateway.start().await;
    let tools = until_listed(&gateway, "is left out").await;
    assert!(
        tools["warnings"]
            .to_string()
            .contains("taken by a built-in one"),
        "{tools}"
    );
    assert!(
        page(&gateway, "/tools")
            .await
            .contains("Left out, or not for every client")
    );
}

#[tokio::test]
async fn health_names_what_is_down_and_the_overview_says_so_first() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.upstream = vec![UpstreamSettings {
            name: "away".into(),
            http: Some("http://127.0.0.1:9/mcp?key=hunter2".into()),
            ..UpstreamSettings::default()
        }];
    });
    let gateway = gateway.start().await;
    let look = async || {
        let health = data(&gateway, "/health").await;
        (health["upstreams"][0]["state"] == "down").then_some(health)
    };
    let health = eventually("the upstream is down", look).await;
    assert_eq!(health["issuers"][0]["keys_state"], "ok");
    assert_eq!(health["index"]["collections"][0]["documents"], 3);
    let overview = data(&gateway, "/").await;
    assert_eq!(
        overview["troubles"],
        json!(["The upstream away cannot be reached."])
    );
    assert_eq!(overview["ready"], true);
    let html = page(&gateway, "/health").await;
    assert!(html.contains("down") && html.contains("http://127.0.0.1:9/mcp"));
    assert!(!html.contains("hunter2") && !health.to_string().contains("hunter2"));
}

#[tokio::test]
async fn refusals_are_grouped_and_what_nobody_verified_is_marked() {
    let gateway = TestGateway::start().await;
    let wrong = gateway.token().claim("aud", json!("<i>account</i>")).mint();
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    for _ in 0..4 {
        assert_eq!(gateway.call(&wrong, list.clone()).await.status, 401);
    }
    let refusals = data(&gateway, "/refusals").await;
    assert_eq!(refusals["refusals"][0]["count"], 4, "{refusals}");
    let html = page(&gateway, "/refusals").await;
    for wanted in [
        "usher doctor explain token-audience",
        "4 × ",
        "wrong_audience",
        "&lt;i&gt;account&lt;/i&gt;",
        "unverified",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(!html.contains("<i>account") && !html.contains(&wrong));
}
