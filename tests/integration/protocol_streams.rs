//! Response streams over real sockets: both legacy kinds, subscriptions, and how they end.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

use serde_json::{Value, json};

use super::gateway::{Reply, TestGateway};
use super::protocol::{modern, post, searchable};

/// An open stream, read event by event.
struct Events {
    response: reqwest::Response,
    read: String,
}

impl Events {
    async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().expect("text");
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("x-accel-buffering"), "no");
        assert_eq!(header("cache-control"), "no-cache");
        Self {
            response,
            read: String::new(),
        }
    }

    /// The next event or comment; nothing once the server has ended the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let event = event.to_owned();
                self.read = rest.to_owned();
                return Some(event);
            }
            let more = self
                .response
                .chunk()
                .await
                .expect("a stream that is not cut")?;
            self.read
                .push_str(std::str::from_utf8(&more).expect("UTF-8"));
        }
    }

    /// The JSON of the next event.
    async fn message(&mut self) -> Value {
        let event = self.next().await.expect("an event");
        let data = event.lines().find_map(|line| line.strip_prefix("data: "));
        serde_json::from_str(data.expect("data")).expect("JSON")
    }
}

fn get(gateway: &TestGateway, path: &str, token: &str) -> reqwest::RequestBuilder {
    gateway
        .request("GET", path)
        .bearer_auth(token)
        .header("accept", "text/event-stream")
}

/// A subscription to changes of the list of tools.
fn listen(gateway: &TestGateway, token: &str) -> reqwest::RequestBuilder {
    listen_accepting(gateway, token, "application/json, text/event-stream")
}

fn listen_accepting(gateway: &TestGateway, token: &str, accept: &str) -> reqwest::RequestBuilder {
    let params = json!({ "notifications": { "toolsListChanged": true } });
    let (headers, body) = modern("subscriptions/listen", params);
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token)
        .header("accept", accept)
        .json(&body);
    headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, value)
    })
}

/// Waits until the server counts `open` streams.
async fn until_open(gateway: &TestGateway, open: u64) {
    gateway
        .until("/healthz?deep=1", |reply| {
            reply.json()["sse"]["activeConnections"] == open
        })
        .await;
}

#[tokio::test]
async fn http_sse_speaks_2024_11_05_from_end_to_end() {
    let gateway = searchable(TestGateway::builder()).await;
    let token = gateway.token().mint();
    // Old clients were given either address.
    for path in ["/sse", "/mcp", "/"] {
        let mut events = Events::open(get(&gateway, path, &token)).await;
        let event = events.next().await.expect("an event");
        let endpoint = event
            .strip_prefix("event: endpoint\ndata: ")
            .expect("an endpoint");
        assert!(endpoint.starts_with("/messages?sessionId="), "{endpoint}");
        let send = async |message: Value| post(&gateway, endpoint, &token, &[], &message).await;
        let initialize = json!({
            "protocolVersion": "2024-11-05",
            "capabilities": {},
            "clientInfo": { "name": "old", "version": "1" },
        });
        let messages = [
            json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize }),
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }),
            json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call",
                "params": { "name": "search", "arguments": { "query": "cupcakes" } } }),
        ];
        for message in messages {
            let reply = send(message).await;
            assert_eq!((reply.status, reply.body.len()), (202, 0));
        }
        let event = events.next().await.expect("an event");
        assert!(event.starts_with("event: message\ndata: {"), "{event}");
        assert!(event.contains("2024-11-05"));
        assert_eq!(
            events.message().await["result"]["tools"][0]["name"],
            "search"
        );
        assert_eq!(events.message().await["result"]["isError"], false);

        let other = gateway.token().subject("bob").mint();
        let stolen = post(
            &gateway,
            endpoint,
            &other,
            &[],
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }),
        )
        .await;
        assert_eq!(stolen.status, 404);
    }
}

#[tokio::test]
async fn a_session_has_a_stream_and_a_stop_ends_it_in_order() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let params = json!({ "protocolVersion": "2025-11-25" });
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let begun = gateway.call(&token, begin).await;
    let id = begun.header("mcp-session-id").expect("a session");
    let request = get(&gateway, "/mcp", &token)
        .header("mcp-session-id", id)
        .header("mcp-protocol-version", "2025-11-25");
    let mut session = Events::open(request).await;
    assert_eq!(session.next().await.as_deref(), Some(": open"));
    let mut old = Events::open(get(&gateway, "/sse", &token)).await;
    old.next().await;

    let mut subscription = Events::open(listen(&gateway, &token)).await;
    let acknowledged = subscription.message().await;
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    assert_eq!(acknowledged["params"]["notifications"], json!({}));

    gateway.lifecycle.stop_softly();
    let ended = subscription.message().await;
    assert_eq!(
        (&ended["id"], &ended["result"]["resultType"]),
        (&json!(1), &json!("complete"))
    );
    assert_eq!(
        ended["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        1
    );
    for events in [&mut session, &mut old] {
        assert!(
            events
                .next()
                .await
                .expect("last words")
                .starts_with("retry: ")
        );
    }
    for events in [&mut session, &mut old, &mut subscription] {
        assert_eq!(events.next().await, None);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let mut streams = Vec::new();
    for _ in 0..10 {
        for request in [get(&gateway, "/sse", &token), listen(&gateway, &token)] {
            let mut events = Events::open(request).await;
            events.next().await;
            streams.push(events);
        }
    }
    until_open(&gateway, 20).await;
    drop(streams);
    until_open(&gateway, 0).await;
}

#[tokio::test]
async fn get_is_refused_where_there_is_no_stream() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let check = async |headers: &[(&str, &str)], status: u16| {
        let mut request = gateway.request("GET", "/mcp").bearer_auth(&token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(Reply::of(request).await.status, status, "{headers:?}");
    };
    let events = ("accept", "text/event-stream");
    check(&[events, ("mcp-protocol-version", "2026-07-28")], 405).await;
    check(&[events, ("mcp-protocol-version", "2025-11-25")], 405).await;
    check(&[events, ("mcp-session-id", "gone")], 404).await;
    check(&[events, ("mcp-protocol-version", "1.0")], 400).await;
    check(&[("accept", "application/json")], 406).await;
    let delete = gateway.request("DELETE", "/mcp").bearer_auth(&token);
    assert_eq!(
        Reply::of(delete.header("mcp-protocol-version", "2026-07-28"))
            .await
            .status,
        405
    );
    let delete = gateway.request("DELETE", "/mcp").bearer_auth(&token);
    assert_eq!(Reply::of(delete).await.status, 400);
}

#[tokio::test]
async fn a_subscription_needs_a_client_that_takes_streams() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let refused = Reply::of(listen_accepting(&gateway, &token, "application/json")).await;
    assert_eq!(refused.status, 406);
    until_open(&gateway, 0).await;
    Events::open(listen_accepting(&gateway, &token, "*/*")).await;
}

#[tokio::test]
async fn messages_need_a_session_id_in_their_address() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for path in [
        "/messages",
        "/messages?sessionId=",
        "/messages?sessionId=gone",
        "/messages?session_id=x",
        "/messages?sessionId=a&sessionId=b",
    ] {
        assert_eq!(
            post(&gateway, path, &token, &[], &ping).await.status,
            404,
            "{path}"
        );
    }
}
