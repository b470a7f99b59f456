//! Tests of what may be contacted, how large it may be and how long it may take.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::outbound::{Get, JsonDocument, Reply};

/// Answers every connection with these bytes and leaves it open.
#[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
async fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // The request fits into one segment.
            let read = stream.read(&mut [0; 4096]).await.is_ok();
            if read && stream.write_all(bytes).await.is_ok() {
                open.push(stream);
            }
        }
    }));
    address.to_string()
}

async fn get(outbound: &Outbound, url: &str) -> Result<Reply, OutboundError> {
    let url = Url::parse(url).expect("a URL");
    let get = Get {
        url: &url,
        accept: "application/json",
        if_none_match: None,
        max_bytes: 8,
    };
    outbound.get(get).await
}

// row 35
#[tokio::test]
async fn speaks_https_or_loopback_http_and_to_no_metadata_service() {
    let outbound = Outbound::default();
    for url in [
        "http://id.test/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://user@127.0.0.1/",
        "https://user:secret@id.test/",
    ] {
        let error = get(&outbound, url).await.expect_err(url);
        assert!(
            matches!(error, OutboundError::InsecureUrl(_)),
            "{url}: {error}"
        );
        assert!(!error.to_string().contains("secret"));
    }
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://0.0.0.0/",
        "https://100.100.100.200/",
    ] {
        let error = get(&outbound, url).await.expect_err(url);
        assert!(
            matches!(error, OutboundError::ForbiddenAddress(_)),
            "{url}: {error}"
        );
    }
}

#[test]
fn plain_http_off_loopback_takes_a_word_and_reaches_no_metadata_service_either() {
    let outbound = Outbound::default();
    let check = |url: &str, plain_http, allowed: bool| {
        let url = Url::parse(url).expect("a URL");
        let found = outbound.plain_names(&url, plain_http).is_ok();
        assert_eq!(found, allowed, "{url} {plain_http:?}");
    };
    use PlainHttp::{Anywhere, OnLoopback};
    for url in ["http://orders.default.svc:8080/mcp", "http://10.0.0.7/mcp"] {
        check(url, OnLoopback, false);
        check(url, Anywhere, true);
    }
    for url in [
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://user@orders.test/",
        "ftp://orders.test/",
    ] {
        check(url, Anywhere, false);
    }
    check("http://127.0.0.1/", OnLoopback, true);
}

// row 32, row 34
#[tokio::test]
async fn a_reply_has_a_deadline_and_a_size() {
    let quick = Outbound::new(Settings {
        total_timeout_ms: 100,
        ..Settings::default()
    });
    let quick = quick.expect("a client");
    let silent = answering(b"").await;
    assert_eq!(
        get(&quick, &format!("http://{silent}/")).await,
        Err(OutboundError::Timeout(100))
    );
    let half = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{}").await;
    assert_eq!(
        get(&quick, &format!("http://{half}/")).await,
        Err(OutboundError::Timeout(100))
    );

    let outbound = Outbound::default();
    for (answer, expected) in [
        (
            &b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n12345678"[..],
            Ok(8),
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789",
            Err(OutboundError::TooLarge(8)),
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n12345\r\n",
            Err(OutboundError::TooLarge(8)),
        ),
        (
            b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
            Err(OutboundError::Redirect(302)),
        ),
        (
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            Err(OutboundError::Status(404)),
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n",
            Err(OutboundError::Encoded("gzip".into())),
        ),
    ] {
        let address = answering(answer).await;
        let reply = get(&outbound, &format!("http://{address}/")).await;
        let found = reply.map(|reply| match reply {
            Reply::Document { body, .. } => body.len(),
            Reply::NotModified { .. } => 0,
        });
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_document_that_is_sent_gets_any_answer_but_a_redirect_and_within_a_size() {
    let outbound = Outbound::default();
    for (answer, expected) in [
        (
            &b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"[..],
            Ok((201, 2)),
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno",
            Ok((403, 2)),
        ),
        (
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
            Err(OutboundError::Redirect(307)),
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n123456789",
            Err(OutboundError::TooLarge(8)),
        ),
        (
            b"HTTP/1.1 201 Created\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n",
            Err(OutboundError::Encoded("gzip".into())),
        ),
    ] {
        let url = format!("http://{}/", answering(answer).await);
        let document = JsonDocument {
            url: &Url::parse(&url).expect("a URL"),
            body: b"{}",
            bearer: Some("token"),
            max_bytes: 8,
        };
        let found = outbound.send(document).await;
        assert_eq!(
            found.map(|answer| (answer.status, answer.body.len())),
            expected
        );
    }
}

#[tokio::test]
async fn a_tls_client_is_built_when_first_needed_and_trusts_nobody_who_speaks_no_tls() {
    let outbound = Outbound::default();
    let plain = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let error = get(&outbound, &format!("https://{plain}/"))
        .await
        .expect_err("no TLS");
    assert!(matches!(error, OutboundError::Connection(_)), "{error:?}");
}

#[test]
fn a_ca_file_that_is_missing_or_holds_no_certificate_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    let broken = folder.path().join("broken.pem");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&broken, text).expect("a file");
    for path in [folder.path().join("missing.pem"), empty, broken] {
        let settings = Settings {
            ca_files: vec![path.clone()],
            ..Settings::default()
        };
        assert!(Outbound::new(settings).is_err(), "{}", path.display());
    }
    let proxy = Settings {
        proxy: Some("not a proxy".into()),
        ..Settings::default()
    };
    assert!(matches!(
        Outbound::new(proxy),
        Err(SettingsError::Proxy { .. })
    ));
}
