//! Streams, under paused time.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt};

use super::*;

type Events = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

fn events(answer: Answer) -> Events {
    let Body::Events(stream) = answer.body else {
        panic!("no stream: {answer:?}");
    };
    Box::pin(stream.into_stream())
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

async fn next(events: &mut Events) -> String {
    let event = events.next().await.expect("an event");
    text(&event).to_owned()
}

/// The JSON of the next event.
async fn message(events: &mut Events) -> Value {
    let event = next(events).await;
    let data = event.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(data.expect("data")).expect("JSON")
}

/// Alice with a token for another `seconds`.
fn alice_for(bench: &Bench, seconds: i64) -> Principal {
    principal("alice", &["mcp:read"]).expiring_at(bench.clock.unix_seconds() + seconds)
}

fn listen(bench: &Bench) -> Events {
    let got = bench.modern(
        "subscriptions/listen",
        json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["test://x"] } }),
    );
    assert_eq!(got.status, StatusCode::OK);
    events(got.answer)
}

fn ended() -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "resultType": "complete",
            "_meta": {
                "io.modelcontextprotocol/subscriptionId": 1,
                "io.modelcontextprotocol/serverInfo": server_info(),
            },
        },
    })
}

fn session_stream(bench: &Bench) -> (Events, HeaderMap) {
    let got = bench.legacy("initialize", json!({ "protocolVersion": "2025-11-25" }));
    let id = got.answer.session_id.expect("a session");
    let headers = header_map(&[
        ("mcp-session-id", id.to_str().expect("ASCII")),
        ("mcp-protocol-version", "2025-11-25"),
    ]);
    (events(bench.protocol.get(&bench.alice, &headers)), headers)
}

