//! `usher upstream probe` shows an upstream what a server would.

use std::path::Path;

use serde_json::json;

use super::super::super::issuer::{Answer, TestIssuer};
use super::super::super::raw_upstream::{RawUpstream, Speaks};
use super::{Secrets, authorization, issuer};

/// What `usher upstream probe orders` prints, and how it ends.
async fn probe(
    folder: &Path,
    issuer: &TestIssuer,
    upstream: &RawUpstream,
) -> (Option<i32>, String) {
    let secrets = Secrets::new();
    let configuration = format!(
        "public_url = \"http://127.0.0.1:8080\"\n[[issuer]]\nissuer = {:?}\n[[upstream]]\nname = \"orders\"\nhttp = {:?}\n\
         [upstream.credential]\nkind = \"client_credentials\"\nclient_id = \"usher\"\nsecret_file = {:?}\n",
        issuer.issuer(),
        upstream.url,
        secrets.path(),
    );
    std::fs::write(folder.join("usher.toml"), configuration).expect("a file");
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(["upstream", "probe", "orders"])
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .kill_on_drop(true)
        .output()
        .await
        .expect("a program that runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let errors = String::from_utf8(output.stderr).expect("text");
    (output.status.code(), text + &errors)
}

#[tokio::test]
async fn a_look_asks_the_issuer_as_a_server_does_and_says_what_it_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let (issuer, upstream) = (issuer().await, RawUpstream::start(Speaks::Modern).await);
    let (code, text) = probe(folder.path(), &issuer, &upstream).await;
    assert_eq!(code, Some(0), "{text}");
    let shown = |headers| authorization(headers) == "Bearer exchanged-own-0";
    let requests = upstream.requests();
    assert!(!requests.is_empty() && requests.iter().all(|sent| shown(&sent.headers)));

    issuer.answer_tokens(|_form| {
        let body = json!({ "error": "invalid_client", "error_description": "bad secret" });
        Answer::Refused(401, body.to_string())
    });
    let (code, text) = probe(folder.path(), &issuer, &upstream).await;
    assert_eq!(code, Some(1), "{text}");
    for expected in [
        "FAILED (upstream_credential_misconfigured)",
        "invalid_client (401) \"bad secret\"",
        "see client_id, its secret file and client_authentication",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}
