//! `usher token explain` as a child process: what it says of good tokens and of bad ones, and what it never says.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::auth::{Bench, until};
use super::issuer::{TestIssuer, TokenBuilder};
use super::issuer_keys::TestKey;
use usher::auth::IssuerSettings;
use usher::clock::Clock;

const PUBLIC_URL: &str = "http://127.0.0.1:8080";

/// `usher token explain` in this folder, with this on standard input.
fn explain(folder: &Path, issuer: &str, arguments: &[&str], input: &str) -> Output {
    explain_with(folder, issuer, arguments, input, &[])
}

fn explain_with(
    folder: &Path,
    issuer: &str,
    arguments: &[&str],
    input: &str,
    variables: &[(&str, &str)],
) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(["token", "explain"])
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .env("MCP_SERVER_URL", PUBLIC_URL)
        .env("KC_ISSUER", issuer)
        .env("USHER_STATE_DIR", folder)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program that runs");
    let mut stdin = child.stdin.take().expect("standard input");
    // A program that ended before it read everything is judged by what it said.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait_with_output().expect("what it printed")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// What `--json` says of a token, and the exit code.
fn as_json(issuer: &TestIssuer, token: &str) -> (Value, i32) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = explain(folder.path(), issuer.issuer(), &["--json"], token);
    let told = serde_json::from_slice(&output.stdout);
    assert!(told.is_ok(), "{}", text(&output.stderr));
    let told = told.expect("JSON");
    (told, output.status.code().expect("a code"))
}

