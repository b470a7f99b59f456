//! What an upstream over HTTP can write in place of an answer, byte by byte: in place of a call's, before and after it began
//! to stream, and in place of the handshake's. All of it is an error, in time, and costs the next call nothing.

use futures_util::future::join_all;
use serde_json::{Value, json};
use usher::upstream::{EraSetting, UpstreamSettings};

use super::super::rough_upstream::{Rough, RoughUpstream, Then};
use super::{RawUpstream, Reply, Speaks, TestGateway, call, over_http, start, token, until_result};

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const PROGRESS: &str = r#"data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#;

/// Something wrong, and the code of the error that it makes.
struct Row {
    bytes: String,
    then: Then,
    code: i64,
}

fn row(bytes: impl Into<String>, then: Then, code: i64) -> Row {
    let bytes = bytes.into();
    Row { bytes, then, code }
}

impl Row {
    /// The same after these bytes.
    fn after(self, before: &str) -> Self {
        let bytes = format!("{before}{}", self.bytes);
        Self { bytes, ..self }
    }
}

fn pours(piece: impl Into<String>) -> Then {
    Then::Pours(piece.into())
}

/// Heads that are none, and bodies of JSON that are not whole.
fn without_events() -> Vec<Row> {
    let whole = r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#;
    vec![
        row("", Then::Ends, 502),
        row("", Then::Hangs, 504),
        row("SSH-2.0-OpenSSH\r\n", Then::Ends, 502),
        row("HTTP/1.1 200 OK\r\n", Then::Ends, 502),
        row("HTTP/1.1 200 OK\r\n", Then::Hangs, 504),
        row("HTTP/1.1 200 OK\r\n", pours("x-more: yes\r\n"), 502),
        row("HTTP/1.1 200 OK\r\nx-long: ", pours("x"), 502),
        row("", pours("HTTP/1.1 103 Early Hints\r\n\r\n"), 504),
        row(format!("{JSON}\r\n{{\"jsonrpc\""), Then::Ends, 502),
        row(format!("{JSON}content-length: 50\r\n\r\n"), Then::Ends, 502),
        row(
            format!("{JSON}content-length: 50\r\n\r\n"),
            Then::Hangs,
            504,
        ),
        row(
            format!("{JSON}content-length: 500\r\n\r\n{whole}"),
            Then::Ends,
            502,
        ),
        row(
            format!("{JSON}content-length: 500\r\n\r\n{whole}"),
            Then::Hangs,
            504,
        ),
        row(
            format!("{JSON}content-length: 50000000000\r\n\r\n"),
            pours("["),
            502,
        ),
        row(format!("{JSON}\r\n"), pours(" "), 502),
        row(
            format!("{JSON}transfer-encoding: chunked\r\n\r\n"),
            pours("4\r\n    \r\n"),
            502,
        ),
        row(
            format!("{JSON}transfer-encoding: chunked\r\n\r\n4;"),
            pours("x"),
            502,
        ),
        row(
            format!("{JSON}transfer-encoding: chunked\r\n\r\nnonsense"),
            Then::Hangs,
            502,
        ),
    ]
}

/// Streams of events, after whatever came on them before.
fn events() -> Vec<Row> {
    let begun = r#"data: {"jsonrpc":"2.0","id":$ID,"result":{"a":""#;
    let notification = r#"data: {"jsonrpc":"2.0","method":"notifications/unheard-of"}"#;
    let twice = r#"data: {"jsonrpc":"2.0","id":$ID,"result":{},"result":{}}"#;
    let ping = r#"data: {"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let nothing = r#"data: {"jsonrpc":"2.0","id":999999,"result":{}}"#;
    vec![
        row("", Then::Ends, 502),
        row("", Then::Hangs, 504),
        row(begun, Then::Ends, 502),
        row(begun, Then::Hangs, 504),
        row(begun, pours("x"), 502),
        // It says that it has answered, and what it said was no answer.
        row("data: nonsense\n\n", Then::Ends, 502),
        row(format!("{twice}\n\n"), Then::Hangs, 502),
        // An event of many lines, and one that never gets any.
        row("", pours("data: x\n"), 502),
        row("", pours("data:\n"), 502),
        row("", pours("event: message\n"), 504),
        row("event: ", pours("x"), 502),
        row("", pours("id: 1\n"), 504),
        row("", pours("retry: 1\n\n"), 504),
        row("", pours(": nothing new\n"), 504),
        row(": ", pours("x"), 502),
        row("", pours("\n"), 504),
        row("", pours("\r\n"), 504),
        row("", pours("data:\n\n"), 502),
        row("", pours("data: nonsense\n\n"), 502),
        row("", pours(format!("{nothing}\n\n")), 502),
        row("", pours(format!("{notification}\n\n")), 502),
        row("", pours(format!("{PROGRESS}\n\n")), 502),
        row("", pours(format!("{ping}\n\n")), 504),
    ]
}