#[tokio::test(start_paused = true)]
async fn listening_is_acknowledged_first_and_kept_alive() {
    let bench = Bench::new(Settings::default());
    let mut events = listen(&bench);
    assert_eq!(
        message(&mut events).await,
        json!({
            "jsonrpc": "2.0",
            "method": "notifications/subscriptions/acknowledged",
            "params": {
                "_meta": { "io.modelcontextprotocol/subscriptionId": 1 },
                "notifications": {},
            },
        })
    );
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        assert_eq!(next(&mut events).await, ": keep-alive\n\n");
        assert_eq!(before.elapsed().as_secs(), 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_ends_a_subscription_with_its_result() {
    let bench = Bench::new(Settings::default());
    let mut events = listen(&bench);
    message(&mut events).await;
    bench.lifecycle.stop_softly();
    assert_eq!(message(&mut events).await, ended());
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn every_stream_ends_when_the_token_expires() {
    let mut bench = Bench::new(Settings::default());
    bench.alice = alice_for(&bench, 40);
    let (mut session, _) = session_stream(&bench);
    let mut old = events(bench.protocol.open_old_transport(&bench.alice));
    let mut subscription = listen(&bench);
    for stream in [&mut session, &mut old, &mut subscription] {
        next(stream).await;
        assert_eq!(next(stream).await, ": keep-alive\n\n");
    }
    // The wall clock moves on by itself only a little: the timers of the paused runtime are ahead of it.
    bench.clock.shift(40);
    assert_eq!(message(&mut subscription).await, ended());
    for stream in [&mut session, &mut old] {
        assert!(next(stream).await.starts_with("retry: "));
    }
    for stream in [&mut session, &mut old, &mut subscription] {
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_looks_at_the_clock_when_the_token_is_due() {
    let mut bench = Bench::new(Settings::default());
    bench.alice = alice_for(&bench, 4);
    let mut events = listen(&bench);
    message(&mut events).await;
    let before = tokio::time::Instant::now();
    bench.clock.shift(2);
    next(&mut events).await;
    assert!(before.elapsed() <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_session_stream_begins_at_once_and_ends_with_its_session() {
    let bench = Bench::new(Settings::default());
    let (mut events, headers) = session_stream(&bench);
    assert_eq!(next(&mut events).await, ": open\n\n");
    assert_eq!(next(&mut events).await, ": keep-alive\n\n");
    let ended = bench.protocol.delete(&bench.alice, &headers);
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert!(next(&mut events).await.starts_with("retry: "));
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_ends_legacy_streams_with_a_time_to_come_back() {
    let bench = Bench::new(Settings::default());
    let (mut session, _) = session_stream(&bench);
    let mut old = events(bench.protocol.open_old_transport(&bench.alice));
    bench.lifecycle.stop_softly();
    for stream in [&mut session, &mut old] {
        next(stream).await;
        assert!(next(stream).await.starts_with("retry: "));
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn streams_are_counted_and_bounded() {
    let bench = Bench::new(Settings {
        max_open_streams: 2,
        ..Settings::default()
    });
    let first = listen(&bench);
    let second = events(bench.protocol.open_old_transport(&bench.alice));
    assert_eq!(bench.protocol.open_streams(), 2);
    let got = bench.modern("subscriptions/listen", json!({ "notifications": {} }));
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(got.answer.retry_after_seconds, Some(1));
    let refused = bench.protocol.open_old_transport(&bench.alice);
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    // A client that goes away drops its stream.
    drop(first);
    assert_eq!(bench.protocol.open_streams(), 1);
    drop(listen(&bench));
    drop(second);
    assert_eq!(bench.protocol.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_subject_cannot_take_all_streams() {
    let bench = Bench::new(Settings {
        max_open_streams_per_subject: 2,
        ..Settings::default()
    });
    let first = listen(&bench);
    let _second = events(bench.protocol.open_old_transport(&bench.alice));
    let refused = bench.protocol.open_old_transport(&bench.alice);
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.reason, Some("too_many_streams"));
    assert_eq!(refused.retry_after_seconds, Some(15));
    // Others are not touched by it, and a closed stream makes room.
    let bob = principal("bob", &["mcp:read"]);
    let _other = events(bench.protocol.open_old_transport(&bob));
    drop(first);
    let _third = events(bench.protocol.open_old_transport(&bench.alice));
    assert_eq!(bench.protocol.open_streams(), 3);
}

#[test]
fn an_open_stream_is_small() {
    let bench = Bench::new(Settings::default());
    let answer = bench.protocol.open_old_transport(&bench.alice);
    let Body::Events(stream) = answer.body else {
        panic!("no stream");
    };
    let bytes = size_of_val(&stream.into_stream());
    assert!(bytes <= 1024, "{bytes}");
}

#[tokio::test]
async fn a_bad_filter_opens_no_stream() {
    let bench = Bench::new(Settings::default());
    for params in [
        json!({}),
        json!({ "notifications": null }),
        json!({ "notifications": [] }),
        json!({ "notifications": { "toolsListChanged": "yes" } }),
        json!({ "notifications": { "resourceSubscriptions": "test://x" } }),
    ] {
        let got = bench.modern("subscriptions/listen", params.clone());
        assert_eq!((got.status.as_u16(), code(&got)), (200, -32602), "{params}");
    }
    assert_eq!(bench.protocol.open_streams(), 0);
}

#[tokio::test]
async fn get_and_delete_are_for_legacy_clients() {
    let bench = Bench::new(Settings::default());
    let modern = header_map(&[("mcp-protocol-version", MODERN), ("mcp-session-id", "x")]);
    let legacy = header_map(&[("mcp-protocol-version", "2025-11-25")]);
    let status = |answer: Answer| answer.status.as_u16();
    assert_eq!(status(bench.protocol.get(&bench.alice, &modern)), 405);
    assert_eq!(status(bench.protocol.delete(&bench.alice, &modern)), 405);
    // Without a session there is nothing to stream, and nothing to end.
    assert_eq!(status(bench.protocol.get(&bench.alice, &legacy)), 405);
    assert_eq!(status(bench.protocol.delete(&bench.alice, &legacy)), 400);
    let dead = header_map(&[("mcp-session-id", "gone")]);
    assert_eq!(status(bench.protocol.get(&bench.alice, &dead)), 404);
    assert_eq!(status(bench.protocol.delete(&bench.alice, &dead)), 404);
    let unknown = header_map(&[("mcp-protocol-version", "1.0")]);
    assert_eq!(status(bench.protocol.get(&bench.alice, &unknown)), 400);
}

/// Opens the old transport by a bare `GET`; the session id that its `endpoint` event names.
async fn old_transport(bench: &Bench) -> (Events, String) {
    let mut events = events(bench.protocol.get(&bench.alice, &HeaderMap::new()));
    let event = next(&mut events).await;
    let address = event
        .strip_prefix("event: endpoint\ndata: /messages?sessionId=")
        .and_then(|rest| rest.strip_suffix("\n\n"))
        .expect("an endpoint event");
    let id = address.to_owned();
    (events, id)
}

fn send(bench: &Bench, principal: &Principal, id: &str, body: &str) -> Answer {
    let headers = HeaderMap::new();
    let post = Post {
        request_id: "0123",
        principal,
        headers: &headers,
        body: body.as_bytes(),
        credential: None,
        takes_events: true,
    };
    now(bench.protocol.post_old_transport(id, &post))
}

#[tokio::test(start_paused = true)]
async fn the_old_transport_answers_on_its_stream() {
    let bench = Bench::new(Settings::default());
    let (mut events, id) = old_transport(&bench).await;
    let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "protocolVersion": "2024-11-05" } });
    let answer = send(&bench, &bench.alice, &id, &initialize.to_string());
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert!(matches!(answer.body, Body::Empty));
    assert_eq!(answer.session_id, None, "the stream is the session");
    let event = next(&mut events).await;
    assert!(event.starts_with("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,"));
    assert!(event.contains(r#""protocolVersion":"2024-11-05""#));

    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(
        send(&bench, &bench.alice, &id, note).status,
        StatusCode::ACCEPTED
    );
    let unknown = r#"{"jsonrpc":"2.0","id":2,"method":"unknown"}"#;
    assert_eq!(
        send(&bench, &bench.alice, &id, unknown).status,
        StatusCode::ACCEPTED
    );
    assert_eq!(message(&mut events).await["error"]["code"], -32601);
}

#[tokio::test(start_paused = true)]
async fn the_old_transport_refuses_what_it_cannot_carry() {
    let bench = Bench::new(Settings::default());
    let (events, id) = old_transport(&bench).await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let bob = principal("bob", &["mcp:read"]);
    let nobody = principal("alice", &[]);
    let modern = modern_request("tools/list", json!({})).1;
    let check = |principal: &Principal, id: &str, body: &str, status: u16| {
        let answer = send(&bench, principal, id, body);
        assert_eq!(answer.status.as_u16(), status, "{body}: {answer:?}");
    };
    check(&bob, &id, ping, 404);
    check(&bench.alice, "gone", ping, 404);
    check(&bench.alice, "", ping, 404);
    check(&nobody, &id, ping, 403);
    check(&bench.alice, &id, "nonsense", 400);
    check(&bench.alice, &id, &format!("[{ping}]"), 400);
    check(&bench.alice, &id, &modern, 400);
    // Refusals left the room for answers alone.
    for _ in 0..old_transport::WAITING_ANSWERS {
        check(&bench.alice, &id, ping, 202);
    }
    check(&bench.alice, &id, ping, 503);
    drop(events);
    check(&bench.alice, &id, ping, 404);
}

#[tokio::test(start_paused = true)]
async fn answers_on_their_way_are_sent_before_a_stop() {
    let bench = Bench::new(Settings::default());
    let (mut events, id) = old_transport(&bench).await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert_eq!(
        send(&bench, &bench.alice, &id, ping).status,
        StatusCode::ACCEPTED
    );
    bench.lifecycle.stop_softly();
    assert_eq!(message(&mut events).await["result"], json!({}));
    assert!(next(&mut events).await.starts_with("retry: "));
    assert_eq!(events.next().now_or_never(), Some(None));
}

#[test]
fn line_breaks_between_tokens_never_end_an_event() {
    let pretty = "{\n  \"a\": \"b\\n\",\r\n  \"c\": 1\n}";
    let event = stream::event(Some("message"), pretty.as_bytes());
    let event = text(&event);
    let data = event
        .strip_prefix("event: message\ndata: ")
        .and_then(|rest| rest.strip_suffix("\n\n"))
        .expect("one event");
    assert!(!data.contains(['\n', '\r']));
    let read: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(read, json!({ "a": "b\n", "c": 1 }));
}
