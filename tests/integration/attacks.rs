//! Attacks on a whole server, as somebody would make them: each was an idea of how to get past a check.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::eventually::eventually;
use crate::gateway::{Reply, TestGateway};
use crate::issuer::TestIssuer;

/// The id of a document that `search` finds.
async fn found_document(gateway: &TestGateway) -> String {
    let token = gateway.token().mint();
    let params = json!({ "name": "search", "arguments": { "query": "cupcakes" } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let look = async || {
        let answer = gateway.call(&token, call.clone()).await.json();
        let id = answer.pointer("/result/structuredContent/results/0/id");
        id.and_then(Value::as_str).map(str::to_owned)
    };
    eventually("a document is found", look).await
}

#[tokio::test]
async fn a_document_needs_the_scope_that_fetch_needs() {
    let gateway = TestGateway::start().await;
    let id = found_document(&gateway).await;
    let ask = async |scope: &str, id: &str| {
        let token = gateway.token().scope(scope).mint();
        let path = format!("/documents/{id}");
        Reply::of(gateway.request("GET", &path).bearer_auth(token)).await
    };
    assert_eq!(ask("mcp:read", &id).await.status, 200);
    // Neither tells whether there is such a document.
    for id in [id.as_str(), "000000000000000000000000", "0"] {
        for scope in ["openid profile", "mcp:write"] {
            let refused = ask(scope, id).await;
            assert_eq!(refused.status, 403, "{scope} {id}");
            let challenge = refused.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains("error=\"insufficient_scope\""));
            assert!(challenge.contains("scope=\"mcp:read\""), "{challenge}");
        }
    }
}

#[tokio::test]
async fn documents_are_read_out_of_the_limit_of_fetch() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.rate_limit.tool_per_minute = 2;
        settings.rate_limit.burst_seconds = 60;
    });
    let gateway = gateway.start().await;
    let token = gateway.token().mint();
    for expected in [404, 404, 429] {
        let request = gateway.request("GET", "/documents/0").bearer_auth(&token);
        assert_eq!(Reply::of(request).await.status, expected);
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_invited() {
    let gateway = TestGateway::start().await;
    let host = gateway.url.trim_start_matches("http://");
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    let answer = String::from_utf8_lossy(&gateway.raw(request).await).into_owned();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_refused_or_not() {
    let gateway = TestGateway::start().await;
    let (token, host) = (
        gateway.token().mint(),
        gateway.url.trim_start_matches("http://"),
    );
    let ping = |id: u32, authorization: &str, close: &str| {
        let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}");
        format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\n{authorization}Content-Type: application/json\r\n{close}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let good = format!("Authorization: Bearer {token}\r\n");
    let bad = "Authorization: Bearer a.b.c\r\n";
    let all = [
        ping(1, &good, ""),
        ping(2, bad, ""),
        ping(3, &good, ""),
        ping(4, "", ""),
        ping(5, &good, "Connection: close\r\n"),
    ];
    let answer = String::from_utf8_lossy(&gateway.raw(all.concat()).await).into_owned();
    let statuses: Vec<&str> = answer
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|answer| answer.split(' ').next())
        .collect();
    assert_eq!(statuses, ["200", "401", "200", "401", "200"], "{answer}");
    let ids = [1, 3, 5].map(|id| answer.find(&format!("\"id\":{id}")));
    assert!(
        ids.iter().all(Option::is_some) && ids.is_sorted(),
        "{answer}"
    );
}

/// What whoever listens at `address` answers to these bytes.
async fn raw_at(address: &str, request: &str) -> String {
    let connection = tokio::net::TcpStream::connect(address).await;
    let mut connection = connection.expect("a listening server");
    let sent = connection.write_all(request.as_bytes()).await;
    sent.expect("a connection that takes bytes");
    let mut answer = Vec::new();
    drop(connection.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn hosts_that_only_look_like_ours_are_refused_in_every_form_of_a_request() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.http.allowed_hosts = vec!["mcp.internal".to_owned().try_into().expect("a host")];
    });
    let gateway = gateway.start_without_keys().await;
    let own = gateway.url.trim_start_matches("http://").to_owned();
    let status = async |target: String, hosts: &[&str]| {
        let hosts: String = hosts
            .iter()
            .map(|host| format!("Host: {host}\r\n"))
            .collect();
        let request = format!("POST {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = gateway.raw(request).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        text.split(' ').nth(1).unwrap_or("none").to_owned()
    };
    let mcp = || "/mcp".to_owned();
    for (target, hosts) in [
        (mcp(), &[own.as_str()][..]),
        (mcp(), &["mcp.internal"]),
        (mcp(), &["MCP.internal:1234"]),
        (format!("http://{own}/mcp"), &[own.as_str()]),
    ] {
        assert_eq!(
            status(target.clone(), hosts).await,
            "401",
            "{target} {hosts:?}"
        );
    }
    for (target, hosts, expected) in [
        (mcp(), &["evil.test"][..], "403"),
        (mcp(), &["mcp.internal."], "403"),
        (mcp(), &["mcp.internal.evil.test"], "403"),
        ("http://evil.test/mcp".to_owned(), &["evil.test"], "403"),
        (mcp(), &[], "400"),
        (mcp(), &[own.as_str(), "evil.test"], "400"),
        (mcp(), &[own.as_str(), own.as_str()], "400"),
        (mcp(), &["mcp.internal:80@evil.test"], "400"),
        (mcp(), &["user@mcp.internal"], "400"),
        (format!("http://{own}/mcp"), &["evil.test"], "400"),
        ("http://evil.test/mcp".to_owned(), &[own.as_str()], "400"),
        (format!("http://user@{own}/mcp"), &[own.as_str()], "400"),
        // On public paths any host is answered, and two hosts are as wrong as elsewhere.
        ("/healthz".to_owned(), &["evil.test"], "405"),
        ("/healthz".to_owned(), &["evil.test", "evil.test"], "400"),
        (
            "http://other.test/healthz".to_owned(),
            &["evil.test"],
            "400",
        ),
        ("/nothing".to_owned(), &[], "400"),
    ] {
        let found = status(target.clone(), hosts).await;
        assert_eq!(found, expected, "{target} {hosts:?}");
    }
    assert!(gateway.access_log().contains("host_header"));
    let admin = gateway.admin_url.trim_start_matches("http://");
    for (hosts, expected) in [
        (format!("Host: {admin}\r\n"), "200"),
        (format!("Host: {admin}\r\nHost: {admin}\r\n"), "400"),
    ] {
        let request = format!("GET /healthz HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = raw_at(admin, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(expected), "{hosts:?}");
    }
}

#[tokio::test]
async fn only_one_spelling_of_a_guarded_path_leads_to_it() {
    let gateway = TestGateway::start().await;
    let host = gateway.url.trim_start_matches("http://");
    for path in [
        "/MCP",
        "/mcp/",
        "/mcp;x",
        "/mc%70",
        "/%6dcp",
        "/mcp%00",
        "/mcp%20",
        "/./mcp",
        "/mcp/.",
        "/x/../mcp",
        "//mcp",
        "/\\mcp",
        "/documents/..%2fmcp",
        "/documents/../mcp",
        "/documents/%2e%2e",
        "/documents/a/b",
        "/Documents/0",
        "/mcp%3fx",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8_lossy(&gateway.raw(request).await).into_owned();
        let refused = ["HTTP/1.1 404 ", "HTTP/1.1 400 "]
            .iter()
            .any(|status| answer.starts_with(status));
        assert!(refused, "{path}: {answer}");
    }
}

#[tokio::test]
async fn methods_for_proxies_and_debuggers_are_refused() {
    let gateway = TestGateway::start().await;
    let host = gateway.url.trim_start_matches("http://");
    for line in [
        "TRACE /mcp",
        "TRACE /healthz",
        "CONNECT evil.test:443",
        "OPTIONS *",
        "PROPFIND /mcp",
        "get /healthz",
    ] {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n"
        );
        let answer = String::from_utf8_lossy(&gateway.raw(request).await).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "400" | "404" | "405"), "{line}: {answer}");
        assert!(!answer.contains("secret"), "{line}: {answer}");
    }
}