/// The lines of a text as one, so that words are found wherever the line ends.
fn in_one_line(bytes: &[u8]) -> String {
    text(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A token of Keycloak's that is accepted.
fn good(issuer: &TestIssuer) -> TokenBuilder {
    let token = issuer.token().keycloak();
    token.audience(format!("{PUBLIC_URL}/mcp"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_is_accepted_and_neither_it_nor_its_user_gets_into_a_ticket() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let folder = tempfile::tempdir().expect("a folder");
    let token = good(&issuer)
        .claim("email", json!("alice@example.com"))
        .claim("sid", json!("secret-session"))
        .subject("alice-the-subject")
        .mint();
    for input in [
        token.clone(),
        format!("Bearer {token}\n"),
        format!("Authorization: Bearer {token}\r\n"),
    ] {
        let output = explain(folder.path(), issuer.issuer(), &[], &input);
        let (said, told) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{said}{told}");
        assert!(said.ends_with("\naccepted\n"), "{said}");
        assert!(said.contains("read as a token of Keycloak"), "{said}");
        assert!(said.contains("alice-the-subject") && said.contains("alice@example.com"));
        assert!(said.contains("its bearer may use search, fetch"), "{said}");
        assert!(
            said.lines().all(|line| line.chars().count() <= 120),
            "{said}"
        );
        for part in token.split('.').skip(1) {
            assert!(!said.contains(part) && !told.contains(part));
        }
    }
    let (told, code) = as_json(&issuer, &token);
    assert_eq!((code, &told["accepted"]), (0, &json!(true)), "{told:#}");
    let told = told.to_string();
    for secret in [
        "alice",
        "secret-session",
        token.rsplit('.').next().expect("a signature"),
    ] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

/// What it is, the token, the reason with its claim and its check, and a part of the fix.
type Row = (&'static str, String, [&'static str; 3], &'static str);

fn bad_claims(issuer: &TestIssuer) -> Vec<Row> {
    let inside = issuer.issuer().replace("127.0.0.1", "localhost");
    let set = |name: &str, value: Value| good(issuer).claim(name, value).mint();
    vec![
        (
            "for somebody else",
            good(issuer).audience("account").mint(),
            ["wrong_audience", "aud", "token-audience"],
            "a mapper of type Audience",
        ),
        (
            "expired",
            good(issuer).expires_in(-3600).mint(),
            ["expired", "exp", "token-expiry"],
            "offline_access",
        ),
        (
            "from the future",
            set("iat", json!(super::issuer::now() + 300)),
            ["issued_in_future", "iat", "token-clock"],
            "run NTP",
        ),
        (
            "an ID token",
            set("typ", json!("ID")),
            ["id_token", "typ", "token-type"],
            "id_token or refresh_token",
        ),
        (
            "bound to a key",
            set("cnf", json!({ "jkt": "x" })),
            ["sender_constrained", "cnf", "token-bearer"],
            "switch DPoP or certificate binding off",
        ),
        (
            "with a slash",
            set("iss", json!(format!("{}/", issuer.issuer()))),
            ["wrong_issuer", "iss", "token-issuer"],
            "only the slash at the end differs",
        ),
        (
            "by the name inside of a container",
            set("iss", json!(inside)),
            ["wrong_issuer", "iss", "token-issuer"],
            "the same provider under another name",
        ),
        (
            "of another provider",
            set(
                "iss",
                json!("https://login.microsoftonline.com/tenant/v2.0"),
            ),
            ["wrong_issuer", "iss", "token-issuer"],
            "under another name",
        ),
        (
            "of another server with such a path",
            good(issuer)
                .claim("iss", json!("https://sso.stage.test/realms/mcp"))
                .signed_by(TestKey::new("of-the-stage", "RS256", 1))
                .mint(),
            ["wrong_issuer", "iss", "token-issuer"],
            "of another server or tenant",
        ),
        (
            "without a user",
            good(issuer).without("sub").mint(),
            ["missing_claim", "sub", "token-claims"],
            "look at what the issuer writes",
        ),
    ]
}

fn bad_shapes(issuer: &TestIssuer) -> Vec<Row> {
    let token = good(issuer).header("alg", json!("none")).mint();
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let unsigned = format!("{signed}.");
    vec![
        (
            "opaque",
            "8xLOxBtZp8".to_owned(),
            ["not_a_jws", "format", "token-is-jwt"],
            "Use lightweight access token",
        ),
        (
            "of Google's",
            "ya29.a0AfB_by".to_owned(),
            ["not_a_jws", "format", "token-is-jwt"],
            "Google issues no JWT access tokens",
        ),
        (
            "encrypted",
            "a.b.c.d.e".to_owned(),
            ["encrypted", "format", "token-is-jwt"],
            "Use lightweight access token",
        ),
        (
            "not signed",
            unsigned,
            ["bad_signature", "signature", "token-signature"],
            "get a new token",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_names_its_claim_its_check_and_the_change_in_the_words_of_the_provider() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let rows = bad_claims(&issuer).into_iter().chain(bad_shapes(&issuer));
    for (what, token, expected, fix) in rows {
        let (told, code) = as_json(&issuer, &token);
        assert_eq!(
            (code, &told["accepted"]),
            (1, &json!(false)),
            "{what}: {told:#}"
        );
        let claims = told["claims"].as_array().expect("a list");
        let first = claims.iter().find(|claim| claim["claim"] == told["first"]);
        assert!(first.is_some(), "{what}: {told:#}");
        let first = first.expect("a claim");
        let found = [&told["reason"], &told["first"], &first["check"]];
        assert_eq!(
            found,
            expected.map(|word| json!(word)).each_ref(),
            "{what}: {told:#}"
        );
        assert_eq!(first["verdict"], "failure", "{what}");
        let fixed = first["fix"].as_str().unwrap_or_default();
        assert!(fixed.contains(fix), "{what}: {fixed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_token_is_recognised_and_told_where_to_log_in() {
    let (issuer, stranger) = (
        TestIssuer::start_at("/realms/mcp").await,
        TestIssuer::start().await,
    );
    let token = stranger
        .token()
        .claim("iss", json!("https://login.microsoftonline.com/t/v2.0"))
        .claim("azp", json!("client"))
        .header("kid", json!("the stranger's own"))
        .mint();
    let (told, code) = as_json(&issuer, &token);
    assert_eq!(
        (code, &told["profile"]),
        (1, &json!("entra-v2")),
        "{told:#}"
    );
    assert_eq!(told["verified"], json!(false));
    let fix = told["claims"][3]["fix"].as_str().expect("a fix");
    assert!(
        fix.starts_with("It looks like a token of Microsoft Entra ID's"),
        "{fix}"
    );
    assert!(fix.contains(issuer.issuer()), "{fix}");
    // What else would have to change is told as well.
    let claims = told["claims"].as_array().expect("a list");
    let audience = claims
        .iter()
        .find(|claim| claim["claim"] == "aud")
        .expect("aud");
    assert_eq!(audience["verdict"], "failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_let_in_and_may_do_nothing_is_told_so() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let (told, code) = as_json(
        &issuer,
        &good(&issuer).claim("scope", json!("openid")).mint(),
    );
    assert_eq!((code, &told["reason"]), (1, &Value::Null), "{told:#}");
    let of = |told: &Value, name: &str| {
        let claims = told["claims"].as_array().expect("a list");
        claims
            .iter()
            .rev()
            .find(|claim| claim["claim"] == name)
            .cloned()
            .expect("a claim")
    };
    assert_eq!(of(&told, "scope")["check"], "token-scope");
    assert_eq!(of(&told, "scope")["verdict"], "failure");
    assert_eq!(of(&told, "rules")["verdict"], "skipped");

    let folder = tempfile::tempdir().expect("a folder");
    let rule =
        "[[rule]]\nname = \"staff only\"\ntools = [\"search\", \"fetch\"]\ngroups = [\"staff\"]\n";
    std::fs::write(folder.path().join("usher.toml"), rule).expect("a file");
    let output = explain(
        folder.path(),
        issuer.issuer(),
        &["--json"],
        &good(&issuer).mint(),
    );
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1), "{told:#}");
    assert_eq!(of(&told, "rules")["check"], "token-rules");
    let staff = good(&issuer).claim("groups", json!(["staff"])).mint();
    let output = explain(folder.path(), issuer.issuer(), &[], &staff);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_a_server_kept_are_enough_and_without_any_nothing_is_decided() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let (address, token) = (issuer.issuer().to_owned(), good(&issuer).mint());
    let bad = good(&issuer).audience("account").mint();
    let state = tempfile::tempdir().expect("a folder");
    let path = state.path().to_owned();
    let bench = Bench::start_on(
        vec![IssuerSettings::named(&address)],
        state,
        Clock::system(),
    );
    bench.until_ready().await;
    bench.until_stored().await;
    bench.lifecycle.stop_now();
    drop(issuer);
    until(|| {
        std::net::TcpStream::connect(
            address
                .trim_start_matches("http://")
                .trim_end_matches("/realms/mcp"),
        )
        .is_err()
    })
    .await;
    let copy = std::fs::read_dir(path.join("keys"))
        .expect("a folder")
        .count();

    let output = explain(&path, &address, &[], &token);
    let said = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        text(&output.stderr)
    );
    assert!(!said.contains("skipped"), "{said}");
    let copies = std::fs::read_dir(path.join("keys"))
        .expect("a folder")
        .count();
    assert_eq!(
        copies, copy,
        "nothing was written beside a server that may run"
    );

    let nothing = tempfile::tempdir().expect("a folder");
    let output = explain(nothing.path(), &address, &[], &token);
    let said = in_one_line(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("skipped signature the keys of"), "{said}");
    assert!(said.contains("not decided (keys_unavailable)"), "{said}");
    // What is wrong whatever the signature is needs no keys.
    let output = explain(nothing.path(), &address, &[], &bad);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tokens_move_no_cursor_and_end() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let folder = tempfile::tempdir().expect("a folder");
    let token = good(&issuer)
        .audience("\u{1b}]0;owned\u{7}\u{202e}x")
        .claim("email", json!("\u{1b}[2J"))
        .claim("\u{1b}[31mred", json!(1))
        .claim("groups", json!(vec!["g".repeat(500); 12]))
        .mint();
    for arguments in [&[][..], &["--json"]] {
        let output = explain(folder.path(), issuer.issuer(), arguments, &token);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            !said.contains('\u{1b}') && !said.contains('\u{202e}'),
            "{said:?}"
        );
        assert!(said.len() < 12_000, "{}", said.len());
    }
    let endless = "x".repeat(1 << 20);
    let output = explain(folder.path(), issuer.issuer(), &[], &endless);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_carried_out_ends_with_2_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let issuer = "http://127.0.0.1:9/realms/mcp";
    for (arguments, input, expected) in [
        (
            &[][..],
            "",
            "there is no token: expected one on standard input",
        ),
        (&[], "Bearer \n", "there is no token"),
        (
            &["--resource", "https://elsewhere.test/mcp"],
            "a.b.c",
            "is no address of this server",
        ),
        (
            &["--clipboard"],
            "",
            "no program that reads a clipboard is in PATH",
        ),
    ] {
        let output = explain_with(
            folder.path(),
            issuer,
            arguments,
            input,
            &[("PATH", "/nowhere")],
        );
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(expected), "{told}");
    }
    std::fs::write(folder.path().join("usher.toml"), "lisen = 1\n").expect("a file");
    let output = explain(folder.path(), issuer, &[], "a.b.c");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `listen`?"));
}

#[test]
fn the_clipboard_is_read_with_the_first_program_that_is_there_and_no_shell() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("xclip");
    std::fs::write(&program, "#!/bin/sh\necho \"Bearer opaque-$#\"\n").expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let path = folder.path().display().to_string();
    let output = explain_with(
        folder.path(),
        "http://127.0.0.1:9/realms/mcp",
        &["--clipboard"],
        "",
        &[("PATH", &path)],
    );
    let said = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{said}{}",
        text(&output.stderr)
    );
    assert!(said.contains("an opaque token: one part"), "{said}");
    assert!(
        !said.contains("opaque-3"),
        "a token is not repeated: {said}"
    );
}
