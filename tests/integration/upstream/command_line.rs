//! `usher upstream`: what it prints about upstreams, and how it ends.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::{RawUpstream, Speaks};

/// `usher upstream …` with these tables `[[upstream]]`, in a folder of its own.
async fn usher(folder: &Path, upstreams: &str, arguments: &[&str]) -> Output {
    let configuration = format!(
        "public_url = \"http://127.0.0.1:8080\"\nstate_dir = \"{}\"\n[[issuer]]\nissuer = \"http://127.0.0.1:9\"\n{upstreams}",
        folder.join("state").display()
    );
    std::fs::write(folder.join("usher.toml"), configuration).expect("a file");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .arg("upstream")
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(folder)
        .kill_on_drop(true);
    command.output().await.expect("a program that runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

const DEAD: &str = "[[upstream]]\nname = \"dead\"\nhttp = \"http://127.0.0.1:1/mcp?key=hunter2\"\n";
const NO_COMMAND: &str = "[[upstream]]\nname = \"gone\"\nstdio.command = \"no-such-program\"\nstdio.arguments = [\"--token=hunter2\"]\n";

#[tokio::test]
async fn lists_what_each_offers_and_why_one_cannot_be_reached() {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let upstreams = format!(
        "[[upstream]]\nname = \"raw\"\nhttp = \"{}\"\n{DEAD}{NO_COMMAND}",
        upstream.url
    );
    let output = usher(folder.path(), &upstreams, &["list"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    for expected in [
        "reachable     raw 1, legacy, 2025-11-25",
        "capabilities  logging, tools",
        "tools         1\n    raw__echo\n",
        "dead  http://127.0.0.1:1/mcp\n  not reachable initialize (legacy): no connection",
        "usher upstream probe dead",
        "gone  process no-such-program\n  not reachable",
        "its command cannot be started: No such file or directory",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    assert!(
        !text.contains("hunter2") && !text.contains('\u{1b}'),
        "{text}"
    );

    let output = usher(folder.path(), &upstreams, &["list", "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(!stdout(&output).contains("hunter2"));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let raw = &told["upstreams"][0];
    assert_eq!(raw["tools"], json!(["raw__echo"]));
    assert_eq!(raw["server"], json!({ "name": "raw", "version": "1" }));
    assert_eq!(
        (&raw["era"], &raw["reachable"]),
        (&json!("legacy"), &json!(true))
    );
    assert_eq!(told["upstreams"][1]["reachable"], false);
    assert_eq!(
        told["upstreams"][1]["steps"][1]["reason"],
        "upstream_unavailable"
    );
}

#[tokio::test]
async fn a_probe_says_step_by_step_what_was_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let upstreams = format!(
        "[[upstream]]\nname = \"raw\"\nhttp = \"{}\"\n{DEAD}",
        upstream.url
    );
    let output = usher(folder.path(), &upstreams, &["probe", "raw"]).await;
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for expected in [
        " s  server/discover (modern)  no (upstream_refused)",
        " s  initialize (legacy)       ok",
        " s  tools/list                ok, 1",
        "era           legacy, revision 2025-11-25",
        "it answered with a status that is no result: 400",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }

    let output = usher(folder.path(), &upstreams, &["probe", "dead"]).await;
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for expected in [
        "initialize (legacy)       FAILED (upstream_unavailable)",
        "expected      an answer to initialize (legacy) within 30 s from http://127.0.0.1:1/mcp",
        "found         no connection",
        "fix           see that it runs",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");

    let output = usher(folder.path(), &upstreams, &["probe", "other"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("there are raw, dead"),
        "{}",
        stderr(&output)
    );
}

/// A tool that reads, with these properties of its arguments.
fn reading(properties: &str) -> String {
    format!(
        r#"{{"name":"read","annotations":{{"readOnlyHint":true}},"inputSchema":{{"type":"object","properties":{properties}}}}}"#
    )
}

#[tokio::test]
async fn what_was_approved_is_compared_with_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = RawUpstream::start(Speaks::Modern).await;
    upstream.tools(&format!("[{}]", reading(r#"{"path":{"type":"string"}}"#)));
    let upstreams = format!(
        "[catalogue_lock]\nenabled = true\nfile = \"tools.lock.json\"\n[[upstream]]\nname = \"raw\"\nhttp = \"{}\"\n",
        upstream.url
    );
    let run = async |arguments: &'static [&'static str]| {
        usher(folder.path(), &upstreams, arguments).await
    };
    let output = run(&["diff"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("  read: new\n"),
        "{}",
        stdout(&output)
    );
    let lock = folder.path().join("tools.lock.json");
    assert!(!lock.exists(), "diff writes nothing");
    assert_eq!(run(&["approve"]).await.status.code(), Some(0));
    let approved = std::fs::read_to_string(&lock).expect("a lock");
    let output = run(&["diff", "raw"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));

    upstream.tools(&format!(
        r#"[{},{{"name":"new"}}]"#,
        reading(r#"{"path":{"type":"integer"},"force":{"type":"boolean"}}"#)
    ));
    let output = run(&["approve", "--dry-run"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "raw\n  new: new\n  read: changed\n    ! argument \"path\": type was \"string\", is \"integer\"\n    - argument \"force\" was added (optional)\n  \
         verdict: a client that froze the old list may not work any more (1 of 2 changes; marked `!` where described)\n\n\
         nothing was written; `usher upstream approve` approves all of this\n"
    );
    assert_eq!(std::fs::read_to_string(&lock).expect("a lock"), approved);
    assert_eq!(run(&["approve", "other"]).await.status.code(), Some(2));

    std::fs::write(&lock, "{}").expect("a file");
    let output = run(&["approve"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("is damaged"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test]
async fn an_upstream_that_is_down_keeps_what_was_approved() {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let raw = format!(
        "[[upstream]]\nname = \"raw\"\nhttp = \"{}\"\n",
        upstream.url
    );
    let output = usher(folder.path(), &raw, &["approve"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(
        stdout(&output).contains("the lock does not count"),
        "{}",
        stdout(&output)
    );
    let lock = folder.path().join("state/catalogue.lock.json");
    let approved = std::fs::read_to_string(&lock).expect("a lock");
    let down = raw.replace(&upstream.url, "http://127.0.0.1:1/mcp");
    let output = usher(folder.path(), &down, &["approve"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert_eq!(std::fs::read_to_string(&lock).expect("a lock"), approved);
}
