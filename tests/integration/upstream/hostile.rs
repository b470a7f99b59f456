//! Upstreams over HTTP that answer wrongly, late or never. Each call gets a clear error, and the others go on.

use serde_json::json;
use usher::upstream::UpstreamSettings;

use super::{RawUpstream, Speaks, call, over_http, start, token};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_and_never_passed_on() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let settings = UpstreamSettings {
        max_message_bytes: 4096,
        ..over_http("raw", &upstream.url)
    };
    let gateway = start(vec![settings]).await;
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"a":"{}"}}}}"#,
        "x".repeat(50_000_000)
    );
    let long_event = format!("data: {long}\n\n");
    let table: &[(u16, &'static str, &str, i64)] = &[
        (200, JSON, "", 502),
        (200, JSON, "not JSON", 502),
        (200, JSON, r#"{"jsonrpc":"2.0","id":999,"result":{}}"#, 502),
        (
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":"$ID","result":{}}"#,
            502,
        ),
        (
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":$ID,"id":1,"result":{}}"#,
            502,
        ),
        (
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":$ID,"result":{},"result":{}}"#,
            502,
        ),
        (200, JSON, r#"{"jsonrpc":"2.0","id":$ID,"result":[]}"#, 502),
        (
            200,
            JSON,
            r#"[{"jsonrpc":"2.0","id":$ID,"result":{}}]"#,
            502,
        ),
        (200, JSON, &long, 502),
        (200, EVENTS, &long_event, 502),
        (200, EVENTS, "data: nonsense\n\n", 502),
        (
            200,
            EVENTS,
            "data: {\"jsonrpc\":\"2.0\",\"id\":999,\"result\":{}}\n\n",
            502,
        ),
        (200, "text/html", "<h1>hello</h1>", 502),
        (302, "text/html", "", 502),
        (401, JSON, "{}", 502),
        (403, "text/html", "", 502),
        (404, "text/html", "", 502),
        (429, "text/html", "", 503),
        (500, "text/html", "", 503),
        (503, JSON, "{}", 503),
    ];
    for (status, kind, body, code) in table {
        upstream.answer_instead(*status, kind, body);
        let reply = call(&gateway, r#"{"name":"raw__echo"}"#).await;
        let start: String = body.chars().take(60).collect();
        assert_eq!(reply.status, 200, "{status} {start}");
        assert_eq!(
            reply.json()["error"]["code"],
            *code,
            "{status} {kind} {start}"
        );
        assert_eq!(reply.json()["id"], "mine");
    }
    // None of that broke anything.
    upstream.answer_instead(
        200,
        JSON,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"ok":true}}"#,
    );
    let reply = call(&gateway, r#"{"name":"raw__echo"}"#).await;
    assert_eq!(reply.json()["result"], json!({ "ok": true }));
}

#[tokio::test]
async fn an_error_that_names_the_request_is_passed_on_whatever_the_status_but_for_those_of_the_connection()
 {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        let error = r#"{"code":-32000,"message":"no such account","data":{"n":1.0,"big":12345678901234567890}}"#;
        let own = format!(r#"{{"jsonrpc":"2.0","id":$ID,"error":{error}}}"#);
        let nobodys = own.replace("$ID", "null");
        let is_legacy = speaks == Speaks::Legacy;
        for (status, body, is_passed_on) in [
            (200, &own, true),
            (400, &own, true),
            (409, &own, true),
            (422, &own, true),
            (401, &own, !is_legacy),
            (403, &own, !is_legacy),
            (404, &own, !is_legacy),
            (429, &own, !is_legacy),
            (500, &own, false),
            (400, &nobodys, false),
            (422, &nobodys, false),
        ] {
            upstream.answer_instead(status, JSON, body);
            let reply = call(&gateway, r#"{"name":"raw__echo"}"#).await;
            let is_theirs = reply.text().contains(error);
            assert_eq!(
                is_theirs,
                is_passed_on,
                "{speaks:?} {status} {}",
                reply.text()
            );
        }
    }
}

#[tokio::test]
async fn one_that_hangs_costs_its_own_calls_a_deadline_and_the_others_nothing() {
    let (slow, good) = (
        RawUpstream::start(Speaks::Modern).await,
        RawUpstream::start(Speaks::Legacy).await,
    );
    let settings = UpstreamSettings {
        call_timeout_seconds: 5,
        max_concurrent_calls: 2,
        ..over_http("slow", &slow.url)
    };
    let gateway = start(vec![settings, over_http("good", &good.url)]).await;
    slow.hang();
    let hanging = || call(&gateway, r#"{"name":"slow__echo"}"#);
    let (first, second, third, other) = tokio::join!(
        hanging(),
        hanging(),
        hanging(),
        call(&gateway, r#"{"name":"good__echo"}"#),
    );
    assert_eq!(other.json()["result"], json!({ "content": [] }));
    let mut codes: Vec<_> = [first, second, third]
        .iter()
        .map(|reply| {
            let error = &reply.json()["error"];
            assert_eq!(error["data"]["retriable"], true, "{error}");
            error["code"].as_i64()
        })
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(503), Some(504), Some(504)]);
}

#[tokio::test]
async fn one_that_is_not_there_keeps_nobody_from_starting_or_working() {
    let good = RawUpstream::start(Speaks::Legacy).await;
    let gateway = super::TestGateway::builder()
        .settings(move |settings| {
            // Port 1 is nobody's.
            settings.upstream = vec![
                over_http("gone", "http://127.0.0.1:1/mcp"),
                over_http("good", &good.url),
            ];
        })
        .start()
        .await;
    super::until_listed(&gateway, "good__").await;
    let reply = call(&gateway, r#"{"name":"good__echo"}"#).await;
    assert_eq!(reply.json()["result"], json!({ "content": [] }));
    let reply = call(&gateway, r#"{"name":"gone__echo"}"#).await;
    assert_eq!(reply.json()["error"]["code"], -32602);
}

/// A call that has become a stream, because its upstream told of progress.
async fn streaming(gateway: &super::TestGateway, tool: &str) -> super::Reply {
    let call = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": {
        "name": tool, "_meta": { "progressToken": 1 },
    } });
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token(gateway))
        .header("accept", "application/json, text/event-stream")
        .json(&call);
    super::Reply::of(request).await
}

#[tokio::test]
async fn a_call_that_streams_ends_with_an_error_whatever_comes_instead_of_its_answer() {
    const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#;
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"a":"{}"}}}}"#,
        "x".repeat(50_000_000)
    );
    let many = PROGRESS.to_owned() + &format!("\n\ndata: {PROGRESS}").repeat(10_001);
    let bytes = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{}"}}}}"#,
        "x".repeat(4_000)
    );
    let bytes = bytes.clone() + &format!("\n\ndata: {bytes}").repeat(300);
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let patient = UpstreamSettings {
            max_message_bytes: 1024 * 1024,
            ..over_http("raw", &upstream.url)
        };
        let hasty = UpstreamSettings {
            name: "hasty".to_owned(),
            call_timeout_seconds: 1,
            ..patient.clone()
        };
        let gateway = start(vec![patient, hasty]).await;
        let mut calls = upstream.by_hand();
        for (said, code) in [
            (&*long, 502),
            (r#"{"jsonrpc":"2.0","id":$ID,"id":1,"result":{}}"#, 504),
            (
                r#"{"jsonrpc":"2.0","id":$ID,"result":{},"result":{"a":1}}"#,
                502,
            ),
            (r#"{"jsonrpc":"2.0","id":$ID,"result":[]}"#, 502),
            (&*many, 502),
            (&*bytes, 502),
            (": it hangs", 504),
        ] {
            let answer = async {
                let open = calls.recv().await.expect("a call");
                open.say(PROGRESS);
                open.say(said);
                open.closed().await;
            };
            // What is an error by itself gets the time that it takes on a busy machine.
            let tool = if code == 504 {
                "hasty__echo"
            } else {
                "raw__echo"
            };
            let (reply, ()) = tokio::join!(streaming(&gateway, tool), answer);
            let start: String = said.chars().take(60).collect();
            assert_eq!(reply.header("content-type"), Some("text/event-stream"));
            let last = reply
                .text()
                .lines()
                .rfind(|line| line.starts_with("data: "));
            let last = last
                .and_then(|line| line.strip_prefix("data: "))
                .expect("an end");
            let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
            assert_eq!(last["error"]["code"], code, "{speaks:?} {start}");
            assert_eq!(last["id"], "mine");
        }
        // None of that broke anything.
        let answer = async {
            let open = calls.recv().await.expect("a call");
            open.say(r#"{"jsonrpc":"2.0","id":$ID,"result":{"ok":true}}"#);
        };
        let (reply, ()) = tokio::join!(call(&gateway, r#"{"name":"raw__echo"}"#), answer);
        assert_eq!(reply.json()["result"], json!({ "ok": true }));
    }
}

#[tokio::test]
async fn a_caller_who_calls_and_calls_leaves_places_to_the_others() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let settings = UpstreamSettings {
        max_concurrent_calls: 4,
        ..over_http("raw", &upstream.url)
    };
    let gateway = start(vec![settings]).await;
    let mut calls = upstream.by_hand();
    let other = gateway.token().subject("other").scope("mcp:write").mint();
    let echo = || call(&gateway, r#"{"name":"raw__echo"}"#);
    let of_other = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "raw__echo" } });
    let answers = async {
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(calls.recv().await.expect("a call"));
        }
        let fourth = echo().await;
        assert_eq!(
            fourth.json()["error"]["code"],
            503,
            "three of four are its share"
        );
        let answer = async {
            let call = calls.recv().await.expect("a call");
            call.say(r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#);
        };
        let (reply, ()) = tokio::join!(gateway.call(&other, of_other), answer);
        assert_eq!(reply.json()["result"], json!({}));
        for call in open {
            call.say(r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#);
        }
    };
    let (one, two, three, ()) = tokio::join!(echo(), echo(), echo(), answers);
    for reply in [one, two, three] {
        assert_eq!(reply.json()["result"], json!({}));
    }
}
