//! Introspection against an endpoint that answers as it is told, and counts.

use std::sync::Mutex;

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::auth::IssuerSettings;
use crate::auth::tests::{Bench, Server};

/// An introspection endpoint.
struct Endpoint {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<(u16, String)>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Endpoint {
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, answer) = (Arc::default(), Arc::new(Mutex::new((500, String::new()))));
        let (log, script) = (Arc::clone(&asked), Arc::clone(&answer));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = String::new();
                let mut buffer = [0; 4096];
                // The body is the last thing sent, and ends with the last field.
                while !request.ends_with("token_type_hint=access_token") {
                    let read = stream.read(&mut buffer).await.unwrap_or(0);
                    if read == 0 {
                        break;
                    }
                    request.push_str(&String::from_utf8_lossy(&buffer[..read]));
                }
                let log: &Mutex<Vec<String>> = &log;
                log.lock().expect("no panic").push(request);
                let (status, body) = script.lock().expect("no panic").clone();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                drop(stream.write_all((head + &body).as_bytes()).await);
            }
        });
        Self {
            url: format!("http://{address}/introspect"),
            asked,
            answer,
            task,
        }
    }

    fn answers(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().expect("no panic") = (status, body.into());
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }
}

struct Scene {
    bench: Bench,
    endpoint: Endpoint,
    secret: tempfile::NamedTempFile,
}

impl Scene {
    async fn start() -> Self {
        let secret = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(secret.path(), "se:cret/\n").expect("a file");
        Self {
            bench: Bench::start().await,
            endpoint: Endpoint::start().await,
            secret,
        }
    }

    async fn server(&self, change: impl FnOnce(&mut IntrospectionSettings)) -> Server<'_> {
        let mut introspection = IntrospectionSettings {
            enabled: true,
            client_id: "usher".into(),
            client_secret_file: self.secret.path().to_owned(),
            url: Some(self.endpoint.url.clone()),
            ..IntrospectionSettings::default()
        };
        change(&mut introspection);
        let settings = IssuerSettings {
            introspection,
            ..IssuerSettings::default()
        };
        self.bench.server(settings, "https://id.test").await
    }
}

/// What a good issuer says of a good token.
fn active() -> Value {
    json!({
        "active": true,
        "iss": "https://id.test",
        "sub": "alice",
        "aud": [Bench::resource()],
        "client_id": "chat",
        "scope": "mcp:read",
        "groups": ["finance"],
        "token_type": "Bearer",
        "exp": crate::auth::tests::now() + 300,
    })
}

