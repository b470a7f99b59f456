//! Calls whose upstream has something to say before it answers, over HTTP: progress, log messages, silence, and the ends
//! that a call can have.

use std::time::Duration;

use serde_json::{Value, json};
use usher::upstream::UpstreamSettings;

use super::super::gateway::{Reply, TestGateway};
use super::super::raw_upstream::{OpenAnswer, RawUpstream, Speaks};
use super::{MODERN, over_http, start, token};

const ANSWER: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{ "n":1.50}}"#;

/// A client with one way to speak and to listen.
#[derive(Clone, Copy, Debug)]
struct Client {
    speaks: Speaks,
    accept: &'static str,
}

const LEGACY: Client = Client {
    speaks: Speaks::Legacy,
    accept: "application/json, text/event-stream",
};
const MODERN_CLIENT: Client = Client {
    speaks: Speaks::Modern,
    ..LEGACY
};

impl Client {
    /// A call of `raw__echo` with these members in `_meta`.
    fn request(self, gateway: &TestGateway, meta: &str) -> reqwest::RequestBuilder {
        let protocol = match self.speaks {
            Speaks::Legacy => String::new(),
            Speaks::Modern => format!(
                r#""io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{}}"#
            ),
        };
        let separator = if protocol.is_empty() || meta.is_empty() {
            ""
        } else {
            ","
        };
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{{"name":"raw__echo","_meta":{{{meta}{separator}{protocol}}}}}}}"#
        );
        let request = gateway
            .request("POST", "/mcp")
            .bearer_auth(token(gateway))
            .header("content-type", "application/json")
            .header("accept", self.accept)
            .body(body);
        match self.speaks {
            Speaks::Legacy => request,
            Speaks::Modern => request
                .header("mcp-protocol-version", MODERN)
                .header("mcp-method", "tools/call")
                .header("mcp-name", "raw__echo"),
        }
    }
}

/// The data of all events.
fn events(reply: &Reply) -> Vec<&str> {
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream"),
        "{}",
        reply.text()
    );
    let lines = reply.text().lines();
    lines
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}

fn answer_to(client: Client) -> &'static str {
    match client.speaks {
        Speaks::Legacy => r#"{"jsonrpc":"2.0","id":"mine","result":{ "n":1.50}}"#,
        Speaks::Modern => {
            r#"{"jsonrpc":"2.0","id":"mine","result":{"resultType":"complete", "n":1.50}}"#
        }
    }
}

/// A gateway before one upstream whose calls the test answers.
async fn by_hand(
    speaks: Speaks,
) -> (
    RawUpstream,
    tokio::sync::mpsc::UnboundedReceiver<OpenAnswer>,
    TestGateway,
) {
    let upstream = RawUpstream::start(speaks).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let calls = upstream.by_hand();
    (upstream, calls, gateway)
}

#[tokio::test]
async fn progress_comes_before_the_answer_with_the_callers_own_token() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        for client in [LEGACY, MODERN_CLIENT] {
            for token in [r#""\u0061 token""#, "12345678901234567890", "-1.50"] {
                let (upstream, mut calls, gateway) = by_hand(speaks).await;
                let meta = format!(r#""progressToken":{token}"#);
                let call = Reply::of(client.request(&gateway, &meta));
                let answer = async {
                    let open = calls.recv().await.expect("a call");
                    for progress in [
                        r#"{ "x":1.50,"progressToken" : $ID, "progress":1e2}"#,
                        r#"{"progressToken":999,"progress":3}"#,
                        r#"{"progressToken":"$ID","progress":4}"#,
                        r#"{"progress":5}"#,
                    ] {
                        open.say(&format!(
                            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{progress}}}"#
                        ));
                    }
                    open.say(ANSWER);
                };
                let (reply, ()) = tokio::join!(call, answer);
                let progress = format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{ "x":1.50,"progressToken" : {token}, "progress":1e2}}}}"#
                );
                let end = answer_to(client).to_owned();
                let end = if speaks == Speaks::Modern && client.speaks == Speaks::Modern {
                    end.replace(r#""resultType":"complete","#, "")
                } else {
                    end
                };
                assert_eq!(events(&reply), [progress, end], "{speaks:?} {client:?}");
                let sent: Value = serde_json::from_str(&upstream.last_call().body).expect("JSON");
                assert_eq!(sent["params"]["_meta"]["progressToken"], sent["id"]);
            }
        }
    }
}

