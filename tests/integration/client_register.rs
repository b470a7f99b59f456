//! `usher client register` as a child process: at the development identity provider, and at an issuer whose registration
//! endpoint answers what the test wants.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::issuer::{Answer, TestIssuer};

/// `usher client register` for this issuer, with these arguments, and with this text on standard input.
async fn register(issuer: &str, arguments: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .args(["client", "register"])
        .args(arguments)
        .env_clear()
        .env("HOME", folder.path())
        .env("MCP_SERVER_URL", "http://127.0.0.1:8080")
        .env("KC_ISSUER", issuer)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = input.to_owned();
    let run = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("a program that runs");
        let mut stdin = child.stdin.take().expect("piped");
        // A program that ends before it reads is no mistake of the test's.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        let output = child.wait_with_output().expect("an end");
        drop(folder);
        output
    });
    run.await.expect("no panic")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

/// What reached the registration endpoint.
type Requests = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// An issuer whose registration endpoint answers every request with this.
struct Registrar {
    issuer: TestIssuer,
    requests: Requests,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Registrar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Registrar {
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    async fn answering(path: &str, status: u16, answer: &str) -> Self {
        let issuer = TestIssuer::start_at(path).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}/register");
        issuer.set_metadata("registration_endpoint", json!(url));
        let requests = Requests::default();
        let answer = (
            StatusCode::from_u16(status).expect("a status"),
            answer.to_owned(),
        );
        let handler = move |State(requests): State<Requests>, headers: HeaderMap, body: Bytes| async move {
            let token = headers.get("authorization");
            let token = token.map(|value| value.to_str().expect("text").to_owned());
            let body = serde_json::from_slice(&body).expect("JSON");
            requests.lock().expect("no panic").push((token, body));
            answer
        };
        let app = axum::Router::new()
            .route("/register", axum::routing::post(handler))
            .with_state(Arc::clone(&requests));
        let serving = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Self {
            issuer,
            requests,
            serving,
        }
    }

    async fn register(&self, arguments: &[&str], input: &str) -> Output {
        register(self.issuer.issuer(), arguments, input).await
    }

    /// The only request so far: its `Authorization` header and its body.
    fn request(&self) -> (Option<String>, Value) {
        let requests = self.requests.lock().expect("no panic");
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.first().expect("one").clone()
    }
}

const REGISTERED: &str = r#"{"client_id":"client-1","client_secret":"s3cret-value","client_secret_expires_at":0,
    "token_endpoint_auth_method":"client_secret_basic","registration_access_token":"manage-t0ken"}"#;

#[tokio::test]
async fn registers_at_the_development_identity_provider_and_prints_what_to_type() {
    let idp = ::dev_idp::Server::start(::dev_idp::Config::on_any_port()).await;
    let idp = idp.expect("an identity provider");
    for (client, addresses, shown) in [
        (
            "chatgpt",
            &["https://chatgpt.com/connector_platform_oauth_redirect"][..],
            "Token URL",
        ),
        (
            "claude",
            &[
                "https://claude.ai/api/mcp/auth_callback",
                "https://claude.com/api/mcp/auth_callback",
            ],
            "Remote MCP server URL",
        ),
        (
            "cursor",
            &[
                "http://localhost:8787/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
            ],
            "\"CLIENT_ID\": \"client-",
        ),
        (
            "inspector",
            &[
                "http://localhost:6274/oauth/callback",
                "http://127.0.0.1:6276/oauth/callback",
            ],
            "Streamable HTTP",
        ),
        (
            "vscode",
            &["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
            "\"clientId\": \"client-",
        ),
    ] {
        let output = register(idp.issuer(), &["--for", client], "").await;
        assert_eq!(
            output.status.code(),
            Some(0),
            "{client}: {}",
            stderr(&output)
        );
        let text = stdout(&output);
        for expected in
            addresses
                .iter()
                .chain(&[shown, "http://127.0.0.1:8080/mcp", "client secret     none"])
        {
            assert!(
                text.contains(expected),
                "{client} lacks {expected:?}: {text}"
            );
        }
    }

    let arguments = [
        "--redirect",
        "http://127.0.0.1/cb",
        "--confidential",
        "--json",
    ];
    let output = register(idp.issuer(), &arguments, "").await;
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let json: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    assert_eq!(json["issuer"], idp.issuer());
    assert_eq!(json["redirect_uris"], json!(["http://127.0.0.1/cb"]));
    assert_eq!(json["server_url"], "http://127.0.0.1:8080/mcp");
    assert_eq!(json["token_endpoint_auth_method"], "client_secret_basic");
    assert!(
        json["client_secret"]
            .as_str()
            .is_some_and(|secret| secret.len() > 20)
    );
    let endpoint = json["token_endpoint"].as_str().expect("an endpoint");
    assert!(endpoint.starts_with(idp.issuer()), "{endpoint}");
}

#[tokio::test]
async fn sends_the_metadata_of_rfc_7591_and_the_token_in_the_header_alone() {
    let registrar = Registrar::answering("", 201, REGISTERED).await;
    registrar
        .issuer
        .set_metadata("scopes_supported", json!(["mcp:read", "offline_access"]));
    let arguments = [
        "--for",
        "claude",
        "--confidential",
        "--name",
        "Orders",
        "--initial-access-token-file",
        "-",
    ];
    let output = registrar.register(&arguments, "initial.token\n").await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("s3cret-value"),
        "{}",
        stdout(&output)
    );
    for secret in ["initial.token", "s3cret-value", "manage-t0ken"] {
        assert!(!stderr(&output).contains(secret), "{}", stderr(&output));
    }
    let (token, body) = registrar.request();
    assert_eq!(token.as_deref(), Some("Bearer initial.token"));
    assert_eq!(
        body,
        json!({
            "client_name": "Orders",
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": "mcp:read mcp:write offline_access",
        })
    );
}

