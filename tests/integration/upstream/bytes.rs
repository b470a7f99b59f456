//! The law of forwarding: whatever JSON a call, a notification or a result is made of, the same bytes come out on the
//! other side. Only the id, the name, the progress token and the protocol's own metadata change.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::any_json::{json, space};
use super::super::gateway::{Reply, TestGateway};
use super::super::raw_upstream::{OpenAnswer, RawUpstream, Speaks};
use super::{MODERN, over_http, start, stdio, token};

/// The members of an object, as `"key":value` each, in some order, no key twice.
fn members(prefix: &'static str) -> impl Strategy<Value = Vec<String>> {
    let values = prop::collection::vec(json(), 0..5);
    values.prop_map(move |values| {
        let member = |(n, value): (usize, String)| format!("\"{prefix}{n}\":{value}");
        values.into_iter().enumerate().map(member).collect()
    })
}

/// What one round is made of.
#[derive(Clone, Debug)]
struct Round {
    params: Vec<String>,
    arguments: String,
    meta: Vec<String>,
    progress: Vec<String>,
    result: Vec<String>,
}

fn round() -> impl Strategy<Value = Round> {
    let arguments = (members("a"), space());
    let arguments =
        arguments.prop_map(|(members, space)| format!("{{{space}{}}}", members.join(",")));
    let parts = (
        members("x-"),
        arguments,
        members("com.example/"),
        members("p"),
        members("r"),
    );
    parts.prop_map(|(params, arguments, meta, progress, result)| Round {
        params,
        arguments,
        meta,
        progress,
        result,
    })
}

fn rounds(count: usize) -> Vec<Round> {
    let mut runner = TestRunner::deterministic();
    let one = |_n| round().new_tree(&mut runner).expect("a round").current();
    (0..count).map(one).collect()
}

fn on_one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

fn object(members: &[String]) -> String {
    format!("{{{}}}", members.join(","))
}