#[tokio::test]
async fn what_nobody_asked_for_is_left_out_and_leaves_the_answer_plain() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (upstream, mut calls, gateway) = by_hand(speaks).await;
        let call = Reply::of(LEGACY.request(&gateway, ""));
        let answer = async {
            let open = calls.recv().await.expect("a call");
            for message in [
                r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#,
                r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#,
                r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:y"}}"#,
                r#"{"jsonrpc":"2.0","method":"notifications/unheard-of"}"#,
                r#"{"jsonrpc":"2.0","id":4711,"result":{}}"#,
                "nonsense",
            ] {
                open.say(message);
            }
            open.say(ANSWER);
        };
        let (reply, ()) = tokio::join!(call, answer);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.text(), answer_to(LEGACY));
        assert!(!upstream.last_call().body.contains("progressToken"));
    }
}

#[tokio::test]
async fn log_messages_come_from_the_level_on_that_was_asked_for() {
    let (upstream, mut calls, gateway) = by_hand(Speaks::Modern).await;
    let meta = r#""io.modelcontextprotocol/logLevel":"warning""#;
    let call = Reply::of(MODERN_CLIENT.request(&gateway, meta));
    let answer = async {
        let open = calls.recv().await.expect("a call");
        for level in ["debug", "notice", "unheard-of", "warning", "emergency"] {
            open.say(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":[1.50], "level":"{level}"}}}}"#
            ));
        }
        open.say(ANSWER);
    };
    let (reply, ()) = tokio::join!(call, answer);
    let message = |level: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":[1.50], "level":"{level}"}}}}"#
        )
    };
    let end = answer_to(LEGACY).to_owned();
    let expected = [message("warning"), message("emergency"), end];
    assert_eq!(events(&reply), expected);
    let sent: Value = serde_json::from_str(&upstream.last_call().body).expect("JSON");
    let meta = &sent["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "warning");
}

