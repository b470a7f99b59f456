//! Upstreams that hang, flap, rest or are dead: what that does to their own calls, and that it does nothing to others.

use std::io::{BufRead, Write};
use std::path::Path;

use serde_json::{Value, json};
use usher::upstream::{StartSetting, UpstreamSettings};

use super::super::eventually::eventually;
use super::super::gateway::TestGateway;
use super::stdio::child;
use super::{RawUpstream, Speaks, call, over_http, start, until_listed, until_result};

/// An old server, which says nothing to what it does not know, and one thing to each call.
#[test]
#[ignore = "a child of the tests below"]
fn silent() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let message: Value = serde_json::from_str(&line).expect("JSON");
        let result = match message["method"].as_str() {
            Some("initialize") => {
                json!({ "protocolVersion": "2024-11-05", "capabilities": { "tools": {} }, "serverInfo": { "name": "silent", "version": "1" } })
            }
            Some("tools/list") => {
                json!({ "tools": [{ "name": "echo", "inputSchema": { "type": "object" } }] })
            }
            Some("tools/call") => json!({ "content": [], "process": std::process::id() }),
            _ => continue,
        };
        let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
        let mut out = std::io::stdout().lock();
        // On a line of its own, whatever the harness printed before.
        writeln!(out, "\n{answer}")
            .and_then(|()| out.flush())
            .expect("a reader");
    }
}

fn silent_child(name: &str) -> UpstreamSettings {
    let mut settings = child(name, "silent");
    if let Some(test) = settings.stdio.arguments.first_mut() {
        *test = "upstream::supervision::silent".to_owned();
    }
    settings
}

