//! An upstream says that what it has is another one: clients hear of it, on the streams that each era has for that.

use std::time::Duration;

use serde_json::json;
use usher::policy::RuleSettings;

use super::super::gateway::TestGateway;
use super::super::raw_upstream::{RawUpstream, Speaks};
use super::{MODERN, over_http, start, token};

const CHANGING: &str =
    r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{}}"#;
const TOOLS_CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// What comes on a stream.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let text = String::new();
        Self { response, text }
    }

    /// Reads on until `needle` has come.
    async fn until(&mut self, needle: &str) {
        let read = async {
            while !self.text.contains(needle) {
                let piece = self.response.chunk().await.expect("a stream");
                let piece = piece.expect("a stream that goes on");
                self.text.push_str(&String::from_utf8_lossy(&piece));
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), read).await;
        assert!(waited.is_ok(), "{needle} is not in {:?}", self.text);
    }
}

async fn session_stream(gateway: &TestGateway, access_token: &str) -> Events {
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" },
    } });
    let reply = gateway.call(access_token, initialize).await;
    let session = reply
        .header("mcp-session-id")
        .expect("a session")
        .to_owned();
    let request = gateway
        .request("GET", "/mcp")
        .bearer_auth(access_token)
        .header("accept", "text/event-stream")
        .header("mcp-session-id", session)
        .header("mcp-protocol-version", "2025-11-25");
    Events::of(request).await
}

async fn subscription(gateway: &TestGateway, filter: &str) -> Events {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"sub-1","method":"subscriptions/listen","params":{{"notifications":{filter},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token(gateway))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", "subscriptions/listen")
        .body(body);
    Events::of(request).await
}

#[tokio::test]
async fn clients_of_every_era_hear_that_a_list_is_another_one() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        upstream.capabilities(CHANGING);
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        upstream.until_heard().await;
        let sent = match speaks {
            Speaks::Legacy => upstream.until_sent("GET").await,
            Speaks::Modern => upstream.until_sent("subscriptions/listen").await,
        };
        let accept = sent.headers["accept"].to_str().expect("text");
        assert!(accept.contains("text/event-stream"), "{accept}");

        let mut session = session_stream(&gateway, &token(&gateway)).await;
        session.until(": open").await;
        let request = gateway
            .request("GET", "/sse")
            .bearer_auth(token(&gateway))
            .header("accept", "text/event-stream");
        let mut old = Events::of(request).await;
        old.until("event: endpoint").await;
        let filter = r#"{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["a:b"]}"#;
        let mut modern = subscription(&gateway, filter).await;
        modern.until("acknowledged").await;
        assert!(
            modern
                .text
                .contains(r#""notifications":{"toolsListChanged":true,"promptsListChanged":true}"#),
            "{}",
            modern.text
        );
        let mut deaf = subscription(&gateway, r#"{"resourcesListChanged":true}"#).await;
        deaf.until("acknowledged").await;

        upstream.tools(r#"[{"name":"another"}]"#);
        upstream.say(TOOLS_CHANGED);
        session.until(&format!("data: {TOOLS_CHANGED}\n\n")).await;
        old.until(&format!("event: message\ndata: {TOOLS_CHANGED}\n\n"))
            .await;
        let told = r#"data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"sub-1"}}}"#;
        modern.until(&format!("{told}\n\n")).await;
        super::until_listed(&gateway, "raw__another").await;

        // Only what changed, and only to those who asked.
        for stream in [&session, &old, &modern] {
            assert!(
                !stream.text.contains("prompts/list_changed"),
                "{}",
                stream.text
            );
            assert_eq!(stream.text.matches("tools/list_changed").count(), 1);
        }
        let resources = r#""result":{"resources":[{"uri":"a:b","name":"n"}]}"#;
        upstream.answer_to("resources/list", resources);
        upstream.say(r#"{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}"#);
        deaf.until("notifications/resources/list_changed").await;
        session.until("notifications/resources/list_changed").await;
        assert!(!deaf.text.contains("tools/list_changed"), "{}", deaf.text);
        assert!(!modern.text.contains("resources"), "{}", modern.text);
    }
}

#[tokio::test]
async fn nobody_hears_of_what_is_hidden_from_them() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    upstream.capabilities(CHANGING);
    let staff = RuleSettings {
        tools: vec!["raw__secret*".to_owned()],
        groups: vec!["staff".to_owned()],
        ..RuleSettings::default()
    };
    let upstreams = vec![over_http("raw", &upstream.url)];
    let gateway = TestGateway::builder()
        .settings(move |settings| {
            settings.upstream = upstreams;
            settings.rule = vec![staff];
        })
        .start()
        .await;
    super::until_listed(&gateway, "raw__").await;
    upstream.until_heard().await;
    let minted = |groups: &[&str]| {
        let token = gateway.token().scope("mcp:read mcp:write");
        token.claim("groups", json!(groups)).mint()
    };
    let (member, stranger) = (minted(&["staff"]), minted(&[]));
    let mut seeing = session_stream(&gateway, &member).await;
    let mut blind = session_stream(&gateway, &stranger).await;
    seeing.until(": open").await;
    blind.until(": open").await;
    upstream.tools(r#"[{"name":"echo","inputSchema":{"type":"object"}},{"name":"secret"}]"#);
    upstream.say(TOOLS_CHANGED);
    seeing.until(TOOLS_CHANGED).await;
    // What the other one does see is told later, and nothing came before.
    upstream.answer_to("prompts/list", r#""result":{"prompts":[{"name":"p"}]}"#);
    upstream.say(r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"#);
    blind.until("notifications/prompts/list_changed").await;
    assert!(!blind.text.contains("tools/list_changed"), "{}", blind.text);
}
