//! A refusal leaves the connection usable: clients that send head and body apart keep their connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gateway::TestGateway;

/// The head and the JSON body of one answer with a `Content-Length`.
async fn answer(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut chunk = [0; 4096];
    loop {
        let read = connection
            .read(&mut chunk)
            .await
            .expect("an open connection");
        assert_ne!(read, 0, "the server closed the connection after: {text}");
        text.push_str(
            std::str::from_utf8(chunk.get(..read).expect("what was read")).expect("text"),
        );
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length:")?
                    .trim()
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if body.len() >= length {
            return text;
        }
    }
}

async fn check(headers: &str, status: &str) {
    let gateway = TestGateway::start().await;
    let mut connection = gateway.connect().await;
    connection.set_nodelay(true).expect("a socket");
    let host = gateway.public_url.trim_start_matches("http://").to_owned();
    for _ in 0..3 {
        let head =
            format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: 46\r\n\r\n");
        connection.write_all(head.as_bytes()).await.expect("a head");
        // The server has the head alone now: only then is it tempted to answer without the body.
        drop(gateway.get("/healthz").await);
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        connection.write_all(body).await.expect("a body");
        let text = answer(&mut connection).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        assert!(
            !text.to_ascii_lowercase().contains("connection: close"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_challenge() {
    check("Content-Type: application/json\r\n", "401").await;
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_foreign_origin() {
    check("Origin: https://evil.example\r\n", "403").await;
}

#[tokio::test]
async fn a_refused_request_without_its_body_is_answered_and_closed() {
    let gateway = TestGateway::start().await;
    let host = gateway.public_url.trim_start_matches("http://").to_owned();
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: 46\r\n\r\n");
    let text = String::from_utf8(gateway.raw(head).await).expect("text");
    assert!(text.starts_with("HTTP/1.1 401"), "{text}");
    assert!(
        text.to_ascii_lowercase().contains("connection: close"),
        "{text}"
    );
}