async fn called(gateway: &TestGateway, tool: &str) -> Value {
    call(gateway, &format!(r#"{{"name":"{tool}","arguments":{{}}}}"#))
        .await
        .json()
}

/// The processes that run in this folder.
fn running_in(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let folders =
        processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
    folders.filter(|cwd| *cwd == folder).count()
}

async fn deep(gateway: &TestGateway) -> Value {
    gateway.get("/healthz?deep=1").await.json()
}

#[tokio::test]
async fn one_that_hangs_and_one_that_flaps_change_nothing_for_the_one_that_is_fine() {
    let hanging = RawUpstream::start(Speaks::Modern).await;
    let fine = RawUpstream::start(Speaks::Legacy).await;
    let impatient = UpstreamSettings {
        call_timeout_seconds: 5,
        max_concurrent_calls: 4,
        max_concurrent_calls_per_caller: Some(4),
        ..over_http("hanging", &hanging.url)
    };
    let all = vec![
        impatient,
        child("flapping", "raw"),
        over_http("fine", &fine.url),
    ];
    let gateway = start(all).await;
    hanging.hang();
    let bad = async {
        let hang = (0..8).map(|_| called(&gateway, "hanging__echo"));
        let flap = (0..8).map(|_| called(&gateway, "flapping__die"));
        tokio::join!(
            futures_util::future::join_all(hang),
            futures_util::future::join_all(flap)
        )
    };
    let good = async {
        let mut answers = Vec::new();
        for _ in 0..50 {
            answers.push(called(&gateway, "fine__echo").await);
        }
        answers
    };
    let ((hung, flapped), answers) = tokio::join!(bad, good);
    for answer in answers {
        assert_eq!(answer["result"], json!({ "content": [] }), "{answer}");
    }
    for answer in hung.iter().chain(&flapped) {
        assert_eq!(answer["error"]["data"]["retriable"], true, "{answer}");
    }
    let busy = hung.iter().filter(|answer| answer["error"]["code"] == 503);
    assert_eq!(busy.count(), 4, "beyond its own limit: {hung:?}");
}

#[tokio::test]
async fn one_that_comes_up_between_two_questions_is_not_taken_for_an_old_one() {
    let revision_of = async |speaks| {
        let upstream = RawUpstream::start(speaks).await;
        upstream.is_old_too();
        upstream.is_starting();
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        until_listed(&gateway, "raw").await;
        let answer = called(&gateway, "raw__echo").await;
        assert_eq!(answer["result"], json!({ "content": [] }), "{answer}");
        let revision = upstream.last_call().headers["mcp-protocol-version"].clone();
        revision.to_str().expect("text").to_owned()
    };
    assert_eq!(revision_of(Speaks::Modern).await, "2026-07-28");
    assert_eq!(revision_of(Speaks::Legacy).await, "2025-11-25");
}

#[tokio::test]
async fn calls_to_one_that_never_answers_fail_at_once_after_a_while() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let fine = RawUpstream::start(Speaks::Modern).await;
    let settings = UpstreamSettings {
        call_timeout_seconds: 1,
        breaker_failures: 2,
        breaker_seconds: 3_600,
        ..over_http("raw", &upstream.url)
    };
    let gateway = start(vec![settings, over_http("fine", &fine.url)]).await;
    upstream.hang();
    for _ in 0..2 {
        assert_eq!(called(&gateway, "raw__echo").await["error"]["code"], 504);
    }
    let kept_back = called(&gateway, "raw__echo").await;
    let seconds = &kept_back["error"]["data"]["retryAfterSeconds"];
    let in_an_hour = 3_000..=3_600;
    assert!(
        seconds
            .as_u64()
            .is_some_and(|seconds| in_an_hour.contains(&seconds)),
        "{kept_back}"
    );
    assert_eq!(
        kept_back["error"],
        json!({
            "code": 503,
            "message": format!("the tool's server failed several times in a row; try again in {seconds} s"),
            "data": { "retriable": true, "retryAfterSeconds": seconds },
        })
    );
    let calls = || {
        upstream
            .requests()
            .into_iter()
            .filter(|sent| sent.method == "tools/call")
    };
    assert_eq!(calls().count(), 2, "the third was not tried");
    assert!(called(&gateway, "fine__echo").await["result"].is_object());
    let health = deep(&gateway).await;
    assert_eq!(health["upstreams"]["openBreakers"], 1, "{health}");
    assert_eq!(health["status"], "degraded");
}

#[tokio::test]
async fn one_call_finds_out_when_an_upstream_that_failed_is_back() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let settings = UpstreamSettings {
        call_timeout_seconds: 1,
        breaker_failures: 1,
        breaker_seconds: 1,
        ..over_http("raw", &upstream.url)
    };
    let gateway = start(vec![settings]).await;
    upstream.hang();
    assert_eq!(called(&gateway, "raw__echo").await["error"]["code"], 504);
    let opened = deep(&gateway).await;
    assert_eq!(opened["upstreams"]["openBreakers"], 1, "{opened}");
    upstream.recover();
    until_result(&gateway, "raw__echo", &[503, 504]).await;
    assert_eq!(deep(&gateway).await["upstreams"]["openBreakers"], 0);
}

#[tokio::test]
async fn health_counts_upstreams_without_their_names_and_a_dead_one_does_not_end_readiness() {
    let fine = RawUpstream::start(Speaks::Modern).await;
    let upstreams = vec![
        over_http("fine", &fine.url),
        over_http("nobody", "http://127.0.0.1:1/mcp"),
    ];
    let gateway = TestGateway::builder()
        .settings(|settings| settings.upstream = upstreams)
        .start()
        .await;
    gateway
        .until("/healthz?deep=1", |reply| {
            let all = &reply.json()["upstreams"];
            all["connected"] == 1 && all["down"] == 1
        })
        .await;
    let health = gateway.get("/healthz?deep=1").await;
    assert_eq!(
        health.json()["upstreams"],
        json!({
            "configured": 2, "connected": 1, "connecting": 0, "down": 1, "idle": 0,
            "openBreakers": 0, "tools": 1, "quarantinedTools": 0, "leftOut": 0,
        })
    );
    assert_eq!(health.json()["status"], "degraded");
    assert!(!health.text().contains("nobody"), "{}", health.text());
    assert_eq!(gateway.get("/readyz").await.status, 200);
    let url = format!("{}/metrics", gateway.admin_url);
    let metrics = super::Reply::of(gateway.http_client.get(url)).await;
    for line in [
        "usher_upstream_connected{upstream=\"fine\"} 1",
        "usher_upstream_connected{upstream=\"nobody\"} 0",
        "usher_upstream_tools{upstream=\"fine\"} 1",
        "usher_upstream_attempts_total{upstream=\"nobody\",outcome=\"upstream_unavailable\"}",
    ] {
        assert!(
            metrics.text().contains(line),
            "{line} is not in\n{}",
            metrics.text()
        );
    }
}