#[tokio::test]
async fn a_legacy_client_says_once_for_its_session_which_log_messages_it_wants_or_leaves_it_to_a_legacy_upstream()
 {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (upstream, mut calls, gateway) = by_hand(speaks).await;
        let bearer = token(&gateway);
        let post = |session: Option<String>, body: Value| {
            let request = gateway
                .request("POST", "/mcp")
                .bearer_auth(&bearer)
                .header("accept", LEGACY.accept)
                .json(&body);
            Reply::of(match session {
                Some(session) => request.header("mcp-session-id", session),
                None => request,
            })
        };
        let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "protocolVersion": "2025-11-25", "capabilities": {} } });
        let opened = post(None, initialize.clone()).await;
        assert_eq!(
            opened.json()["result"]["capabilities"]["logging"],
            json!({})
        );
        let session = |reply: &Reply| reply.header("mcp-session-id").map(str::to_owned);
        let (session, other) = (session(&opened), session(&post(None, initialize).await));
        let level = |level: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": { "level": level } });
        let said = post(session.clone(), level("warning")).await;
        assert_eq!(said.json()["result"], json!({}));
        let odd = post(session.clone(), level("loud")).await;
        assert_eq!(odd.json()["error"]["code"], -32602);

        let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "raw__echo" } });
        // Only a legacy server may say something unasked.
        let unasked = usize::from(speaks == Speaks::Legacy) * 2;
        for (session, most) in [(other, unasked), (session, 1)] {
            let answer = async {
                let open = calls.recv().await.expect("a call");
                for level in ["info", "warning"] {
                    open.say(&format!(
                        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"{level}","data":1.50}}}}"#
                    ));
                }
                open.say(ANSWER);
            };
            let (reply, ()) = tokio::join!(post(session, call.clone()), answer);
            if most == 0 {
                assert_eq!(reply.header("content-type"), Some("application/json"));
                continue;
            }
            let all = events(&reply);
            assert_eq!(all.len(), most + 1, "{all:?}");
            assert_eq!(
                all.get(most - 1).copied(),
                Some(
                    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"warning","data":1.50}}"#
                )
            );
        }
        match speaks {
            Speaks::Legacy => {
                let told = upstream.until_sent("logging/setLevel").await;
                let body: Value = serde_json::from_str(&told.body).expect("JSON");
                assert_eq!(body["params"], json!({ "level": "warning" }));
                let session = &upstream.last_call().headers["mcp-session-id"];
                assert_eq!(told.headers["mcp-session-id"], session);
            }
            Speaks::Modern => {
                let sent = upstream.last_call().body;
                let stamp = r#""io.modelcontextprotocol/logLevel":"warning""#;
                assert!(sent.contains(stamp), "{sent}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_takes_json_alone_gets_it_and_the_upstream_is_asked_for_nothing_else() {
    let (upstream, mut calls, gateway) = by_hand(Speaks::Legacy).await;
    let client = Client {
        accept: "application/json",
        ..LEGACY
    };
    let call = Reply::of(client.request(&gateway, r#""progressToken":1"#));
    let answer = async {
        let open = calls.recv().await.expect("a call");
        open.say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#);
        open.say(ANSWER);
    };
    let (reply, ()) = tokio::join!(call, answer);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.text(), answer_to(client));
    assert!(!upstream.last_call().body.contains("progressToken"));
}

#[tokio::test]
async fn a_call_that_takes_its_time_is_answered_with_a_stream_before_the_answer_is_there() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let settings = over_http("raw", &upstream.url);
    let gateway = TestGateway::builder()
        .settings(|all| {
            all.upstream = vec![settings];
            all.mcp.stream_after_seconds = 0;
        })
        .start()
        .await;
    super::until_listed(&gateway, "raw__").await;
    let mut calls = upstream.by_hand();
    let mut response = LEGACY.request(&gateway, "").send().await.expect("a stream");
    let first = response.chunk().await.expect("bytes").expect("an event");
    assert_eq!(first, ": open\n\n");
    let open = calls.recv().await.expect("a call");
    open.say(ANSWER);
    let rest = response.text().await.expect("the rest");
    assert_eq!(rest, format!("data: {}\n\n", answer_to(LEGACY)));
}

/// A call that has begun to stream.
async fn streaming(
    client: Client,
    gateway: &TestGateway,
    calls: &mut tokio::sync::mpsc::UnboundedReceiver<OpenAnswer>,
) -> (reqwest::Response, OpenAnswer) {
    let begin = client.request(gateway, r#""progressToken":1"#).send();
    let answer = async {
        let open = calls.recv().await.expect("a call");
        open.say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#);
        open
    };
    let (response, open) = tokio::join!(begin, answer);
    let mut response = response.expect("a stream");
    let first = response.chunk().await.expect("bytes").expect("an event");
    assert!(first.starts_with(b"data: {"), "{first:?}");
    (response, open)
}

#[tokio::test]
async fn a_modern_client_that_closes_its_stream_cancels_the_call() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (upstream, mut calls, gateway) = by_hand(speaks).await;
        let (response, open) = streaming(MODERN_CLIENT, &gateway, &mut calls).await;
        drop(response);
        open.closed().await;
        if speaks == Speaks::Legacy {
            let sent = upstream.until_sent("notifications/cancelled").await;
            let expected = json!({ "requestId": open.id });
            let body: Value = serde_json::from_str(&sent.body).expect("JSON");
            assert_eq!(body["params"], expected);
            // In the caller's session, which is the second one: the first is the gateway's own.
            assert_eq!(sent.headers["mcp-session-id"], "session-1-2");
        }
    }
}

async fn cancel(gateway: &TestGateway, bearer: &str, id: Value) -> u16 {
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    gateway.call(bearer, note).await.status
}

#[tokio::test]
async fn a_legacy_client_cancels_with_a_notification_and_nobody_elses_does() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (_upstream, mut calls, gateway) = by_hand(speaks).await;
        let (response, open) = streaming(LEGACY, &gateway, &mut calls).await;
        let bob = gateway.token().subject("bob").mint();
        assert_eq!(cancel(&gateway, &bob, json!("mine")).await, 202);
        let alice = token(&gateway);
        assert_eq!(cancel(&gateway, &alice, json!("other")).await, 202);
        assert!(!open.is_closed());
        assert_eq!(cancel(&gateway, &alice, json!("mine")).await, 202);
        open.closed().await;
        assert_eq!(response.text().await.expect("an end"), ": cancelled\n\n");

        // Before anything was said, there is no stream yet.
        let call = Reply::of(LEGACY.request(&gateway, ""));
        let cancelled = async {
            let open = calls.recv().await.expect("a call");
            assert_eq!(cancel(&gateway, &alice, json!("mine")).await, 202);
            open.closed().await;
        };
        let (reply, ()) = tokio::join!(call, cancelled);
        assert_eq!((reply.status, reply.text()), (202, ""));
    }
}