#[tokio::test]
async fn an_upgrade_is_not_taken_up() {
    let gateway = TestGateway::start().await;
    for upgrade in ["h2c", "websocket"] {
        let request = format!(
            "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\nUpgrade: {upgrade}\r\n\r\n"
        );
        let answer = String::from_utf8_lossy(&gateway.raw(request).await).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn a_session_is_of_no_use_to_anybody_else_and_dead_once_ended() {
    let gateway = TestGateway::start().await;
    let open = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" },
    }});
    let alice = gateway.token().mint();
    let opened = gateway.call(&alice, open).await;
    let session = opened
        .header("mcp-session-id")
        .expect("a session")
        .to_owned();
    let use_it = async |method: &str, token: &str, id: &str| {
        let request = gateway
            .request(method, "/mcp")
            .bearer_auth(token)
            .header("mcp-session-id", id)
            .header("mcp-protocol-version", "2025-06-18")
            .header("accept", "application/json, text/event-stream");
        let request = match method {
            "POST" => request.json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })),
            _ => request,
        };
        Reply::of(request).await.status
    };
    let strangers = [
        gateway.token().subject("bob").mint(),
        gateway.token().client_id("another-client").mint(),
    ];
    for stranger in &strangers {
        for method in ["POST", "GET", "DELETE"] {
            assert_eq!(use_it(method, stranger, &session).await, 404, "{method}");
        }
    }
    // A bent id is no id, whichever byte is bent.
    for at in [0, 20, session.len() - 2] {
        let mut bent = session.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).expect("ASCII");
        assert_eq!(use_it("POST", &alice, &bent).await, 404, "{at}");
    }
    assert_eq!(use_it("POST", &alice, &session).await, 200);
    assert_eq!(use_it("DELETE", &alice, &session).await, 204);
    for method in ["POST", "GET", "DELETE"] {
        assert_eq!(use_it(method, &alice, &session).await, 404, "{method}");
    }
}

