//! An issuer behind TLS whose certificate an authority of the company signed (`[outbound] ca_files`).

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;

use super::gateway::TestGateway;
use super::issuer::TestIssuer;
use super::tls::{Authority, Certificate, Chain, Front};

const GOOD: Certificate = Certificate {
    name: "localhost",
    expired: false,
    chain: Chain::Whole,
};

/// An issuer that calls itself by its TLS front's address.
async fn issuer_behind(authority: &Authority, shown: Certificate) -> (TestIssuer, Front) {
    let issuer = TestIssuer::start().await;
    let front = authority.front(issuer.address(), shown).await;
    issuer.claim_issuer(&front.url());
    issuer.set_metadata("jwks_uri", json!(format!("{}/jwks", front.url())));
    (issuer, front)
}

#[tokio::test]
async fn an_issuer_with_a_certificate_of_the_companys_authority_is_trusted_where_that_is_named() {
    let authority = Authority::new();
    let (issuer, front) = issuer_behind(&authority, GOOD).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (ca_file, url) = (authority.file(folder.path()), front.url());
    let gateway = TestGateway::builder().issuer(issuer).settings({
        let url = url.clone();
        move |settings| {
            settings.outbound.ca_files = vec![ca_file];
            settings.issuer.first_mut().expect("the issuer").issuer = url;
        }
    });
    let gateway = gateway.start().await;
    let token = gateway.token().claim("iss", json!(url)).mint();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(gateway.call(&token, ping.clone()).await.status, 200);
    let of_another = gateway.token().mint();
    assert_eq!(gateway.call(&of_another, ping).await.status, 401);
}

/// What `usher serve` logs of that issuer until it is not ready for the first time.
async fn complaint(authority: &Authority, shown: Certificate, ca_file: Option<PathBuf>) -> String {
    let (_issuer, front) = issuer_behind(authority, shown).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .arg("serve")
        .env_clear()
        .env("HOME", folder.path())
        .env("MCP_SERVER_URL", "http://127.0.0.1:8080")
        .env("KC_ISSUER", front.url())
        .env("USHER_LISTEN", "127.0.0.1:0")
        .env("USHER_ADMIN_LISTEN", "127.0.0.1:0")
        .env("USHER_LOG__FORMAT", "json")
        .envs(ca_file.map(|file| ("USHER_OUTBOUND__CA_FILES", file)))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let reading = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("a process");
        let mut log = child.stderr.take().expect("piped");
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = log.read(&mut some) {
            all.extend_from_slice(some.get(..read).unwrap_or_default());
            if String::from_utf8_lossy(&all).contains("not ready yet") {
                break;
            }
        }
        drop(child.kill());
        drop(child.wait());
        String::from_utf8_lossy(&all).into_owned()
    });
    reading.await.expect("no panic")
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_refused_and_the_log_says_why_and_what_to_do() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = || Some(authority.file(folder.path()));
    let expired = Certificate {
        expired: true,
        ..GOOD
    };
    let elsewhere = Certificate {
        name: "sso.example.com",
        ..GOOD
    };
    for (shown, ca_file, words) in [
        (GOOD, None, ["UnknownIssuer", "outbound.ca_files"]),
        (
            expired,
            trusted(),
            ["certificate expired", "renew it there"],
        ),
        (
            elsewhere,
            trusted(),
            ["not valid for name", "the name in `issuer`"],
        ),
    ] {
        let log = complaint(&authority, shown, ca_file).await;
        for word in words {
            assert!(log.contains(word), "{shown:?}: no {word:?} in {log}");
        }
        assert!(
            log.contains("waiting for the keys of https://localhost:"),
            "{log}"
        );
    }
}