#[tokio::test]
async fn a_public_client_with_its_own_addresses_and_scopes_is_asked_for_without_a_token() {
    let registrar = Registrar::answering("", 201, r#"{"client_id":"client-1"}"#).await;
    let arguments = [
        "--redirect",
        "http://localhost:1/a",
        "--redirect",
        "https://b.test/cb",
        "--scope",
        "mcp:read",
    ];
    let output = registrar.register(&arguments, "").await;
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    let (token, body) = registrar.request();
    assert_eq!(token, None);
    assert_eq!(body["token_endpoint_auth_method"], "none");
    assert_eq!(
        body["redirect_uris"],
        json!(["http://localhost:1/a", "https://b.test/cb"])
    );
    assert_eq!(
        (&body["scope"], &body["client_name"]),
        (&json!("mcp:read"), &json!("MCP client"))
    );

    let registrar = Registrar::answering("", 201, r#"{"client_id":"client-1"}"#).await;
    registrar
        .register(&["--for", "cursor", "--scope", ""], "")
        .await;
    assert_eq!(
        registrar.request().1.get("scope"),
        None,
        "the issuer decides"
    );
}

#[tokio::test]
async fn notes_what_the_issuer_registered_otherwise() {
    let answer = r#"{"client_id":"c","client_secret":"s3cret-value","client_secret_expires_at":1800000000,
        "redirect_uris":["https://claude.ai/api/mcp/auth_callback"],"scope":"mcp:read"}"#;
    let registrar = Registrar::answering("", 200, answer).await;
    let output = registrar.register(&["--for", "claude"], "").await;
    assert_eq!(output.status.code(), Some(0));
    for note in [
        "left out a redirect address: https://claude.com/api/mcp/auth_callback",
        "left out the scope mcp:write",
        "gave a secret although none was asked for, and wants it by client_secret_basic",
        "the secret ends at 1800000000",
        "cannot reach http://127.0.0.1:8080",
    ] {
        assert!(
            stderr(&output).contains(note),
            "{note}: {}",
            stderr(&output)
        );
    }
}

/// Status of the endpoint, its body, the exit code, and what is said.
#[tokio::test]
async fn a_refusal_ends_with_77_and_an_answer_of_no_use_with_69() {
    let policy = r#"{"error":"insufficient_scope","error_description":"Policy 'Trusted Hosts' rejected request to client-registration service. Details: URI doesn't match any trusted host or trusted domain"}"#;
    for (status, answer, code, expected) in [
        (
            403,
            policy,
            77,
            "Clients > Client registration > Anonymous access policies > Trusted Hosts, add 127.0.0.1, vscode.dev to",
        ),
        (
            401,
            "",
            77,
            "registers nobody without an initial access token",
        ),
        (
            400,
            r#"{"error":"invalid_redirect_uri","error_description":"no"}"#,
            77,
            "refuses a redirect address (\"no\")",
        ),
        (
            400,
            r#"{"error":"invalid_client_metadata"}"#,
            77,
            "(invalid_client_metadata)",
        ),
        (404, "", 77, "answered 404"),
        (429, "", 69, "try again later"),
        (500, "<html>", 69, "answered 500"),
        (302, "", 69, "redirect (302)"),
        (201, "<html>", 69, "is not the JSON of RFC 7591"),
        (201, "{}", 69, "has no `client_id`"),
    ] {
        let registrar = Registrar::answering("/realms/staff", status, answer).await;
        let output = registrar.register(&["--for", "vscode"], "").await;
        let said = stderr(&output);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{status} {answer}: {said}"
        );
        assert!(said.contains(expected), "{status} {answer}: {said}");
        assert_eq!(stdout(&output), "", "{status} {answer}");
    }
}