#[tokio::test]
async fn one_issuers_unknown_keys_do_not_hold_up_another_issuers() {
    let (a, b) = (TestIssuer::start().await, TestIssuer::start().await);
    let other = b.issuer().to_owned();
    let gateway = TestGateway::builder().issuer(a).settings(move |settings| {
        settings
            .issuer
            .push(usher::auth::settings::IssuerSettings::named(other));
    });
    let gateway = gateway.start().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    // The first issuer's bucket is emptied by whoever makes up names of keys.
    let mut last = 0;
    for number in 0..5 {
        let token = gateway
            .token()
            .header("kid", json!(format!("no-{number}")))
            .mint();
        last = gateway.call(&token, ping.clone()).await.status;
    }
    assert_eq!(last, 503);
    b.rotate();
    let fresh = b
        .token()
        .audience(format!("{}/mcp", gateway.public_url))
        .mint();
    assert_eq!(gateway.call(&fresh, ping.clone()).await.status, 200);
    assert_eq!(
        gateway.call(&gateway.token().mint(), ping).await.status,
        200
    );
}

/// One HTTP/2 frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// `GET /healthz` from `localhost`, in HPACK without a dynamic table.
fn get_healthz() -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, 8];
    block.extend_from_slice(b"/healthz");
    block.extend_from_slice(&[0x01, 9]);
    block.extend_from_slice(b"localhost");
    block
}