#[tokio::test]
async fn an_opaque_token_is_accepted_for_what_the_issuer_says_of_it() {
    let scene = Scene::start().await;
    let server = scene.server(|_| {}).await;
    scene.endpoint.answers(200, active().to_string());
    let principal = server.present("opaque-1").await.expect("active");
    assert_eq!(principal.subject(), "alice");
    assert_eq!(principal.client_id(), Some("chat"));
    assert_eq!(principal.scopes().to_string(), "mcp:read");
    assert_eq!(principal.groups(), ["finance"]);
    assert_eq!(principal.issuer(), "https://id.test");

    let request = scene.endpoint.asked.lock().expect("no panic")[0].clone();
    assert!(
        request.starts_with("POST /introspect HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.ends_with("token=opaque-1&token_type_hint=access_token"),
        "{request}"
    );
    let credentials = base64::engine::general_purpose::STANDARD.encode("usher:se%3Acret%2F");
    assert!(
        request.contains(&format!("Basic {credentials}")),
        "{request}"
    );
}

#[tokio::test]
async fn an_answer_that_says_less_or_something_else_accepts_nothing() {
    let scene = Scene::start().await;
    let server = scene.server(|settings| settings.cache_seconds = 0).await;
    let now = crate::auth::tests::now();
    let table = [
        (json!({ "active": false }), "inactive"),
        (json!({ "active": "true" }), "introspection_unavailable"),
        (json!({ "active": null }), "introspection_unavailable"),
        (json!({ "sub": null }), "missing_claim"),
        (json!({ "exp": null }), "missing_claim"),
        (json!({ "aud": null }), "missing_claim"),
        (json!({ "aud": "https://other.test/mcp" }), "wrong_audience"),
        (json!({ "iss": "https://other.test" }), "wrong_issuer"),
        (json!({ "exp": now - 31 }), "expired"),
        (json!({ "nbf": now + 60 }), "not_yet_valid"),
        (json!({ "token_type": "DPoP" }), "wrong_type"),
        (
            json!({ "token_type": "DPoP", "cnf": { "jkt": "0ZcO" } }),
            "sender_constrained",
        ),
        (
            json!({ "cnf": { "x5t#S256": "bwcK" } }),
            "sender_constrained",
        ),
        (json!({ "typ": "Refresh" }), "wrong_type"),
        (json!({ "typ": "ID" }), "id_token"),
        (
            json!({ "groups": null, "_claim_names": { "groups": "src1" } }),
            "group_overage",
        ),
        (json!({ "iss": null }), "ok"),
        (json!({ "token_type": null }), "ok"),
    ];
    for (number, (change, expected)) in table.into_iter().enumerate() {
        let mut answer = active();
        for (name, value) in change.as_object().expect("an object") {
            let members = answer.as_object_mut().expect("an object");
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        scene.endpoint.answers(200, answer.to_string());
        let found = server.present(&format!("opaque-{number}")).await;
        let found = found.err().map_or("ok", |error| error.reason());
        assert_eq!(found, expected, "{change}");
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_means_503_and_is_asked_again() {
    let scene = Scene::start().await;
    let server = scene.server(|_| {}).await;
    for (status, body) in [
        (401, "{}"),
        (500, ""),
        (302, ""),
        (200, "no"),
        (200, "[]"),
        (200, "{}"),
    ] {
        let before = scene.endpoint.asked();
        scene.endpoint.answers(status, body);
        let error = server.present("opaque-1").await.expect_err("no answer");
        assert_eq!(
            error.reason(),
            "introspection_unavailable",
            "{status} {body}"
        );
        assert!(error.retry_after_seconds().is_some());
        assert_eq!(scene.endpoint.asked(), before + 1, "{status} {body}");
    }
    let nowhere = scene.server(|settings| settings.url = None).await;
    let error = nowhere.present("opaque-1").await.expect_err("no endpoint");
    assert_eq!(error.reason(), "introspection_unavailable");
}

#[tokio::test]
async fn an_answer_counts_for_a_while_good_or_bad_and_only_for_its_token() {
    let scene = Scene::start().await;
    let server = scene.server(|_| {}).await;
    scene.endpoint.answers(200, active().to_string());
    for _ in 0..3 {
        server.present("opaque-1").await.expect("active");
    }
    assert_eq!(scene.endpoint.asked(), 1);
    scene.endpoint.answers(200, r#"{"active":false}"#);
    server
        .present("opaque-1")
        .await
        .expect("still in the cache");
    for _ in 0..3 {
        let error = server.present("opaque-2").await.expect_err("inactive");
        assert_eq!(error.reason(), "inactive");
    }
    assert_eq!(scene.endpoint.asked(), 2);
}

#[tokio::test]
async fn nobody_is_asked_about_a_jwt_unless_configured_and_then_only_after_its_signature_was_right()
{
    let scene = Scene::start().await;
    let token = json!({
        "header": { "typ": "at+jwt" },
        "claims": { "sub": "alice", "aud": Bench::resource(), "scope": "mcp:read" },
    });
    let mut forged = token.clone();
    forged["header"]["typ"] = json!("JWT");

    let server = scene.server(|_| {}).await;
    server.check(&token).await.expect("a good JWT");
    assert_eq!(scene.endpoint.asked(), 0);

    let server = scene.server(|settings| {
        settings.jwts = true;
        settings.cache_seconds = 0;
    });
    let server = server.await;
    server.check(&forged).await.expect_err("the wrong type");
    assert_eq!(scene.endpoint.asked(), 0);
    let signed = server.sign(&token);
    scene.endpoint.answers(200, active().to_string());
    server.present(&signed).await.expect("active");
    // Verified a moment ago, and logged out since.
    scene.endpoint.answers(200, r#"{"active":false}"#);
    let error = server.present(&signed).await.expect_err("logged out");
    assert_eq!(error.reason(), "inactive");
    scene.endpoint.answers(500, "");
    let error = server.present(&signed).await.expect_err("closed on doubt");
    assert_eq!(error.reason(), "introspection_unavailable");
    let mut somebody_else = active();
    somebody_else["sub"] = json!("bob");
    scene.endpoint.answers(200, somebody_else.to_string());
    let error = server.present(&signed).await.expect_err("somebody else's");
    assert_eq!(error.reason(), "inactive");
}

#[tokio::test]
async fn without_introspection_an_opaque_token_is_refused_and_nobody_is_asked() {
    let scene = Scene::start().await;
    let server = scene.server(|settings| settings.enabled = false).await;
    let error = server.present("opaque-1").await.expect_err("opaque");
    assert_eq!(error.reason(), "not_a_jws");
    assert_eq!(scene.endpoint.asked(), 0);
}
