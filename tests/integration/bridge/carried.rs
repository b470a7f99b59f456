//! Requests of a legacy upstream to the legacy client whose call it works on: the same era on both sides, so nothing is
//! bridged and every byte but the ids stays.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::elicitation::{ALL, Client, Stream};
use super::{PLAIN, both, call_modern};
use crate::gateway::{Reply, TestGateway};
use crate::raw_upstream::{OpenAnswer, RawUpstream, Speaks};
use crate::upstream::over_http;

const DONE: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"done":true}}"#;
const FORM: &str =
    r#""method":"elicitation/create","params":{"mode":"form", "message":"m","requestedSchema":{}}"#;
const ODD_FORM: &str = r#""method":"elicitation/create","params":{"mode":"form", "message":"m","requestedSchema":{"n":1.50,"\u0061":[1e400]}}"#;
const ADDRESS: &str = r#""method":"elicitation/create","params":{"url":"https://example.com","elicitationId":"e","mode":"url","message":"m"}"#;
const SAMPLING: &str = r#""method":"sampling/createMessage","params":{ "maxTokens":5.0,"x":{}}"#;
const ROOTS: &str = r#""method":"roots/list""#;

async fn by_hand() -> (RawUpstream, TestGateway, UnboundedReceiver<OpenAnswer>) {
    let (upstream, gateway) = both(Speaks::Legacy).await;
    let calls = upstream.by_hand();
    (upstream, gateway, calls)
}