#[tokio::test]
async fn a_legacy_client_that_loses_its_connection_cancels_nothing() {
    let (upstream, mut calls, gateway) = by_hand(Speaks::Legacy).await;
    let (response, open) = streaming(LEGACY, &gateway, &mut calls).await;
    drop(response);
    gateway
        .until("/healthz?deep=1", |health| {
            health.json()["streams"]["open"] == 0
        })
        .await;
    assert!(!open.is_closed());
    // It can still be cancelled by name.
    assert_eq!(cancel(&gateway, &token(&gateway), json!("mine")).await, 202);
    open.closed().await;
    upstream.until_sent("notifications/cancelled").await;
}

#[tokio::test]
async fn a_ping_in_the_stream_is_answered_and_other_requests_are_refused() {
    let (upstream, mut calls, gateway) = by_hand(Speaks::Legacy).await;
    let call = Reply::of(LEGACY.request(&gateway, ""));
    let answer = async {
        let open = calls.recv().await.expect("a call");
        open.say(r#"{"jsonrpc":"2.0","id":"p 1","method":"ping"}"#);
        open.say(r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{}}"#);
        open.say(ANSWER);
    };
    let (reply, ()) = tokio::join!(call, answer);
    assert_eq!(reply.text(), answer_to(LEGACY));
    let requests = upstream.requests();
    let sent: Vec<_> = requests.iter().map(|sent| sent.body.as_str()).collect();
    for expected in [
        r#"{"jsonrpc":"2.0","id":"p 1","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"method not found"}}"#,
    ] {
        assert!(sent.contains(&expected), "{sent:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_never_ends_costs_its_call_an_error() {
    let (_upstream, mut calls, gateway) = by_hand(Speaks::Modern).await;
    let (response, open) = streaming(LEGACY, &gateway, &mut calls).await;
    drop(open);
    let rest = response.text().await.expect("an end");
    assert!(
        rest.contains(r#""id":"mine","error":{"code":502,"#),
        "{rest}"
    );

    // More notifications than any call has.
    let call = Reply::of(LEGACY.request(&gateway, r#""progressToken":1"#));
    let answer = async {
        let open = calls.recv().await.expect("a call");
        for _ in 0..10_100 {
            open.say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#);
        }
        open.closed().await;
    };
    let (reply, ()) = tokio::join!(call, answer);
    let all = events(&reply);
    assert_eq!(all.len(), 10_001);
    assert!(
        all.last()
            .is_some_and(|last| last.contains(r#""code":502,"#))
    );
}

#[tokio::test]
async fn progress_extends_the_deadline_up_to_a_last_one() {
    // Progress is told of much more often than it has to be, first for longer than a call without any may take, and then
    // for ever.
    for (call_timeout_seconds, max_call_seconds, times, end) in [
        (3, 600, 40, r#""result":{"#),
        (1, 2, usize::MAX, r#""code":504,"#),
    ] {
        let upstream = RawUpstream::start(Speaks::Legacy).await;
        let settings = UpstreamSettings {
            call_timeout_seconds,
            max_call_seconds,
            ..over_http("raw", &upstream.url)
        };
        let gateway = start(vec![settings]).await;
        let mut calls = upstream.by_hand();
        let call = Reply::of(LEGACY.request(&gateway, r#""progressToken":1"#));
        let answer = async {
            let open = calls.recv().await.expect("a call");
            for _ in 0..times {
                open.say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#);
                tokio::time::sleep(Duration::from_millis(100)).await;
                if open.is_closed() {
                    return;
                }
            }
            open.say(r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#);
        };
        let (reply, ()) = tokio::join!(call, answer);
        let all = events(&reply);
        assert!(all.last().is_some_and(|last| last.contains(end)), "{all:?}");
    }
}

#[tokio::test]
async fn the_end_of_the_token_cuts_a_stream_short_with_an_error_and_cancels_the_call() {
    let (upstream, mut calls, gateway) = by_hand(Speaks::Legacy).await;
    let short = gateway.token().scope("mcp:write").expires_in(5).mint();
    let request = LEGACY.request(&gateway, r#""progressToken":1"#);
    let mut request = request.build().expect("a request");
    let bearer = format!("Bearer {short}").parse().expect("a header");
    request.headers_mut().insert("authorization", bearer);
    let call = gateway.http_client.execute(request);
    let answer = async {
        let open = calls.recv().await.expect("a call");
        open.say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#);
        open
    };
    let (response, open) = tokio::join!(call, answer);
    let text = response.expect("a stream").text().await.expect("an end");
    assert!(
        text.contains(r#""id":"mine","error":{"code":503,"#),
        "{text}"
    );
    open.closed().await;
    upstream.until_sent("notifications/cancelled").await;
}

#[tokio::test]
async fn the_old_transport_carries_what_comes_before_the_answer_on_its_stream() {
    let (_upstream, mut calls, gateway) = by_hand(Speaks::Modern).await;
    let opened = gateway
        .request("GET", "/sse")
        .bearer_auth(
            gateway
                .token()
                .audience(format!("{}/sse", gateway.public_url))
                .scope("mcp:write")
                .mint(),
        )
        .header("accept", "text/event-stream");
    let mut stream = opened.send().await.expect("a stream");
    let mut read = String::new();
    let mut until = async |wanted: &str| {
        while !read.contains(wanted) {
            let piece = stream.chunk().await.expect("bytes").expect("an event");
            read.push_str(std::str::from_utf8(&piece).expect("text"));
        }
        read.clone()
    };
    let endpoint = until("\n\n").await;
    let address = endpoint.trim().strip_prefix("event: endpoint\ndata: ");
    let call = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": { "name": "raw__echo", "_meta": { "progressToken": "t" } } });
    let post = gateway
        .request("POST", address.expect("an address"))
        .bearer_auth(
            gateway
                .token()
                .audience(format!("{}/sse", gateway.public_url))
                .scope("mcp:write")
                .mint(),
        )
        .json(&call);
    let answer = async {
        let open = calls.recv().await.expect("a call");
        open.say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#);
        open.say(ANSWER);
    };
    let (reply, ()) = tokio::join!(Reply::of(post), answer);
    assert_eq!(reply.status, 202, "{}", reply.text());
    let all = until("result").await;
    let progress = r#"event: message
data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}"#;
    assert!(all.contains(progress), "{all}");
}

#[tokio::test]
async fn a_stop_cuts_a_stream_short_with_an_error() {
    let (_upstream, mut calls, gateway) = by_hand(Speaks::Modern).await;
    let (response, open) = streaming(LEGACY, &gateway, &mut calls).await;
    gateway.lifecycle.stop_softly();
    let rest = response.text().await.expect("an end");
    assert!(
        rest.contains(r#""id":"mine","error":{"code":503,"#),
        "{rest}"
    );
    open.closed().await;
}
