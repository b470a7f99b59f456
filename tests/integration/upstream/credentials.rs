//! What upstreams are shown to let this server in, and that it is never the caller's own token.

mod command_line;
mod exchange;
mod recording;
mod shown;

use std::path::PathBuf;

use axum::http::HeaderMap;
use serde_json::json;
use usher::upstream::{CredentialKind, CredentialSettings, UpstreamSettings};

use super::super::gateway::{Reply, TestGateway};
use super::super::issuer::{Answer, TestIssuer, TokenForm};
use super::super::raw_upstream::RawUpstream;
use super::{over_http, until_listed};

/// A folder with one secret file.
pub(super) struct Secrets {
    folder: tempfile::TempDir,
}

impl Secrets {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Self { folder };
        secrets.write("s3cret+/=&");
        secrets
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    pub(super) fn write(&self, text: &str) {
        std::fs::write(self.path(), format!("{text}\n")).expect("a file");
    }
}

/// A client of ours at the issuer, which asks for tokens of this kind.
fn asking(kind: CredentialKind, secrets: &Secrets) -> CredentialSettings {
    CredentialSettings {
        kind,
        client_id: "usher & co".into(),
        secret_file: Some(secrets.path()),
        audience: Some("orders".into()),
        scopes: vec!["orders:read".into(), "orders:write".into()],
        ..CredentialSettings::default()
    }
}

fn shown(name: &str, url: &str, credential: CredentialSettings) -> UpstreamSettings {
    UpstreamSettings {
        credential,
        ..over_http(name, url)
    }
}

/// A token endpoint that names in each token who it is for, and numbers them.
fn issue(form: &TokenForm, number: usize) -> Answer {
    let whose = match form.get("grant_type") {
        Some("client_credentials") => "own".to_owned(),
        _ => {
            let token = form.get("subject_token").expect("a token");
            let claims = token.split('.').nth(1).expect("claims");
            use base64::Engine as _;
            let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(claims)
                .expect("base64");
            let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
            claims["sub"].as_str().expect("a subject").to_owned()
        }
    };
    let body = json!({
        "access_token": format!("exchanged-{whose}-{number}"),
        "token_type": "Bearer",
        "expires_in": 300,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    });
    Answer::Body(body.to_string(), "application/json")
}

/// An issuer whose token endpoint numbers its tokens.
async fn issuer() -> TestIssuer {
    let issuer = TestIssuer::start().await;
    let number = std::sync::atomic::AtomicUsize::new(0);
    issuer.answer_tokens(move |form| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        issue(form, number)
    });
    issuer
}

async fn start(issuer: TestIssuer, upstreams: Vec<UpstreamSettings>) -> TestGateway {
    let names: Vec<_> = upstreams
        .iter()
        .map(|upstream| format!("{}__", upstream.name))
        .collect();
    let gateway = TestGateway::builder()
        .issuer(issuer)
        .settings(|settings| settings.upstream = upstreams)
        .start()
        .await;
    for name in names {
        until_listed(&gateway, &name).await;
    }
    gateway
}

/// A token of this caller's.
fn token_of(gateway: &TestGateway, subject: &str) -> String {
    let token = gateway.token().subject(subject);
    token.scope("mcp:read mcp:write").mint()
}

async fn call_as(gateway: &TestGateway, token: &str, tool: &str) -> Reply {
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": {} },
    });
    gateway.call(token, call).await
}

/// The values of `Authorization` that came with calls.
fn authorizations(upstream: &RawUpstream) -> Vec<String> {
    let calls = upstream.requests().into_iter();
    let calls = calls.filter(|sent| sent.method == "tools/call");
    calls.map(|sent| authorization(&sent.headers)).collect()
}

fn authorization(headers: &HeaderMap) -> String {
    let value = headers.get("authorization");
    value.map_or_else(String::new, |value| {
        value.to_str().expect("text").to_owned()
    })
}

/// The exchanges among what came to the token endpoint.
fn exchanges(gateway: &TestGateway) -> Vec<TokenForm> {
    let forms = gateway.issuer.token_forms().into_iter();
    forms
        .filter(|form| form.get("subject_token").is_some())
        .collect()
}