#[tokio::test]
async fn a_silent_old_server_costs_the_probe_and_not_the_whole_time_to_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = UpstreamSettings {
        start_timeout_seconds: 300,
        probe_timeout_seconds: 1,
        ..silent_child("old")
    };
    settings.stdio.working_dir = Some(folder.path().to_owned());
    let gateway = start(vec![settings]).await;
    assert!(called(&gateway, "old__echo").await["result"].is_object());
    let once = usize::from(cfg!(target_os = "linux"));
    assert_eq!(
        running_in(folder.path()),
        once,
        "the same process was asked both ways"
    );
}

#[tokio::test]
async fn a_process_on_demand_rests_when_nobody_calls_it_and_the_next_call_starts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = UpstreamSettings {
        probe_timeout_seconds: 1,
        ..silent_child("old")
    };
    settings.stdio.working_dir = Some(folder.path().to_owned());
    settings.stdio.start = StartSetting::OnDemand;
    settings.stdio.idle_seconds = 1;
    let gateway = start(vec![settings]).await;
    let first = until_result(&gateway, "old__echo", &[]).await;
    let is_idle = |reply: &super::Reply| reply.json()["upstreams"]["idle"] == 1;
    gateway.until("/healthz?deep=1", is_idle).await;
    assert_eq!(deep(&gateway).await["status"], "ok");
    until_gone(folder.path()).await;
    until_listed(&gateway, "old__echo").await;
    let again = until_result(&gateway, "old__echo", &[]).await;
    assert_ne!(again["process"], first["process"]);
    gateway.until("/healthz?deep=1", is_idle).await;
}

async fn until_gone(folder: &Path) {
    let look = async || (running_in(folder) == 0).then_some(());
    eventually("its process ends", look).await;
}

/// The server behind a wrapper as `npx` is one, which starts something else as well.
fn wrapped(script: &str, folder: &Path) -> UpstreamSettings {
    let mut settings = child("raw", "raw");
    let program = settings.stdio.command.replace("/bin/sh".to_owned());
    let mut arguments = vec!["-c".to_owned(), script.to_owned()];
    arguments.extend(program);
    arguments.append(&mut settings.stdio.arguments);
    settings.stdio.arguments = arguments;
    settings.stdio.working_dir = Some(folder.to_owned());
    settings
}

#[tokio::test]
async fn a_stop_leaves_nothing_behind_of_what_a_wrapper_started() {
    let table = [
        // Beside the server, with its pipes open.
        r#"sleep 1000 & exec "$0" "$@""#,
        // The same, and it does not listen to TERM.
        r#"(trap '' TERM; while :; do sleep 1; done) & exec "$0" "$@""#,
        // The server is the child of the wrapper.
        r#""$0" "$@"; true"#,
    ];
    for script in table {
        let folder = tempfile::tempdir().expect("a folder");
        let gateway = start(vec![wrapped(script, folder.path())]).await;
        assert!(called(&gateway, "raw__echo").await["result"].is_object());
        gateway.stop().await;
        assert_eq!(running_in(folder.path()), 0, "{script}");
    }
}

#[tokio::test]
async fn a_server_that_dies_fails_its_calls_at_once_also_if_what_it_started_keeps_its_output_open()
{
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = start(vec![wrapped(
        r#"sleep 1000 & exec "$0" "$@""#,
        folder.path(),
    )])
    .await;
    let (hanging, dying) =
        tokio::join!(called(&gateway, "raw__hang"), called(&gateway, "raw__die"));
    for answer in [hanging, dying] {
        assert_eq!(answer["error"]["code"], 502, "{answer}");
    }
    until_result(&gateway, "raw__echo", &[503]).await;
}