/// A call of the client's that runs, and the upstream's end of it. It is a stream from the first question on.
async fn asked(
    client: &Client<'_>,
    calls: &mut UnboundedReceiver<OpenAnswer>,
    questions: &[&str],
) -> (Stream, OpenAnswer) {
    let ask = async {
        let open = calls.recv().await.expect("a call");
        for question in questions {
            open.say(&format!(r#"{{"jsonrpc":"2.0",{question}}}"#));
        }
        open
    };
    tokio::join!(client.stream(), ask)
}

/// Returns once the upstream has so many answers; the last one.
async fn until_answered(upstream: &RawUpstream, count: usize) -> String {
    let look = |upstream: &RawUpstream| {
        let answers = upstream.answers();
        answers
            .last()
            .filter(|_last| answers.len() >= count)
            .cloned()
    };
    upstream.until(&format!("{count} answers"), look).await
}

fn declared(upstream: &RawUpstream) -> Vec<Value> {
    let handshakes = upstream.requests().into_iter();
    let handshakes = handshakes.filter(|sent| sent.method == "initialize");
    let capabilities = |body: &str| {
        let sent: Value = serde_json::from_str(body).expect("JSON");
        sent["params"]["capabilities"].clone()
    };
    handshakes.map(|sent| capabilities(&sent.body)).collect()
}

/// The id and the rest of a request, as they were written.
fn parts(request: &str) -> (&str, &str) {
    let rest = request
        .strip_prefix(r#"{"jsonrpc":"2.0","id":"#)
        .expect("a request");
    let (id, rest) = rest.split_once(',').expect("more than an id");
    (id, rest.strip_suffix('}').expect("an object"))
}

#[tokio::test]
async fn questions_and_answers_keep_their_bytes_and_only_ids_change() {
    let (upstream, gateway, mut calls) = by_hand().await;
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    let mut count = 0;
    for (question, answer) in [
        (
            ODD_FORM,
            r#""result":{ "action":"accept","content":{"n":1.50,"b":1e400}}"#,
        ),
        (ADDRESS, r#""result":{"action":"decline"}"#),
        (
            SAMPLING,
            r#""result":{"content":{"type":"text","text":"\u0061"},"model":"x", "role":"assistant"}"#,
        ),
        (ROOTS, r#""result":{"roots":[ ]}"#),
        (
            SAMPLING,
            r#""error":{ "code":-1,"message":"no","data":{"n":1.50}}"#,
        ),
    ] {
        let id = r#""th\u0065irs""#;
        let put = format!(r#""id":{id},{question}"#);
        let (mut stream, open) = asked(&client, &mut calls, &[&put]).await;
        let request = stream.next_text().await;
        let (ours, rest) = parts(&request);
        assert_eq!(rest, question);
        assert!(ours.starts_with("\"usher-"), "{ours}");
        let reply = Reply::of(client.post(format!(r#"{{"jsonrpc":"2.0","id":{ours},{answer}}}"#)));
        assert_eq!(reply.await.status, 202);
        count += 1;
        assert_eq!(
            until_answered(&upstream, count).await,
            format!(r#"{{"jsonrpc":"2.0","id":{id},{answer}}}"#)
        );
        open.say(DONE);
        assert_eq!(stream.next().await["result"]["done"], true);
    }
    let requests = upstream.requests();
    let session_of = |method: &str| {
        let sent = requests.iter().rfind(|sent| sent.method == method);
        sent.expect("a request").headers["mcp-session-id"].clone()
    };
    assert_eq!(session_of(""), session_of("tools/call"));
}

#[tokio::test]
async fn an_upstream_is_told_what_the_client_of_each_session_can_be_asked() {
    let (upstream, gateway, mut calls) = by_hand().await;
    let none = json!({});
    assert_eq!(declared(&upstream).last(), Some(&none));
    let mut call = async |client: &Client<'_>| {
        let answer = async { calls.recv().await.expect("a call").say(DONE) };
        let (reply, ()) = tokio::join!(client.call(), answer);
        assert_eq!(reply.status, 200);
    };
    for (revision, capabilities, expected) in [
        ("2025-11-25", ALL, ALL),
        (
            "2025-11-25",
            r#"{"sampling":{"tools":{}}}"#,
            r#"{"sampling":{"tools":{}}}"#,
        ),
        (
            "2025-06-18",
            ALL,
            r#"{"elicitation":{"form":{}},"sampling":{},"roots":{}}"#,
        ),
        ("2025-03-26", ALL, r#"{"sampling":{},"roots":{}}"#),
        (
            "2025-11-25",
            r#"{"roots":{"listChanged":true},"tasks":{}}"#,
            r#"{"roots":{}}"#,
        ),
    ] {
        let client = Client::new(&gateway, revision, capabilities).await;
        call(&client).await;
        call(&client).await;
        let expected: Value = serde_json::from_str(expected).expect("JSON");
        assert_eq!(
            declared(&upstream).last(),
            Some(&expected),
            "{capabilities}"
        );
    }
    assert_eq!(
        declared(&upstream).len(),
        6,
        "one session for each client's"
    );
    // One for all sessions that can be asked nothing.
    for _ in 0..2 {
        let client = Client::new(&gateway, "2025-11-25", r#"{"tasks":{}}"#).await;
        call(&client).await;
    }
    assert_eq!(declared(&upstream).len(), 7);
    assert_eq!(declared(&upstream).last(), Some(&none));
}

#[tokio::test]
async fn a_client_is_asked_for_nothing_that_it_did_not_declare() {
    let (upstream, gateway, mut calls) = by_hand().await;
    let mut count = 0;
    for (capabilities, question, code) in [
        (r#"{"elicitation":{}}"#, SAMPLING, -32601),
        (r#"{"elicitation":{}}"#, ROOTS, -32601),
        (r#"{"elicitation":{}}"#, ADDRESS, -32602),
        (r#"{"elicitation":{"url":{}}}"#, FORM, -32602),
        (r#"{"roots":{}}"#, FORM, -32601),
        (
            ALL,
            r#""method":"elicitation/create","params":{"mode":"voice"}"#,
            -32602,
        ),
        (ALL, r#""method":"tasks/list""#, -32601),
        ("{}", FORM, -32601),
    ] {
        let client = Client::new(&gateway, "2025-11-25", capabilities).await;
        let answer = async {
            let open = calls.recv().await.expect("a call");
            open.say(&format!(r#"{{"jsonrpc":"2.0","id":7,{question}}}"#));
            count += 1;
            let answer = until_answered(&upstream, count).await;
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            assert_eq!(
                (&answer["id"], &answer["error"]["code"]),
                (&json!(7), &json!(code))
            );
            open.say(DONE);
        };
        let (reply, ()) = tokio::join!(client.call(), answer);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.json()["result"]["done"], true);
    }
}

#[tokio::test]
async fn a_modern_client_and_one_that_takes_no_stream_are_asked_nothing() {
    let (upstream, gateway, mut calls) = by_hand().await;
    let ask = async |calls: &mut UnboundedReceiver<OpenAnswer>, count: usize| {
        let open = calls.recv().await.expect("a call");
        open.say(&format!(r#"{{"jsonrpc":"2.0","id":7,{FORM}}}"#));
        let answer = until_answered(&upstream, count).await;
        open.say(DONE);
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["error"]["code"].clone()
    };
    let modern = super::Modern {
        capabilities: ALL,
        ..PLAIN
    };
    let (reply, code) = tokio::join!(call_modern(&gateway, modern), ask(&mut calls, 1));
    assert_eq!((reply.status, code), (200, json!(-32601)));
    assert_eq!(declared(&upstream).last(), Some(&json!({})));

    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    let only_json = Reply::of(client.call_taking("application/json"));
    let (reply, code) = tokio::join!(only_json, ask(&mut calls, 2));
    assert_eq!((reply.status, code), (200, json!(-32603)));
}

#[tokio::test]
async fn a_question_that_is_withdrawn_or_whose_call_ends_is_taken_back() {
    let (upstream, gateway, mut calls) = by_hand().await;
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    let (one, two) = (format!(r#""id":1,{FORM}"#), format!(r#""id":"two",{FORM}"#));
    let (mut stream, open) = asked(&client, &mut calls, &[&one, &two]).await;
    let (first, second) = (stream.next().await, stream.next().await);
    open.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{ "requestId" : 9}}"#);
    open.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{ "requestId" : 1,"reason":"\u0061","x":1.50}}"#);
    assert_eq!(
        stream.next_text().await,
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{ "requestId" : {},"reason":"\u0061","x":1.50}}}}"#,
            first["id"]
        )
    );
    let accepted = r#""result":{"action":"accept"}"#;
    assert_eq!(client.answer(&first["id"], accepted).await.status, 202);
    open.say(r#"{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"e"}}"#);
    assert_eq!(
        stream.next().await["method"],
        "notifications/elicitation/complete"
    );
    open.say(DONE);
    let taken_back = stream.next().await;
    assert_eq!(taken_back["method"], "notifications/cancelled");
    assert_eq!(taken_back["params"]["requestId"], second["id"]);
    assert_eq!(stream.next().await["result"]["done"], true);
    assert_eq!(client.answer(&second["id"], accepted).await.status, 202);
    assert_eq!(upstream.answers(), [""; 0], "nobody waits for them");
}

#[tokio::test]
async fn a_question_that_nobody_answers_is_answered_with_an_error_and_the_call_goes_on() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let raw = usher::upstream::UpstreamSettings {
        // Shorter than a person may take: while one is asked, the call's own deadline stands still.
        call_timeout_seconds: 4,
        max_call_seconds: 4,
        ..over_http("raw", &upstream.url)
    };
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.upstream = vec![raw];
            settings.mcp.question_timeout_seconds = 5;
        })
        .start()
        .await;
    crate::upstream::until_listed(&gateway, "raw__").await;
    let mut calls = upstream.by_hand();
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    let put = format!(r#""id":1,{FORM}"#);
    let (mut stream, open) = asked(&client, &mut calls, &[&put]).await;
    let question = stream.next().await;
    let taken_back = stream.next().await;
    assert_eq!(taken_back["method"], "notifications/cancelled");
    assert_eq!(taken_back["params"]["requestId"], question["id"]);
    let answer: Value = serde_json::from_str(&until_answered(&upstream, 1).await).expect("JSON");
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(1), &json!(-32603))
    );
    open.say(DONE);
    assert_eq!(stream.next().await["result"]["done"], true);
}

#[tokio::test]
async fn more_questions_at_once_than_a_client_can_bear_are_refused() {
    let (upstream, gateway, mut calls) = by_hand().await;
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    let questions: Vec<_> = (0..17).map(|id| format!(r#""id":{id},{FORM}"#)).collect();
    let questions: Vec<_> = questions.iter().map(String::as_str).collect();
    let (mut stream, open) = asked(&client, &mut calls, &questions).await;
    for _ in 0..16 {
        assert_eq!(stream.next().await["method"], "elicitation/create");
    }
    let refused: Value = serde_json::from_str(&until_answered(&upstream, 1).await).expect("JSON");
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(16), &json!(-32603))
    );
    open.say(DONE);
    for _ in 0..16 {
        assert_eq!(stream.next().await["method"], "notifications/cancelled");
    }
    assert_eq!(stream.next().await["result"]["done"], true);
}
