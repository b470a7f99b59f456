//! Upstreams over HTTP+SSE, the transport of 2024-11-05: good ones, and ones that do what no server should.

use serde_json::{Value, json};
use usher::upstream::UpstreamSettings;

use super::super::eventually::eventually;
use super::super::gateway::TestGateway;
use super::super::old_upstream::OldUpstream;
use super::{call, call_modern, start, until_listed, until_result};

const OWN: &str = "/messages?session=1";

fn over_sse(url: &str) -> UpstreamSettings {
    UpstreamSettings {
        name: "old".to_owned(),
        sse: Some(url.to_owned()),
        max_message_bytes: 1_000_000,
        ..UpstreamSettings::default()
    }
}

/// The answer, which is the end of a stream where a busy machine takes its time.
async fn called(gateway: &TestGateway, tool: &str) -> Value {
    let params = format!(r#"{{"name":"old__{tool}","arguments":{{"a":1.50}}}}"#);
    let reply = call(gateway, &params).await;
    let answer = reply.text().lines().rfind(|line| !line.is_empty());
    let answer = answer.unwrap_or_default().trim_start_matches("data: ");
    serde_json::from_str(answer).expect("JSON")
}

#[tokio::test]
async fn calls_go_by_post_and_answers_come_on_the_stream_byte_for_byte() {
    let upstream = OldUpstream::start(OWN).await;
    let gateway = start(vec![over_sse(&upstream.url)]).await;
    // Many side by side, each with its own answer.
    let calls = (0..40).map(|_| call(&gateway, r#"{"name":"old__echo","arguments":{}}"#));
    for reply in futures_util::future::join_all(calls).await {
        assert_eq!(
            reply.text(),
            r#"{"jsonrpc":"2.0","id":"mine","result":{ "n":1.50}}"#
        );
    }
    let modern = call_modern(&gateway, "old__echo", r#""arguments":{}"#).await;
    assert_eq!(
        modern.json()["result"]["resultType"],
        "complete",
        "{}",
        modern.text()
    );
    assert_eq!(upstream.streams(), 1);
    for (headers, message) in upstream.sent() {
        assert!(!headers.contains_key("authorization"), "{message}");
        assert_ne!(
            message["method"], "server/discover",
            "it is older than that"
        );
    }
}

#[tokio::test]
async fn a_refused_message_fails_its_own_call_and_no_other() {
    let upstream = OldUpstream::start(OWN).await;
    let gateway = start(vec![over_sse(&upstream.url)]).await;
    let (refused, echoed) = tokio::join!(called(&gateway, "refuse"), called(&gateway, "echo"));
    assert_eq!(refused["error"]["code"], 502, "{refused}");
    assert!(echoed["result"].is_object(), "{echoed}");
    assert_eq!(upstream.streams(), 1);
}

#[tokio::test]
async fn a_stream_that_ends_or_floods_fails_its_calls_at_once_and_is_opened_again() {
    let upstream = OldUpstream::start(OWN).await;
    let gateway = start(vec![over_sse(&upstream.url)]).await;
    let end = async {
        while !upstream
            .sent()
            .iter()
            .any(|(_, message)| message["params"]["name"] == "hang")
        {
            tokio::task::yield_now().await;
        }
        upstream.end();
    };
    let (hanging, ()) = tokio::join!(called(&gateway, "hang"), end);
    assert_eq!(hanging["error"]["code"], 502, "{hanging}");
    assert_eq!(hanging["error"]["data"]["retriable"], true);
    until_result(&gateway, "old__echo", &[503]).await;
    let flooded = called(&gateway, "flood").await;
    assert_eq!(flooded["error"]["code"], 502, "{flooded}");
    until_result(&gateway, "old__echo", &[503]).await;
    assert!(upstream.streams() >= 3);
}

#[tokio::test]
async fn what_comes_in_place_of_an_answer_is_an_error_in_time_and_floods_are_passed_over() {
    let upstream = OldUpstream::start(OWN).await;
    let impatient = UpstreamSettings {
        call_timeout_seconds: 1,
        name: "hasty".to_owned(),
        breaker_failures: 0,
        ..over_sse(&upstream.url)
    };
    let hasty = start(vec![impatient]).await;
    for tool in ["hang", "silent", "half"] {
        let params = format!(r#"{{"name":"hasty__{tool}"}}"#);
        let error = call(&hasty, &params).await.json()["error"].clone();
        assert_eq!(error["code"], 504, "{tool} {error}");
    }
    until_result(&hasty, "hasty__echo", &[504]).await;

    let upstream = OldUpstream::start(OWN).await;
    let gateway = start(vec![over_sse(&upstream.url)]).await;
    for (tool, code) in [
        ("twice", 502),
        ("stray", 0),
        ("requests", 0),
        ("comments", 0),
        ("empty", 0),
    ] {
        let answer = called(&gateway, tool).await;
        match code {
            0 => assert!(answer["result"].is_object(), "{tool} {answer}"),
            code => assert_eq!(answer["error"]["code"], code, "{tool} {answer}"),
        }
        assert!(called(&gateway, "echo").await["result"].is_object());
    }
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "old__progress", "_meta": { "progressToken": 1 },
    } });
    let reply = gateway.call(&super::token(&gateway), request).await;
    assert!(
        reply.text().contains(r#""error":{"code":502,"#),
        "{}",
        reply.text().len()
    );
    assert!(called(&gateway, "echo").await["result"].is_object());
    assert_eq!(
        upstream.streams(),
        1,
        "none of that was worth another stream"
    );
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_off_the_streams_own_origin() {
    let victim = OldUpstream::start(OWN).await;
    let elsewhere = victim.url.replace("/sse", OWN);
    let evil = OldUpstream::start(&elsewhere).await;
    let good = OldUpstream::start(OWN).await;
    let named = |name: &str, upstream: &OldUpstream| UpstreamSettings {
        name: name.to_owned(),
        ..over_sse(&upstream.url)
    };
    let upstreams = vec![named("evil", &evil), named("old", &good)];
    let gateway = TestGateway::builder()
        .settings(|settings| settings.upstream = upstreams)
        .start()
        .await;
    until_listed(&gateway, "old__echo").await;
    let is_down = |reply: &super::Reply| reply.json()["upstreams"]["down"] == 1;
    gateway.until("/healthz?deep=1", is_down).await;
    assert!(evil.streams() > 0);
    assert_eq!(victim.sent().len(), 0);
    assert_eq!(evil.sent().len(), 0);
}

#[tokio::test]
async fn something_that_is_no_event_stream_is_no_upstream_over_it() {
    let newer = super::RawUpstream::start(super::Speaks::Modern).await;
    let settings = UpstreamSettings {
        start_timeout_seconds: 1,
        ..over_sse(&newer.url)
    };
    let gateway = TestGateway::builder()
        .settings(|all| all.upstream = vec![settings])
        .start()
        .await;
    let is_down = |reply: &super::Reply| reply.json()["upstreams"]["down"] == 1;
    gateway.until("/healthz?deep=1", is_down).await;
}

#[tokio::test]
async fn a_stream_that_says_nothing_any_more_is_given_up_at_the_next_look() {
    let upstream = OldUpstream::start(OWN).await;
    let settings = UpstreamSettings {
        refresh_seconds: 1,
        start_timeout_seconds: 1,
        ..over_sse(&upstream.url)
    };
    let gateway = start(vec![settings]).await;
    let before = upstream.streams();
    upstream.mute();
    let look = async || (upstream.streams() > before).then_some(());
    eventually("another stream", look).await;
    // It may be called on the one that is given up, and with a second for a look another one may go the same way.
    until_result(&gateway, "old__echo", &[502, 503]).await;
}
