//! The caller's token reaches no upstream: not in a header, the address, a body, the input or the environment of a process.

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use usher::upstream::{CredentialKind, CredentialSettings, StdioSettings, UpstreamSettings};

use super::super::super::raw_upstream::{RawUpstream, Speaks};
use super::{Secrets, asking, call_as, exchanges, issuer, shown, start, token_of};

/// Writes its environment and everything that it is sent into the file that `RECORD_TO` names.
#[test]
#[ignore = "a child of the test below"]
fn child() {
    let mut variables = std::env::vars_os();
    let Some((_, path)) = variables.find(|(name, _)| name == "RECORD_TO") else {
        return;
    };
    let mut record = std::fs::File::create(path).expect("a file");
    for (name, value) in std::env::vars_os() {
        writeln!(record, "{name:?}={value:?}").expect("a record");
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        writeln!(record, "{line}").expect("a record");
        record.flush().expect("a record");
        let message: Value = serde_json::from_str(&line).expect("JSON");
        let member = match message["method"].as_str() {
            Some("initialize") => {
                r#""result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"r","version":"1"}}"#
            }
            Some("tools/list") => {
                r#""result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#
            }
            Some("tools/call") => r#""result":{"content":[]}"#,
            _ if message["id"].is_null() => continue,
            _ => r#""error":{"code":-32601,"message":"no"}"#,
        };
        println!(r#"{{"jsonrpc":"2.0","id":{},{member}}}"#, message["id"]);
    }
}

fn process(record_to: &Path) -> UpstreamSettings {
    let program = std::env::current_exe().expect("this binary");
    let arguments = [
        "upstream::credentials::recording::child",
        "--exact",
        "--ignored",
        "--nocapture",
    ];
    UpstreamSettings {
        name: "process".to_owned(),
        stdio: StdioSettings {
            command: Some(program.display().to_string()),
            arguments: arguments.map(str::to_owned).to_vec(),
            secret_files: vec![format!("RECORD_TO={}", record_to.display())],
            ..StdioSettings::default()
        },
        ..UpstreamSettings::default()
    }
}

#[tokio::test]
async fn the_callers_token_reaches_no_upstream_whatever_it_is_shown() {
    let secrets = Secrets::new();
    let kinds = [
        ("nothing", CredentialSettings::default()),
        (
            "secret",
            CredentialSettings {
                kind: CredentialKind::Header,
                secret_file: Some(secrets.path()),
                ..CredentialSettings::default()
            },
        ),
        ("own", asking(CredentialKind::ClientCredentials, &secrets)),
        ("callers", asking(CredentialKind::TokenExchange, &secrets)),
    ];
    let (mut upstreams, mut settings) = (Vec::new(), Vec::new());
    for (name, credential) in kinds {
        for speaks in [Speaks::Legacy, Speaks::Modern] {
            let name = format!("{name}-{speaks:?}").to_lowercase();
            let upstream = RawUpstream::start(speaks).await;
            settings.push(shown(&name, &upstream.url, credential.clone()));
            upstreams.push((name, upstream));
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (record, path_file) = (folder.path().join("record"), folder.path().join("path"));
    std::fs::write(&path_file, record.display().to_string()).expect("a file");
    settings.push(process(&path_file));
    let gateway = start(issuer().await, settings).await;

    let token = token_of(&gateway, "alice");
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    for (name, _) in &upstreams {
        let reply = call_as(&gateway, &token, &format!("{name}__echo")).await;
        assert!(
            !reply.json()["result"].is_null(),
            "{name}: {}",
            reply.text()
        );
    }
    let reply = call_as(&gateway, &token, "process__echo").await;
    assert!(!reply.json()["result"].is_null(), "{}", reply.text());

    for (name, upstream) in &upstreams {
        let requests = upstream.requests();
        let calls = requests.iter().filter(|sent| sent.method == "tools/call");
        assert_eq!(calls.count(), 1, "{name}");
        for sent in requests {
            let all = format!("{} {:?} {}", sent.uri, sent.headers, sent.body);
            assert!(!all.contains(&signature), "{name}: {all}");
        }
    }
    let recorded = std::fs::read_to_string(&record).expect("a record");
    assert!(recorded.contains("tools/call") && recorded.contains("RECORD_TO"));
    assert!(!recorded.contains(&signature) && !recorded.contains("exchanged-"));
    // It did go to its own issuer, once per upstream that takes an exchanged one, and was found by the same search.
    let exchanged = exchanges(&gateway);
    assert_eq!(exchanged.len(), 2);
    assert!(
        exchanged
            .iter()
            .all(|form| format!("{form:?}").contains(&signature))
    );
    assert!(!gateway.access_log().contains(&signature));
}

#[tokio::test]
async fn no_redirect_is_followed_and_so_nothing_is_shown_elsewhere() {
    let secrets = Secrets::new();
    let elsewhere = RawUpstream::start(Speaks::Modern).await;
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let credential = asking(CredentialKind::TokenExchange, &secrets);
    let settings = vec![shown("orders", &upstream.url, credential)];
    let gateway = start(issuer().await, settings).await;
    let token = token_of(&gateway, "alice");
    for status in [301, 302, 303, 307, 308] {
        upstream.redirect(status, &elsewhere.url);
        let reply = call_as(&gateway, &token, "orders__echo").await;
        assert_eq!(reply.json()["error"]["code"], 502, "{}", reply.text());
    }
    // The token endpoint's redirects are not followed either.
    let (place, url) = (elsewhere.clone(), elsewhere.url.clone());
    gateway
        .issuer
        .answer_tokens(move |_form| super::Answer::Redirect(url.clone()));
    let other = token_of(&gateway, "bob");
    let reply = call_as(&gateway, &other, "orders__echo").await;
    assert_eq!(reply.json()["error"]["code"], 502, "{}", reply.text());
    assert_eq!(place.requests().len(), 0);
    assert_eq!(reply.json()["error"]["data"], json!({ "retriable": false }));
}
