//! Upstreams that are child processes: this very test binary, run again as one of the children below.

use std::io::{BufRead, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rmcp::ServiceExt;
use serde_json::{Value, json};
use usher::upstream::{EraSetting, StdioSettings, UpstreamSettings};

use super::super::gateway::{Reply, TestGateway};
use super::rmcp_server::{Echo, LEGACY, MODERN, answers_clients_of_both_eras};
use super::{call, start, until_listed, until_result};

/// This binary, running the ignored test `child` alone. What the harness prints besides is no message.
pub(super) fn child(name: &str, child: &str) -> UpstreamSettings {
    child_of("upstream::stdio", (name, child))
}

/// The same with a child of another module.
pub(in super::super) fn child_of(module: &str, (name, child): (&str, &str)) -> UpstreamSettings {
    let program = std::env::current_exe().expect("this binary");
    let arguments = [
        &format!("{module}::{child}"),
        "--exact",
        "--ignored",
        "--nocapture",
        "--test-threads=2",
    ];
    UpstreamSettings {
        name: name.to_owned(),
        stdio: StdioSettings {
            command: Some(program.display().to_string()),
            arguments: arguments.map(str::to_owned).to_vec(),
            ..StdioSettings::default()
        },
        ..UpstreamSettings::default()
    }
}

#[tokio::test]
#[ignore = "a child of the tests below"]
async fn sdk_legacy() {
    serve(Echo { versions: LEGACY }).await;
}

#[tokio::test]
#[ignore = "a child of the tests below"]
async fn sdk_modern() {
    serve(Echo { versions: MODERN }).await;
}

async fn serve(echo: Echo) {
    let pipe = |end: BorrowedFd<'_>| {
        let end = end.try_clone_to_owned().expect("a pipe");
        tokio::fs::File::from_std(end.into())
    };
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let transport = (pipe(input.as_fd()), pipe(output.as_fd()));
    if let Ok(running) = echo.serve(transport).await {
        drop(running.waiting().await);
    }
}

/// Lines that answer nothing.
fn junk(id: &Value) -> Vec<String> {
    [
        "not JSON",
        "{",
        "[]",
        r#"{"jsonrpc":"2.0","id":9999,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","params":{}}"#,
    ]
    .map(|line| line.replace("$ID", &id.to_string()))
    .to_vec()
}

/// What nobody asked for: 50 MB of it, or half a million where it is short.
fn pour(what: &str, id: &Value) {
    let piece = match what {
        "pour-answers" => "{\"jsonrpc\":\"2.0\",\"id\":999999,\"result\":{}}\n",
        "pour-error" | "pour-line" => &"x".repeat(1_000),
        "pour-errors" => "it says and says\n",
        "pour-junk" => "no message\n",
        "pour-lines" => "\n",
        "pour-progress" => {
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":$ID,\"progress\":1}}\n"
        }
        _ => "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n",
    };
    let piece = piece.replace("$ID", &id.to_string());
    let (many, most) = (piece.repeat(100), 50_000_000.min(500_000 * piece.len()));
    let mut out: Box<dyn Write> = match what {
        "pour-error" | "pour-errors" => Box::new(std::io::stderr().lock()),
        _ => Box::new(std::io::stdout().lock()),
    };
    for _ in 0..most / many.len() {
        // It may be ended meanwhile.
        let _ended = out.write_all(many.as_bytes());
    }
    let _ended = out.flush();
}

/// The message without its arguments, which may hold numbers that a tree has no place for.
fn shallow(line: &str) -> Value {
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(default)]
        id: Value,
        #[serde(default)]
        method: Value,
        #[serde(default)]
        params: Params,
    }
    #[derive(Default, serde::Deserialize)]
    struct Params {
        #[serde(default)]
        name: Value,
        #[serde(default, rename = "requestId")]
        request_id: Value,
        #[serde(default, rename = "_meta")]
        meta: Meta,
    }
    #[derive(Default, serde::Deserialize)]
    struct Meta {
        #[serde(default, rename = "progressToken")]
        token: Value,
    }
    let Message { id, method, params } = serde_json::from_str(line).expect("JSON");
    let Params {
        name,
        request_id,
        meta,
    } = params;
    json!({ "id": id, "method": method, "params": { "name": name, "requestId": request_id, "_meta": { "progressToken": meta.token } } })
}