/// A call with all of it, in which the name stands in the middle.
fn call(
    gateway: &TestGateway,
    client: Speaks,
    tool: &str,
    round: &Round,
) -> reqwest::RequestBuilder {
    let mut meta = round.meta.clone();
    meta.push(r#""progressToken":"mine too""#.to_owned());
    if client == Speaks::Modern {
        meta.push(format!(
            r#""io.modelcontextprotocol/protocolVersion":"{MODERN}""#
        ));
        meta.push(r#""io.modelcontextprotocol/clientCapabilities":{}"#.to_owned());
    }
    let mut params = round.params.clone();
    params.push(format!(r#""name":"raw__{tool}""#));
    params.push(format!(r#""arguments":{}"#, round.arguments));
    params.push(format!(r#""_meta":{}"#, object(&meta)));
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token(gateway))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(format!(
            r#"{{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{}}}"#,
            object(&params)
        ));
    match client {
        Speaks::Legacy => request,
        Speaks::Modern => request
            .header("mcp-protocol-version", MODERN)
            .header("mcp-method", "tools/call")
            .header("mcp-name", format!("raw__{tool}")),
    }
}

#[derive(Deserialize)]
struct Sent<'a> {
    id: u64,
    #[serde(borrow)]
    params: &'a RawValue,
}

/// What the upstream was sent holds every byte of the parameters and of the metadata that is not the protocol's own.
fn check_request(sent: &str, tool: &str, round: &Round, to: Speaks) {
    let Sent { id, params } = serde_json::from_str(sent).expect("a request");
    let mut expected = round.params.clone();
    expected.push(format!(r#""name":"{tool}""#));
    expected.push(format!(r#""arguments":{}"#, round.arguments));
    let mut meta = round.meta.clone();
    meta.push(format!(r#""progressToken":{id}"#));
    let meta = meta.join(",");
    let start = format!(r#"{{{},"_meta":{{{meta}"#, expected.join(","));
    let start = on_one_line(&start);
    let rest = params.get().strip_prefix(&start);
    let rest = rest.unwrap_or_else(|| unreachable!("{} does not begin with {start}", params.get()));
    match to {
        Speaks::Legacy => assert_eq!(rest, "}}"),
        Speaks::Modern => {
            assert!(rest.starts_with(r#","io.modelcontextprotocol/protocolVersion":"#))
        }
    }
}

fn notification(progress: &[String], token: &str) -> String {
    let mut params = progress.to_vec();
    params.push(format!(r#""progressToken": {token}"#));
    let params = object(&params);
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#)
}

fn result_for(client: Speaks, upstream: Speaks, members: &[String]) -> String {
    let mut all = members.to_vec();
    if (client, upstream) == (Speaks::Modern, Speaks::Legacy) {
        all.insert(0, r#""resultType":"complete""#.to_owned());
    }
    format!(
        r#"{{"jsonrpc":"2.0","id":"mine","result":{}}}"#,
        object(&all)
    )
}

fn events(reply: &Reply) -> Vec<&str> {
    let lines = reply.text().lines();
    lines
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}

#[tokio::test]
async fn over_http_the_same_bytes_come_out_on_both_sides() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        let mut calls = upstream.by_hand();
        for client in [Speaks::Legacy, Speaks::Modern] {
            for round in rounds(40) {
                let answer = async {
                    let open: OpenAnswer = calls.recv().await.expect("a call");
                    // An event's data is one line.
                    open.say(&on_one_line(&notification(&round.progress, "$ID")));
                    let result = object(&round.result);
                    open.say(&on_one_line(&format!(
                        r#"{{"jsonrpc":"2.0","id":$ID,"result":{result}}}"#
                    )));
                };
                let request = Reply::of(call(&gateway, client, "echo", &round));
                let (reply, ()) = tokio::join!(request, answer);
                let expected = [
                    notification(&round.progress, r#""mine too""#),
                    result_for(client, speaks, &round.result),
                ];
                assert_eq!(events(&reply), expected.map(|event| on_one_line(&event)));
                check_request(&upstream.last_call().body, "echo", &round, speaks);
            }
        }
    }
}

#[tokio::test]
async fn plain_json_answers_keep_even_their_line_breaks() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    for round in rounds(40) {
        upstream.answer(&format!(r#""result":{}"#, object(&round.result)));
        let reply = Reply::of(call(&gateway, Speaks::Modern, "echo", &round)).await;
        let expected = result_for(Speaks::Modern, Speaks::Modern, &round.result);
        assert_eq!(reply.text(), expected);
    }
}

/// What is big is not copied on its way; a small part of it that looks like a question has to be looked at all the same.
#[tokio::test]
async fn a_big_result_is_the_same_bytes_for_either_client_of_either_upstream() {
    let filling = " lemon \\u00e9 \\\" 世".repeat(20_000);
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        for client in [Speaks::Legacy, Speaks::Modern] {
            for word in ["cake", "input_required"] {
                let mut round = rounds(1).remove(0);
                round.result = vec![
                    format!(r#""big" :{{"{word}": "{filling}"}}"#),
                    r#""n": 1.50 "#.to_owned(),
                ];
                upstream.answer(&format!(r#""result":{}"#, object(&round.result)));
                let reply = Reply::of(call(&gateway, client, "echo", &round)).await;
                let expected = result_for(client, speaks, &round.result);
                assert!(reply.text() == expected, "{speaks:?} {client:?} {word}");
            }
        }
    }
}

#[tokio::test]
async fn over_standard_input_and_output_the_same_bytes_come_out_on_both_sides() {
    let gateway = start(vec![stdio::child("raw", "raw")]).await;
    for client in [Speaks::Legacy, Speaks::Modern] {
        for round in rounds(40) {
            let reply = Reply::of(call(&gateway, client, "mirror", &round)).await;
            let reply = reply.text();
            // The child gives back the line that it read, as a string, and the arguments as they were written.
            let end = format!(r#","back":{}}}}}"#, on_one_line(&round.arguments));
            let head = reply.strip_suffix(&end);
            let head = head.unwrap_or_else(|| unreachable!("{reply} does not end with {end}"));
            let line = head.split_once(r#""line":"#).map(|(_, line)| line);
            let line: String = serde_json::from_str(line.expect("a line")).expect("a string");
            check_request(&line, "mirror", &round, Speaks::Legacy);
        }
    }
}
