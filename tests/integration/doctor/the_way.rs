//! Name, connection, certificate, and whatever stands in front of the server.

use usher::doctor::session::{self, Needed};
use usher::doctor::{Verdict, walk};
use usher::outbound::{Probe, Settings};
use usher::secret_file::SecretText;

use super::{
    challenged, changed, closed, complaints, diagnosis_of, first_cause, healthy, walk_to, walk_with,
};
use crate::gateway::TestGateway;
use crate::stranger::{Says, Stranger};
use crate::tls::{Authority, Certificate, Chain};

#[tokio::test]
async fn a_healthy_server_gives_no_failure_and_no_warning() {
    let gateway = TestGateway::start().await;
    for path in ["/mcp", "", "/"] {
        let diagnosis = diagnosis_of(&format!("{}{path}", gateway.url)).await;
        // The issuer of the tests has no login page, which is not what this is about.
        let mut of_the_server = complaints(&diagnosis);
        of_the_server.retain(|(id, _)| !["authorization-answers", "issuer-cors"].contains(id));
        assert!(of_the_server.is_empty(), "{path}: {of_the_server:?}");
    }
    let (diagnosis, _stranger) = changed(|_| None).await;
    assert_eq!(complaints(&diagnosis), []);
}

#[tokio::test]
async fn nobody_there_is_told_from_nobody_who_answers() {
    assert_eq!(
        first_cause(&diagnosis_of(closed().await.as_str()).await),
        "address-connects"
    );
    assert_eq!(
        first_cause(&diagnosis_of("https://nowhere.invalid/mcp").await),
        "address-resolves"
    );
    assert_eq!(
        first_cause(&diagnosis_of("http://169.254.169.254/mcp").await),
        "address-public"
    );
    let silent = Stranger::start(|_| Says::nothing()).await;
    let mut walk = walk_to(&format!("{}/mcp", silent.origin));
    walk.answer_within = std::time::Duration::from_secs(2);
    assert_eq!(
        first_cause(&walk::walk(&walk).await.diagnosis),
        "address-answers"
    );
    for (greeting, expected) in [
        (&b"SSH-2.0-OpenSSH\r\n"[..], "speaks no HTTP"),
        (b"", "broke off"),
    ] {
        let other = Stranger::start(move |_| Says::Closes(greeting.to_vec())).await;
        let diagnosis = diagnosis_of(&other.origin).await;
        assert_eq!(first_cause(&diagnosis), "address-answers");
        let found = diagnosis
            .first_cause()
            .map(|finding| finding.found.as_str());
        assert!(
            found.is_some_and(|found| found.contains(expected)),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn each_mistake_of_a_certificate_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let behind = Stranger::start(healthy).await;
    let behind = behind.origin.trim_start_matches("http://").to_owned();
    let trusting = Settings {
        ca_files: vec![authority.file(folder.path())],
        ..Settings::default()
    };
    let stranger = Settings::default();
    let table = [
        ("localhost", false, Chain::Whole, &trusting, None),
        (
            "localhost",
            false,
            Chain::Whole,
            &stranger,
            Some(("tls-trusted", "its own certificate alone")),
        ),
        (
            "localhost",
            false,
            Chain::SelfSigned,
            &trusting,
            Some(("tls-trusted", "signed by itself")),
        ),
        (
            "localhost",
            false,
            Chain::WithoutIntermediate,
            &trusting,
            Some(("tls-trusted", "its own certificate alone")),
        ),
        (
            "localhost",
            true,
            Chain::Whole,
            &trusting,
            Some(("tls-in-date", "expired at Fri, 01 Jan 2021")),
        ),
        (
            "elsewhere.test",
            false,
            Chain::Whole,
            &trusting,
            Some(("tls-host-name", "for elsewhere.test")),
        ),
    ];
    for (name, expired, chain, settings, expected) in table {
        let shown = Certificate {
            name,
            expired,
            chain,
        };
        let front = authority.front(behind.clone(), shown).await;
        let walk = walk_with(&format!("{}/mcp", front.url()), settings);
        let diagnosis = walk::walk(&walk).await.diagnosis;
        let cause = diagnosis
            .first_cause()
            .filter(|cause| cause.check.id.starts_with("tls-"));
        let found = cause.map(|cause| (cause.check.id, cause.found.as_str()));
        let is_it = match (expected, found) {
            (Some((id, words)), Some((found, said))) => id == found && said.contains(words),
            (expected, found) => expected.is_none() && found.is_none(),
        };
        assert!(is_it, "{expected:?}: {found:?}");
    }
    let gateway = TestGateway::start().await;
    let plain = format!("{}/mcp", gateway.url.replace("http://", "https://"));
    assert_eq!(first_cause(&diagnosis_of(&plain).await), "tls-spoken");
}

#[tokio::test]
async fn what_stands_in_front_is_recognised() {
    let html = "content-type: text/html\r\n";
    let table: [(u16, &str, &str, &str); 19] = [
        (
            403,
            "content-type: text/html\r\ncf-mitigated: challenge\r\n",
            "<title>Just a moment...</title>",
            "bot-filter-absent",
        ),
        (403, html, "<html>Access denied</html>", "bot-filter-absent"),
        (429, html, "<html>Too many</html>", "bot-filter-absent"),
        (
            503,
            html,
            "<html>Checking your browser</html>",
            "bot-filter-absent",
        ),
        (
            200,
            html,
            "<html><form><input type=\"password\"></form></html>",
            "bot-filter-absent",
        ),
        (
            302,
            "location: https://id.test/login?next=/mcp\r\n",
            "",
            "bot-filter-absent",
        ),
        (
            301,
            "location: https://www.mcp.test/mcp\r\n",
            "",
            "address-no-redirect",
        ),
        (308, "location: /mcp/\r\n", "", "address-no-redirect"),
        (
            301,
            "location: https://lessons.test/mcp\r\n",
            "",
            "address-no-redirect",
        ),
        (403, "x-datadome: protected\r\n", "{}", "bot-filter-absent"),
        // It passed the filter, which marks that as well.
        (500, "x-datadome: protected\r\n", "{}", "challenge-status"),
        (421, "", "", "host-accepted"),
        (
            403,
            "content-type: application/json\r\n",
            "{\"error\":\"host_not_allowed\"}",
            "host-accepted",
        ),
        (502, html, "<html>Bad Gateway</html>", "address-answers"),
        (200, html, "<html>Welcome to nginx!</html>", "answer-is-mcp"),
        (
            200,
            "content-type: application/json\r\n",
            "{\"ok\":true}",
            "answer-is-mcp",
        ),
        (
            404,
            "content-type: application/json\r\n",
            "{}",
            "answer-is-mcp",
        ),
        (405, "", "", "answer-is-mcp"),
        (
            500,
            "content-type: application/json\r\n",
            "{}",
            "challenge-status",
        ),
    ];
    for (status, head, body, expected) in table {
        let says = Says::answer(status, head, body);
        let (diagnosis, _stranger) =
            changed(move |asked| (asked.path() == "/mcp").then(|| says.clone())).await;
        assert_eq!(first_cause(&diagnosis), expected, "{status} {head} {body}");
    }
}

#[tokio::test]
async fn who_typed_another_path_is_told_where_the_server_is() {
    let stranger = Stranger::start(healthy).await;
    let diagnosis = diagnosis_of(&stranger.origin).await;
    assert_eq!(first_cause(&diagnosis), "answer-is-mcp");
    let fix = diagnosis.first_cause().map(|finding| finding.fix.clone());
    let better = format!("Type {}/mcp, where an MCP server answers", stranger.origin);
    assert_eq!(fix, Some(better));
}

#[tokio::test]
async fn a_proxy_that_takes_smaller_requests_or_headers_is_found() {
    let (diagnosis, _stranger) = changed(|asked| {
        (asked.body_bytes > 100_000)
            .then(|| Says::answer(413, "content-type: text/html\r\n", "<html>"))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "request-size-passes");
    let (diagnosis, _stranger) = changed(|asked| {
        let is_long = asked.headers.iter().any(|(_, value)| value.len() > 4_000);
        is_long.then(|| Says::answer(400, "content-type: text/html\r\n", "<html>"))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "header-size-passes");
}

#[tokio::test]
async fn a_clock_that_is_minutes_off_is_found_and_seconds_are_forgiven() {
    let stranger = Stranger::start(|asked| match asked.path() {
        "/mcp" if asked.method == "POST" => {
            let date = httpdate::fmt_http_date(std::time::SystemTime::now());
            let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", asked.origin);
            challenged(&format!(
                "date: {date}\r\nwww-authenticate: Bearer scope=\"mcp:read\", resource_metadata=\"{metadata}\"\r\n"
            ))
        }
        _ => healthy(asked),
    })
    .await;
    for (seconds, expected) in [
        (0, "ok"),
        (-10, "ok"),
        (300, "clock-agrees"),
        (-300, "clock-agrees"),
    ] {
        let walk = walk_to(&format!("{}/mcp", stranger.origin));
        walk.clock.shift(seconds);
        assert_eq!(
            first_cause(&walk::walk(&walk).await.diagnosis),
            expected,
            "{seconds}"
        );
    }
}

#[tokio::test]
async fn a_token_is_sent_to_the_typed_origin_only() {
    let (typed, other) = (
        Stranger::start(healthy).await,
        Stranger::start(healthy).await,
    );
    let url = url::Url::parse(&typed.origin).expect("an address");
    let probe = Probe::new(url.clone(), &Settings::default(), false).expect("a probe");
    let headers = http::HeaderMap::new();
    let question = |url| usher::outbound::Question {
        method: &http::Method::GET,
        url,
        headers: &headers,
        body: b"",
        max_bytes: 1024,
        timeout: std::time::Duration::from_secs(60),
    };
    probe
        .ask_as(question(&url), Some("secret"))
        .await
        .expect("an answer");
    assert_eq!(
        typed.asked()[0].header("authorization"),
        Some("Bearer secret")
    );
    let elsewhere = url::Url::parse(&other.origin).expect("an address");
    let error = probe
        .ask_as(question(&elsewhere), Some("secret"))
        .await
        .expect_err("a refusal");
    assert!(
        matches!(error, usher::outbound::ProbeError::TokenElsewhere(_)),
        "{error:?}"
    );
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn who_calls_from_the_internet_is_told_that_it_cannot_call_here() {
    use usher::clients::KnownClient::{ChatGpt, Cursor};
    let server = Stranger::start(healthy).await;
    for (client, expected) in [(ChatGpt, "address-public"), (Cursor, "ok")] {
        let mut walk = walk_to(&format!("{}/mcp", server.origin));
        (walk.clients, walk.named) = (vec![client], true);
        let diagnosis = walk::walk(&walk).await.diagnosis;
        assert_eq!(
            first_cause(&diagnosis),
            expected,
            "{:?}",
            complaints(&diagnosis)
        );
    }
}

#[tokio::test]
async fn events_that_do_not_come_at_once_and_streams_that_are_cut_are_found() {
    let token = || Some(std::sync::Arc::new(SecretText::new("token")));
    let head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n";
    let open = [&head[..], b": open\n\n"].concat();
    // That a stream is cut is waited for, that it stays open is not.
    for (says, seconds, expected) in [
        (Says::Bytes(open.clone()), 0, "ok"),
        (Says::Bytes(head.to_vec()), 60, "stream-unbuffered"),
        (Says::Closes(open), 60, "stream-stays-open"),
    ] {
        let stranger = Stranger::start(move |asked| match asked.header("authorization") {
            Some(_) => says.clone(),
            None => healthy(asked),
        })
        .await;
        let mut walk = walk_to(&format!("{}/mcp", stranger.origin));
        (walk.token, walk.patience) = (token(), Some(std::time::Duration::from_secs(seconds)));
        assert_eq!(first_cause(&walk::walk(&walk).await.diagnosis), expected);
    }
}

#[tokio::test]
async fn a_session_that_a_server_gave_out_is_ended() {
    let server = Stranger::start(|asked| {
        let json = "content-type: application/json\r\n";
        let answer = |head: &str, result: &str| {
            let body = format!(r#"{{"jsonrpc":"2.0","id":1,{result}}}"#);
            Says::answer(200, &format!("{json}{head}"), &body)
        };
        let unknown = r#""error":{"code":-32601,"message":"unknown"}"#;
        let hello = r#""result":{"protocolVersion":"2025-06-18","capabilities":{}}"#;
        match (asked.header("mcp-method"), asked.header("mcp-session-id")) {
            (Some(_), _) => answer("", unknown),
            (None, None) => answer("mcp-session-id: one\r\n", hello),
            (None, Some(_)) => answer("", r#""result":{"tools":[]}"#),
        }
    })
    .await;
    let url = url::Url::parse(&format!("{}/mcp", server.origin)).expect("an address");
    let probe = Probe::new(url, &Settings::default(), false).expect("a probe");
    let needed = Needed {
        clients: &[],
        issuer: None,
        query: None,
        now: 0,
    };
    let findings = session::check(&probe, &SecretText::new("token"), &needed).await;
    let failures = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Failure);
    let failures: Vec<_> = failures.map(|finding| finding.check.id).collect();
    assert_eq!(failures, ["tools-listed"], "{findings:#?}");
    let asked = server.asked();
    let last = asked.last().expect("a question");
    assert_eq!(last.method, "DELETE");
    assert_eq!(last.header("mcp-session-id"), Some("one"));
    assert_eq!(last.header("mcp-protocol-version"), Some("2025-06-18"));
    assert_eq!(last.header("authorization"), Some("Bearer token"));
}