/// A server whose tools do what no server should.
#[test]
#[ignore = "a child of the tests below"]
#[expect(clippy::too_many_lines, reason = "one arm per tool")]
fn raw() {
    let say = |line: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .expect("a reader");
    };
    let result = |id: &Value, result: &str| {
        say(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
        ))
    };
    let mut cancelled = Vec::new();
    say("");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let message: Value = shallow(&line);
        let id = &message["id"];
        match message["method"].as_str() {
            Some("initialize") => {
                eprintln!("hello from \u{1b}[31mthe child");
                result(
                    id,
                    r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"raw","version":"1"}}"#,
                );
            }
            Some("tools/list") => {
                let tools = [
                    "echo",
                    "junk",
                    "die",
                    "hang",
                    "cancelled",
                    "long",
                    "deaf",
                    "environment",
                    "progress",
                    "flood",
                    "mirror",
                    "half",
                    "twice",
                    "old",
                    "pour-answers",
                    "pour-error",
                    "pour-errors",
                    "pour-junk",
                    "pour-line",
                    "pour-lines",
                    "pour-progress",
                    "pour-requests",
                ];
                let tools: Vec<_> = tools
                    .iter()
                    .map(|name| json!({ "name": name, "inputSchema": { "type": "object" } }))
                    .collect();
                result(id, &json!({ "tools": tools }).to_string());
            }
            Some("notifications/cancelled") => {
                cancelled.push(message["params"]["requestId"].clone())
            }
            Some("tools/call") => match message["params"]["name"].as_str().expect("a name") {
                "junk" => {
                    junk(id).iter().for_each(|line| say(line));
                    result(id, r#"{"n":1.50}"#);
                }
                "die" => return,
                // Tells of progress of this call and of others, then answers.
                "progress" => {
                    let token = &message["params"]["_meta"]["progressToken"];
                    for (token, n) in [(token, "1.50"), (&json!(99_999), "9"), (token, "2e0")] {
                        say(&format!(
                            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{ "progressToken":{token}, "progress":{n}}}}}"#
                        ));
                    }
                    say(
                        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}}"#,
                    );
                    result(id, r#"{"n":1.50}"#);
                }
                // The line itself, and the arguments as they were written.
                "mirror" => {
                    #[derive(serde::Deserialize)]
                    struct Line<'a> {
                        #[serde(borrow)]
                        params: Params<'a>,
                    }
                    #[derive(serde::Deserialize)]
                    struct Params<'a> {
                        #[serde(borrow)]
                        arguments: &'a serde_json::value::RawValue,
                    }
                    let read: Line<'_> = serde_json::from_str(&line).expect("a call");
                    let back = read.params.arguments.get();
                    let line = Value::from(line.as_str());
                    result(id, &format!(r#"{{"line":{line},"back":{back}}}"#));
                }
                // More than anybody reads, and no answer.
                "flood" => {
                    let token = &message["params"]["_meta"]["progressToken"];
                    let padding = "x".repeat(1_000);
                    for n in 0..20_000 {
                        say(&format!(
                            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{n},"message":"{padding}"}}}}"#
                        ));
                    }
                }
                // Half an answer, and never the rest.
                "half" => {
                    let mut out = std::io::stdout().lock();
                    write!(out, "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{")
                        .and_then(|()| out.flush())
                        .expect("a reader");
                }
                tool if tool.starts_with("pour-") => {
                    pour(tool, id);
                    result(id, "{}");
                }
                "twice" => result(id, r#"{"n":1},"result":{"n":2}"#),
                "old" => say(&format!(r#"{{"id":{id},"result":{{}}}}"#)),
                "hang" => {}
                "cancelled" => result(id, &json!({ "cancelled": cancelled }).to_string()),
                "long" => result(id, &format!("{{\"a\":\"{}\"}}", "x".repeat(50_000_000))),
                "deaf" => std::thread::sleep(Duration::from_secs(3600)),
                "environment" => {
                    let variables: std::collections::BTreeMap<_, _> = std::env::vars().collect();
                    let folder = std::env::current_dir().expect("a folder");
                    result(
                        id,
                        &json!({ "variables": variables, "folder": folder }).to_string(),
                    );
                }
                _ => result(id, &format!(r#"{{ "sent":{} }}"#, message["params"])),
            },
            Some(_) if !id.is_null() => say(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no"}}}}"#
            )),
            _ => {}
        }
    }
}