/// The head of a `GET`, in HPACK with nothing indexed and nothing compressed.
fn get(path: &str, authority: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
    ];
    let mut block = Vec::new();
    for (name, value) in fields.iter().chain(more) {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

#[tokio::test]
async fn http_2_has_one_host_and_no_headers_of_the_connection() {
    let gateway = TestGateway::start().await;
    let own = gateway.url.trim_start_matches("http://").to_owned();
    let heads = [
        (get("/mcp", &own, &[("host", "evil.test")]), "host_header"),
        (
            get("/mcp", "evil.test", &[("host", own.as_str())]),
            "host_header",
        ),
        (get("/mcp", &format!("user@{own}"), &[]), "host_header"),
        (get("/mcp", "evil.test", &[]), "host_not_allowed"),
    ];
    for (head, reason) in &heads {
        let refused = gateway.access_log().matches(reason).count();
        answered(&gateway, head).await;
        let lines = gateway.access_log();
        assert_eq!(lines.matches(reason).count(), refused + 1, "{lines}");
    }
    // These never become requests (RFC 9113 §8.2.2).
    let lines = gateway.access_log().lines().count();
    for more in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("keep-alive", "1"),
        ("Upper", "case"),
    ] {
        answered(&gateway, &get("/healthz", &own, &[more])).await;
    }
    answered(&gateway, &get("/healthz", &own, &[])).await;
    assert_eq!(gateway.access_log().lines().count(), lines + 1);
}

/// Sends one request on a new HTTP/2 connection and waits for the end of its stream or of the connection.
async fn answered(gateway: &TestGateway, head: &[u8]) {
    let mut connection = gateway.connect().await;
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(4, 0, 0, &[]));
    sent.extend(frame(1, 0x05, 1, head));
    connection
        .write_all(&sent)
        .await
        .expect("a listening server");
    let mut header = [0; 9];
    while connection.read_exact(&mut header).await.is_ok() {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("short")];
        if connection.read_exact(&mut payload).await.is_err() {
            return;
        }
        let (kind, flags, stream) = (header[3], header[4], header[8]);
        let ends_stream = kind <= 1 && flags & 1 == 1;
        if stream == 1 && (ends_stream || kind == 3) || kind == 7 {
            return;
        }
    }
}

/// Sends `frames` for as long as the server takes them; true if it then says goodbye, with GOAWAY or by closing.
async fn is_cut_off(gateway: &TestGateway, frames: impl Iterator<Item = Vec<u8>>) -> bool {
    let mut connection = gateway.connect().await;
    let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    hello.extend(frame(4, 0, 0, &[]));
    connection
        .write_all(&hello)
        .await
        .expect("a listening server");
    let (mut read, mut write) = connection.into_split();
    let reader = async {
        let mut all = Vec::new();
        drop(read.read_to_end(&mut all).await);
        all
    };
    let writer = async {
        for frame in frames {
            if write.write_all(&frame).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    // Long before any timer of the server's.
    let patience = std::time::Duration::from_secs(300);
    tokio::select! {
        ended = tokio::time::timeout(patience, reader) => ended.is_ok(),
        () = writer => false,
    }
}

#[tokio::test]
async fn floods_of_http_2_frames_end_the_connection_and_nothing_else() {
    let gateway = TestGateway::builder()
        .settings(|settings| settings.http.header_timeout_seconds = 600)
        .start()
        .await;
    let streams = || (0..200_000_u32).map(|number| number * 2 + 1);
    // CVE-2023-44487: streams opened and reset at once.
    let rapid = streams().map(|stream| {
        let mut both = frame(1, 0x05, stream, &get_healthz());
        both.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
        both
    });
    assert!(is_cut_off(&gateway, rapid).await, "rapid reset");
    // CVE-2024-27316 and its like: a head that never ends.
    let never_ending = std::iter::once(frame(1, 0x01, 1, &get_healthz()))
        .chain((0..100_000).map(|_| frame(9, 0, 1, &[0x00, 1, b'a', 1, b'b'])));
    assert!(is_cut_off(&gateway, never_ending).await, "continuation");
    // CVE-2025-8671: the client makes the server do the resetting, here with a window of 0 more.
    let made = streams().map(|stream| {
        let mut both = frame(1, 0x05, stream, &get_healthz());
        both.extend(frame(8, 0, stream, &[0, 0, 0, 0]));
        both
    });
    assert!(is_cut_off(&gateway, made).await, "made you reset");
    assert_eq!(gateway.get("/healthz").await.status, 200);
}