/// The error at the end of an answer, whether it is JSON or a stream.
fn error_of(reply: &Reply) -> Value {
    let lines = reply.text().lines().rev();
    let last = lines.filter_map(|line| line.strip_prefix("data: ")).next();
    let last: Value =
        serde_json::from_str(last.unwrap_or_else(|| reply.text())).unwrap_or_default();
    assert_eq!(last["id"], "mine", "{}", reply.text());
    last["error"].clone()
}

/// A call of this upstream's tool.
async fn call_of(gateway: &TestGateway, upstream: &str, wants_progress: bool) -> Reply {
    let meta = if wants_progress {
        json!({ "progressToken": 1 })
    } else {
        json!({})
    };
    let call = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": {
        "name": format!("{upstream}__echo"), "_meta": meta,
    } });
    gateway.call(&token(gateway), call).await
}

/// As many upstreams as there are rows, each with its name.
async fn upstreams(rows: &[Row]) -> Vec<(String, RoughUpstream)> {
    let upstreams = rows
        .iter()
        .enumerate()
        .map(async |(n, _row)| (format!("rough-{n}"), RoughUpstream::start().await));
    join_all(upstreams).await
}

fn settings(upstreams: &[(String, RoughUpstream)]) -> Vec<UpstreamSettings> {
    let settings = upstreams.iter().map(|(name, upstream)| UpstreamSettings {
        max_message_bytes: 256 * 1024,
        ..over_http(name, &upstream.url)
    });
    settings.collect()
}

/// All of them at once are the errors that they should be, and the next calls are answered.
async fn check(rows: Vec<Row>, wants_progress: bool) {
    let all = upstreams(&rows).await;
    let mut settings = settings(&all);
    for (settings, row) in settings.iter_mut().zip(&rows) {
        // What is an error by itself gets the time that it takes on a busy machine.
        settings.call_timeout_seconds = if row.code == 504 { 1 } else { 50 };
    }
    let gateway = start(settings).await;
    let gateway = &gateway;
    let calls = rows
        .into_iter()
        .zip(&all)
        .map(async |(row, (name, upstream))| {
            let Row { bytes, then, code } = row;
            let told = format!("{bytes:?} {then:?}");
            upstream.answer("tools/call", Rough { bytes, then });
            let error = error_of(&call_of(gateway, name, wants_progress).await);
            assert_eq!(error["code"], code, "{told} {error}");
            upstream.recover();
            let late: &[i64] = if code == 504 { &[504] } else { &[] };
            let result = until_result(gateway, &format!("{name}__echo"), late).await;
            assert_eq!(result, json!({ "content": [] }), "after {told}");
        });
    join_all(calls).await;
}

#[tokio::test]
async fn a_head_or_a_body_that_is_none_is_an_error_in_time() {
    check(without_events(), false).await;
}

#[tokio::test]
async fn a_stream_of_anything_but_the_answer_is_an_error_in_time() {
    let rows = events().into_iter().map(|row| row.after(EVENTS));
    check(rows.collect(), false).await;
}

#[tokio::test]
async fn so_it_is_once_the_call_has_begun_to_stream() {
    let begun = format!("{EVENTS}{PROGRESS}\n\n");
    let rows = events().into_iter().map(|row| row.after(&begun));
    check(rows.collect(), true).await;
}

/// Until so many upstreams are connected and down.
async fn until(gateway: &TestGateway, connected: usize, down: usize) {
    gateway
        .until("/healthz?deep=1", |reply| {
            let all = &reply.json()["upstreams"];
            all["connected"] == connected && all["down"] == down
        })
        .await;
}