#[tokio::test]
async fn an_issuer_that_registers_nobody_or_is_not_there_is_named_with_the_next_step() {
    let registrar = Registrar::answering("/realms/staff", 201, REGISTERED).await;
    registrar
        .issuer
        .set_metadata("registration_endpoint", Value::Null);
    let output = registrar.register(&["--for", "vscode"], "").await;
    assert_eq!(output.status.code(), Some(77));
    for expected in [
        "no registration_endpoint",
        "Create client",
        "docs/identity-providers/keycloak.md",
        "redirect address  https://vscode.dev/redirect",
    ] {
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }

    registrar
        .issuer
        .set_metadata("registration_endpoint", json!("http://id.test/register"));
    let output = registrar.register(&["--for", "vscode"], "").await;
    assert_eq!(output.status.code(), Some(69));
    assert!(
        stderr(&output).contains("expected https"),
        "{}",
        stderr(&output)
    );

    registrar.issuer.answer_discovery(Answer::Status(500));
    let output = registrar.register(&["--for", "vscode"], "").await;
    assert_eq!(output.status.code(), Some(69));
    assert!(
        stderr(&output).contains("status 500"),
        "{}",
        stderr(&output)
    );

    let other = registrar.issuer.issuer().replace("/staff", "/other");
    let output = register(&other, &["--for", "vscode"], "").await;
    assert_eq!(output.status.code(), Some(69));
    let output = register("http://127.0.0.1:9", &["--for", "vscode"], "").await;
    assert_eq!(output.status.code(), Some(69));
    assert!(
        stderr(&output).contains("is the issuer right"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_reaches_nobody() {
    let registrar = Registrar::answering("", 201, REGISTERED).await;
    for (arguments, code) in [
        (&[][..], 2),
        (&["--for", "netscape"], 2),
        (&["--redirect", "http://example.com/cb"], 2),
        (&["--redirect", "https://a.test/#x"], 2),
        (&["--for", "vscode", "--scope", "a  b"], 2),
        (&["--for", "vscode", "--initial-access-token", "secret"], 2),
        (&["--for", "vscode", "--issuer", "https://other.test"], 1),
        (
            &["--for", "vscode", "--initial-access-token-file", "missing"],
            1,
        ),
        (&["--for", "vscode", "--initial-access-token-file", "-"], 1),
    ] {
        let output = registrar.register(arguments, "two words").await;
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(
            !stderr(&output).contains("two words"),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(registrar.requests.lock().expect("no panic").len(), 0);
}

#[tokio::test]
async fn with_several_issuers_one_is_chosen_by_its_exact_name() {
    let registrar = Registrar::answering("", 201, REGISTERED).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("usher.toml");
    let issuer = registrar.issuer.issuer().to_owned();
    let text = format!(
        "public_url = \"http://127.0.0.1:8080\"\n[[issuer]]\nissuer = \"http://127.0.0.1:9\"\n[[issuer]]\nissuer = {issuer:?}\n"
    );
    std::fs::write(&file, text).expect("a file");
    let run = async |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
        command
            .env_clear()
            .env("HOME", folder.path())
            .current_dir(folder.path());
        command
            .args(["client", "register", "--for", "vscode"])
            .args(more);
        command.output().await.expect("a program that runs")
    };
    let output = run(&[]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("several issuers") && said.contains(&issuer),
        "{said}"
    );
    let output = run(&["--issuer", &issuer]).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    registrar.request();
}