async fn call_tool(gateway: &TestGateway, tool: &str) -> Value {
    call(
        gateway,
        &format!(r#"{{"name":"raw__{tool}","arguments":{{}}}}"#),
    )
    .await
    .json()
}

#[tokio::test]
async fn a_server_of_the_official_sdk_answers_clients_of_both_eras() {
    answers_clients_of_both_eras(child("sdk", "sdk_legacy")).await;
    answers_clients_of_both_eras(child("sdk", "sdk_modern")).await;
    let told = UpstreamSettings {
        era: EraSetting::Modern,
        ..child("sdk", "sdk_modern")
    };
    answers_clients_of_both_eras(told).await;
}

#[tokio::test]
async fn lines_that_are_no_messages_are_passed_over() {
    let gateway = start(vec![child("raw", "raw")]).await;
    let reply = call(&gateway, r#"{"name":"raw__junk"}"#).await;
    assert_eq!(
        reply.text(),
        r#"{"jsonrpc":"2.0","id":"mine","result":{"n":1.50}}"#
    );
}

#[tokio::test]
async fn an_answer_that_says_one_thing_twice_or_is_of_another_protocol_fails_its_call_at_once() {
    let gateway = start(vec![child("raw", "raw")]).await;
    for tool in ["twice", "old"] {
        let answer = call_tool(&gateway, tool).await;
        assert_eq!(answer["error"]["code"], 502, "{tool} {answer}");
        assert_eq!(answer["error"]["data"]["retriable"], false);
    }
    assert!(call_tool(&gateway, "echo").await["result"].is_object());
}

#[tokio::test]
async fn half_a_line_costs_its_call_a_deadline_and_the_next_answer_with_it() {
    let settings = UpstreamSettings {
        call_timeout_seconds: 1,
        ..child("raw", "raw")
    };
    let gateway = start(vec![settings]).await;
    assert_eq!(call_tool(&gateway, "half").await["error"]["code"], 504);
    // What it says next stands on the same line, and is lost with it; after that it is heard again.
    assert_eq!(call_tool(&gateway, "echo").await["error"]["code"], 504);
    until_result(&gateway, "raw__echo", &[504]).await;
}

#[tokio::test]
async fn a_child_that_dies_fails_its_calls_at_once_and_is_started_again() {
    let gateway = start(vec![child("raw", "raw")]).await;
    let (hanging, dying) = tokio::join!(call_tool(&gateway, "hang"), call_tool(&gateway, "die"));
    for answer in [hanging, dying] {
        assert_eq!(answer["error"]["code"], 502, "{answer}");
        assert_eq!(answer["error"]["data"]["retriable"], true);
    }
    // Its tools stay listed while it is away.
    until_listed(&gateway, "raw__echo").await;
    until_result(&gateway, "raw__echo", &[503]).await;
}

#[tokio::test]
async fn a_line_that_is_too_long_ends_the_child_and_not_this_server() {
    let settings = UpstreamSettings {
        max_message_bytes: 100_000,
        ..child("raw", "raw")
    };
    let gateway = start(vec![settings]).await;
    let answer = call_tool(&gateway, "long").await;
    assert_eq!(answer["error"]["code"], 502, "{answer}");
    until_result(&gateway, "raw__echo", &[503]).await;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_cancelled_at_the_child() {
    let settings = UpstreamSettings {
        call_timeout_seconds: 1,
        ..child("raw", "raw")
    };
    let gateway = start(vec![settings]).await;
    assert_eq!(call_tool(&gateway, "hang").await["error"]["code"], 504);
    let cancelled = until_result(&gateway, "raw__cancelled", &[504]).await;
    let ids = cancelled["cancelled"].as_array().expect("ids");
    assert!(!ids.is_empty(), "{cancelled}");
}

#[tokio::test]
async fn a_child_that_never_reads_costs_neither_memory_nor_the_others() {
    let settings = UpstreamSettings {
        call_timeout_seconds: 1,
        ..child("raw", "raw")
    };
    let other = UpstreamSettings {
        name: "other".to_owned(),
        ..child("raw", "raw")
    };
    let gateway = start(vec![settings, other]).await;
    let big = format!(
        r#"{{"name":"raw__echo","arguments":{{"a":"{}"}}}}"#,
        "x".repeat(200_000)
    );
    let deaf = call_tool(&gateway, "deaf");
    // More than a pipe holds, and more than waits for it.
    let calls = futures_util::future::join_all((0..80).map(|_| call(&gateway, &big)));
    let other = call(&gateway, r#"{"name":"other__echo"}"#);
    let (deaf, calls, other) = tokio::join!(deaf, calls, other);
    assert_eq!(deaf["error"]["code"], 504);
    let codes: Vec<_> = calls
        .iter()
        .map(|reply| reply.json()["error"]["code"].as_i64())
        .collect();
    assert!(
        codes
            .iter()
            .all(|code| [Some(503), Some(504)].contains(code)),
        "{codes:?}"
    );
    assert!(codes.contains(&Some(503)), "{codes:?}");
    assert!(other.json()["result"].is_object(), "{}", other.text());
}

#[tokio::test]
async fn a_child_gets_the_named_variables_and_secrets_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "correct horse\n").expect("a file");
    let mut settings = child("raw", "raw");
    settings.stdio.variables = Vec::new();
    settings.stdio.secret_files = vec![format!("SECRET={}", secret.display())];
    settings.stdio.working_dir = Some(folder.path().to_owned());
    let gateway = start(vec![settings]).await;
    let answer = call_tool(&gateway, "environment").await;
    assert_eq!(
        answer["result"]["variables"],
        json!({ "SECRET": "correct horse" })
    );
    let found = answer["result"]["folder"].as_str().expect("a folder");
    let wanted = folder.path().canonicalize().expect("a folder");
    assert_eq!(std::path::Path::new(found), wanted);
}

#[tokio::test]
async fn a_stop_ends_the_children_also_those_that_do_not_listen() {
    for tool in ["echo", "deaf"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = UpstreamSettings {
            call_timeout_seconds: 1,
            ..child("raw", "raw")
        };
        settings.stdio.working_dir = Some(folder.path().to_owned());
        let gateway = start(vec![settings]).await;
        call_tool(&gateway, tool).await;
        let of_this_test = || {
            let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            let folders =
                processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
            folders.filter(|cwd| *cwd == folder.path()).count()
        };
        assert_eq!(of_this_test(), usize::from(cfg!(target_os = "linux")));
        gateway.stop().await;
        assert_eq!(of_this_test(), 0, "{tool}");
    }
}

/// A call that asks for progress, on its way to an answer.
fn call_with_token(gateway: &TestGateway, tool: &str, token: &str) -> reqwest::RequestBuilder {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{{"name":"raw__{tool}","_meta":{{"progressToken":{token}}}}}}}"#
    );
    gateway
        .request("POST", "/mcp")
        .bearer_auth(super::token(gateway))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(body)
}

