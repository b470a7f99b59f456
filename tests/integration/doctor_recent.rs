//! `usher doctor --recent` as a child process beside a running server: what it says, and how it ends.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;
use usher::config::Settings;

use super::gateway::{Reply, TestGateway};

/// The output of `usher doctor --recent`, in an empty folder.
async fn recent(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(["doctor", "--recent"])
        .args(arguments)
        .env_clear()
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("a program that runs")
}

/// What it prints, with the breaks that keep it in 80 columns undone.
fn said(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn refuse(gateway: &TestGateway, user_agent: &str, times: usize) -> Reply {
    let token = gateway.issuer.token().audience("account").mint();
    let mut last = None;
    for _ in 0..times {
        let request = gateway.request("POST", "/mcp").bearer_auth(&token);
        last = Some(Reply::of(request.header("user-agent", user_agent)).await);
    }
    last.expect("one at least")
}

#[tokio::test]
async fn says_who_was_refused_how_often_why_and_what_to_change() {
    let gateway = TestGateway::start().await;
    let last = refuse(&gateway, "openai-mcp/1.0.0", 14).await;
    let output = recent(&["--admin", &gateway.admin_url]).await;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("check token-audience"), "{said}");
    assert!(
        said.contains("14 from ChatGPT: audience is `account`"),
        "{said}"
    );
    let resource = format!("{}/mcp", gateway.public_url);
    assert!(said.contains(&format!("expected {resource}")), "{said}");
    assert!(
        said.contains(last.header("x-request-id").expect("an id")),
        "{said}"
    );
    assert!(said.contains(" fix "), "{said}");
}

#[tokio::test]
async fn says_that_nobody_was_refused() {
    let gateway = TestGateway::start().await;
    let output = recent(&["--admin", &gateway.admin_url, "--verbose"]).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("nobody was refused since"));
}

#[tokio::test]
async fn a_stranger_writes_nothing_on_the_terminal() {
    let gateway = TestGateway::start().await;
    let nasty = "\u{1b}]0;owned\u{7}\u{202e}";
    let token = gateway
        .issuer
        .token()
        .audience(nasty)
        .client_id(nasty)
        .mint();
    let request = gateway.request("POST", "/mcp").bearer_auth(&token);
    assert_eq!(Reply::of(request).await.status, 401);
    let output = recent(&["--admin", &gateway.admin_url]).await;
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("owned"), "{text}");
    for harmful in ['\u{1b}', '\u{7}', '\u{202e}'] {
        assert!(!text.contains(harmful), "{text:?}");
    }
}

#[tokio::test]
async fn a_secret_is_read_from_the_file_that_is_named_and_from_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("a file");
        file.to_string_lossy().into_owned()
    };
    let right = write("right", "correct horse battery staple\n");
    let wrong = write("wrong", "correct horse battery stable\n");
    let file = Path::new(&right).to_owned();
    let change = move |settings: &mut Settings| settings.admin_secret_file = Some(file);
    let gateway = TestGateway::builder().settings(change).start().await;
    let admin = ["--admin", &gateway.admin_url];
    for (more, code, expected) in [
        (
            &["--admin-secret-file", right.as_str()][..],
            0,
            "0 failures",
        ),
        (
            &["--admin-secret-file", &wrong],
            2,
            "does not know this secret",
        ),
        (&[], 2, "none is at hand"),
    ] {
        let output = recent(&[&admin[..], more].concat()).await;
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected) || code == 0, "{said}");
        assert!(!said.contains("horse"), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_apart_and_ends_with_2() {
    let gateway = TestGateway::start().await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!("http://{}", unused.local_addr().expect("an address"));
    drop(unused);
    for (admin, expected) in [
        (nobody.as_str(), "the connection is refused"),
        (gateway.url.as_str(), "there is no record"),
        (gateway.issuer.issuer(), "status 404"),
    ] {
        let output = recent(&["--admin", admin]).await;
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("check admin-reachable"), "{said}");
    }
}

#[tokio::test]
async fn without_an_address_it_asks_the_server_of_the_configuration() {
    let gateway = TestGateway::start().await;
    refuse(&gateway, "Claude-User", 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("usher.toml");
    let admin = gateway.admin_url.trim_start_matches("http://");
    let text = format!(
        "public_url = {:?}\nadmin_listen = {admin:?}\n[[issuer]]\nissuer = {:?}\n[[collection]]\npath = {:?}\n",
        gateway.public_url,
        gateway.issuer.issuer(),
        folder.path(),
    );
    std::fs::write(&file, text).expect("a file");
    let output = recent(&["--config", &file.to_string_lossy()]).await;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said} {output:?}");
    assert!(
        said.contains("1 from Claude: audience is `account`"),
        "{said}"
    );
}
