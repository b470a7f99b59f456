//! The command itself: exit codes, what programs read, and the report.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Notify;
use usher::doctor::show;

use super::{closed, healthy};
use crate::stranger::{Says, Stranger};

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .arg("doctor")
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// `usher doctor` with these arguments, in this folder and with nothing in its environment.
async fn doctor(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = command(folder, arguments);
    let run = tokio::task::spawn_blocking(move || command.output().expect("a program that runs"));
    run.await.expect("no panic")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn the_exit_code_tells_healthy_from_failing_from_not_carried_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let stranger = Stranger::start(healthy).await;
    let healthy = format!("{}/mcp", stranger.origin);
    let failing = closed().await.to_string();
    for (arguments, code) in [
        (&[healthy.as_str()][..], 0),
        (&[&failing], 1),
        (&[&healthy, "--as", "chatgpt"], 1),
        (&["mcp.example.com"], 1),
        (&[&healthy, "--ca-file", "missing.pem"], 2),
        (&[&healthy, "--token-file", "missing"], 2),
        (&[&healthy, "--as", "nobody"], 2),
        (&[&healthy, "--patience", "soon"], 2),
    ] {
        let output = doctor(folder.path(), arguments).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {out}{err}"
        );
        assert!(
            !out.contains('\u{1b}') && !err.contains('\u{1b}'),
            "no colours in a pipe"
        );
        assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    }
}

#[tokio::test]
async fn a_secret_in_what_was_typed_is_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    for typed in [
        "https://mcp.test/mcp?key=hush",
        "https://me:hush@mcp.test/mcp",
        "mcp.test?key=hush",
    ] {
        let output = doctor(folder.path(), &[typed]).await;
        assert_eq!(output.status.code(), Some(1), "{typed}");
        let shown = [output.stdout, output.stderr].concat();
        assert!(!text(&shown).contains("hush"), "{}", text(&shown));
    }
}

#[tokio::test]
async fn programs_read_one_object_with_the_first_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = doctor(
        folder.path(),
        &[closed().await.as_str(), "--json", "--as", "cursor"],
    )
    .await;
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read["verdict"], "failure");
    assert_eq!(read["first_cause"], "address-connects");
    assert_eq!(
        read["clients"],
        serde_json::json!([{ "client": "cursor", "meets": "address-connects" }])
    );
    let findings = read["findings"].as_array().expect("a list");
    let schema: Value = serde_json::from_str(&show::json::json_schema()).expect("JSON");
    let described = schema["$defs"]["Found"]["properties"]
        .as_object()
        .expect("properties");
    for finding in findings {
        for name in finding.as_object().expect("an object").keys() {
            assert!(described.contains_key(name), "{name}");
        }
    }
}

#[test]
fn the_checked_in_schema_is_that_of_the_command() {
    let held = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/doctor.schema.json"
    ));
    assert!(
        held.is_ok_and(|held| held == show::json::json_schema()),
        "run: make docs"
    );
}

#[tokio::test]
async fn a_report_is_for_its_owner_alone_says_what_it_holds_and_replaces_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let url = closed().await.to_string();
    let output = doctor(folder.path(), &[&url, "--report", "report.txt"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(show::report::HOLDS));
    let path = folder.path().join("report.txt");
    let report = std::fs::read_to_string(&path).expect("a report");
    assert!(
        report.contains(show::report::HOLDS) && report.contains("address-connects"),
        "{report}"
    );
    let mode = std::fs::metadata(&path)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = doctor(folder.path(), &[&url, "--report", "report.txt"]).await;
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&path).expect("a report"), report);
}

/// A child that is ended with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn who_interrupts_it_leaves_no_client_and_no_report_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let waits = Arc::new(Notify::new());
    let tell = Arc::clone(&waits);
    let stranger = Stranger::start(move |asked| {
        let origin = &asked.origin;
        match (asked.method.as_str(), asked.path()) {
            ("POST", "/register") => Says::answer(
                201,
                "content-type: application/json\r\n",
                &format!(
                    r#"{{"client_id":"c1","redirect_uris":["http://localhost/"],"token_endpoint_auth_method":"none",
                    "registration_client_uri":"{origin}/register/c1","registration_access_token":"take-back"}}"#
                ),
            ),
            ("DELETE", "/register/c1") => Says::answer(204, "", ""),
            ("GET", "/authorize") => {
                tell.notify_one();
                Says::nothing()
            }
            _ => healthy(asked),
        }
    })
    .await;
    let url = format!("{}/mcp", stranger.origin);
    let arguments = [
        &url,
        "--as",
        "cursor",
        "--register",
        "--report",
        "report.txt",
    ];
    let mut command = command(folder.path(), &arguments);
    let mut running = Running(command.stderr(Stdio::piped()).spawn().expect("a child"));
    waits.notified().await;
    let pid = running.0.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let ended = tokio::task::spawn_blocking(move || {
        let mut told = String::new();
        let stderr = running.0.stderr.as_mut().expect("a pipe");
        std::io::Read::read_to_string(stderr, &mut told).expect("text");
        (running.0.wait().expect("an end").code(), told)
    });
    let (code, told) = ended.await.expect("no panic");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("interrupted; nothing is said"), "{told}");
    assert!(!told.contains("take-back"), "{told}");
    let deleted = stranger.asked().into_iter();
    let deleted = deleted.filter(|asked| asked.method == "DELETE");
    let by: Vec<_> = deleted
        .map(|asked| asked.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(by, [Some("Bearer take-back".to_owned())]);
    assert!(!folder.path().join("report.txt").exists());
}