/// Each row, in place of the answer to `method`, keeps its upstream down and nothing else, until it answers.
async fn check_connecting(method: &'static str, rows: Vec<Row>) {
    let (all, fine) = (
        upstreams(&rows).await,
        RawUpstream::start(Speaks::Legacy).await,
    );
    let mut settings = settings(&all);
    for settings in &mut settings {
        settings.era = EraSetting::Modern;
        settings.start_timeout_seconds = 1;
    }
    settings.push(over_http("fine", &fine.url));
    let count = rows.len();
    for ((_, upstream), Row { bytes, then, .. }) in all.iter().zip(rows) {
        upstream.answer(method, Rough { bytes, then });
    }
    let gateway = TestGateway::builder()
        .settings(|all| all.upstream = settings)
        .start()
        .await;
    until(&gateway, 1, count).await;
    let reply = call(&gateway, r#"{"name":"fine__echo"}"#).await;
    assert_eq!(reply.json()["result"], json!({ "content": [] }));
    let url = format!("{}/metrics", gateway.admin_url);
    let metrics = Reply::of(gateway.http_client.get(url)).await;
    for (name, upstream) in &all {
        let start = format!("usher_upstream_attempts_total{{upstream=\"{name}\",outcome=\"");
        let told = metrics
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix(&start));
        let told: Vec<_> = told.filter_map(|line| line.split('"').next()).collect();
        // With a second for all of it, any of them may be late.
        let named = [
            "upstream_invalid",
            "upstream_interrupted",
            "upstream_timed_out",
        ];
        assert!(
            told.iter().any(|outcome| named.contains(outcome)),
            "{name}: {told:?}"
        );
        upstream.recover();
    }
    until(&gateway, count + 1, 0).await;
}

#[tokio::test]
async fn a_handshake_that_is_none_keeps_one_upstream_down_until_it_is_one() {
    let events = events().into_iter().map(|row| row.after(EVENTS));
    check_connecting(
        "server/discover",
        without_events().into_iter().chain(events).collect(),
    )
    .await;
}

#[tokio::test]
async fn a_list_that_is_none_keeps_one_upstream_down_until_it_is_one() {
    let result = |result: &str| {
        let bytes =
            format!("{EVENTS}data: {{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{result}}}\n\n");
        row(bytes, Then::Ends, 502)
    };
    let mut rows = vec![
        result("{}"),
        result(r#"{"tools":{}}"#),
        result(r#"{"tools":[],"tools":[]}"#),
        // It never ends, by pages or by bytes.
        result(r#"{"tools":[],"nextCursor":"more"}"#),
        result(&format!(
            r#"{{"tools":[{{"name":"a","x":"{}"}}],"nextCursor":"more"}}"#,
            "x".repeat(100_000)
        )),
        // It asks first, which a list cannot.
        result(r#"{"resultType":"input_required","inputRequests":{},"tools":[]}"#),
    ];
    rows.extend(events().into_iter().map(|row| row.after(EVENTS)));
    check_connecting("tools/list", rows).await;
}

#[tokio::test]
async fn one_that_never_reads_what_it_is_sent_costs_its_call_a_deadline() {
    let upstream = RoughUpstream::start().await;
    let settings = UpstreamSettings {
        call_timeout_seconds: 1,
        ..over_http("raw", &upstream.url)
    };
    let gateway = TestGateway::builder()
        .settings(|all| {
            all.upstream = vec![settings];
            all.http.max_body_bytes = 32 * 1024 * 1024;
        })
        .start()
        .await;
    super::until_listed(&gateway, "raw__").await;
    upstream.does_not_read("tools/call");
    // More than the buffers of both sides hold.
    let long = format!(
        r#"{{"name":"raw__echo","arguments":{{"a":"{}"}}}}"#,
        "x".repeat(16 * 1024 * 1024)
    );
    let error = error_of(&call(&gateway, &long).await);
    assert_eq!(error["code"], 504, "{error}");
    upstream.recover();
    let result = until_result(&gateway, "raw__echo", &[504]).await;
    assert_eq!(result, json!({ "content": [] }));
}