#[tokio::test]
async fn progress_finds_its_call_by_the_token_and_log_messages_find_nobody() {
    let gateway = start(vec![child("raw", "raw")]).await;
    let call = |token: &'static str| Reply::of(call_with_token(&gateway, "progress", token));
    let (one, other) = tokio::join!(call(r#""a\u0062""#), call("-7"));
    for (reply, token) in [(one, r#""a\u0062""#), (other, "-7")] {
        let lines = reply.text().lines();
        let events: Vec<_> = lines
            .filter_map(|line| line.strip_prefix("data: "))
            .collect();
        let progress = |n: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{ "progressToken":{token}, "progress":{n}}}}}"#
            )
        };
        let answer = r#"{"jsonrpc":"2.0","id":"mine","result":{"n":1.50}}"#.to_owned();
        assert_eq!(events, [progress("1.50"), progress("2e0"), answer]);
    }
}

#[tokio::test]
async fn a_child_that_floods_one_slow_reader_keeps_the_others_waiting_for_nothing() {
    let gateway = start(vec![child("raw", "raw")]).await;
    // It begins to read, and then stops.
    let request = call_with_token(&gateway, "flood", "1");
    let mut slow = request.send().await.expect("a stream");
    let first = slow.chunk().await.expect("bytes").expect("an event");
    assert!(first.starts_with(b"data: {"), "{first:?}");
    let other = call_tool(&gateway, "echo").await;
    assert!(other["result"].is_object(), "{other}");
    let rest = slow.text().await.expect("an end");
    assert!(rest.contains(r#""error":{"code":502,"#), "{}", rest.len());
}
