//! Bad senders: too slow, too big, too many, or ambiguous. Over real sockets, because that is where they live.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gateway::TestGateway;

/// The status of the first response in `answer`, or 0 if there is none.
fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

/// Longer than any of the short times below takes on a slow machine, and shorter than the long one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything until the server closes the connection. Fails the test if it does not.
async fn until_closed(connection: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = connection.read_to_end(&mut answer);
    drop(
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the server closes"),
    );
    answer
}

const LONG: u64 = 600;

/// Waits for a second, except for the next request.
async fn impatient() -> TestGateway {
    waiting(1, LONG).await
}

/// Waits so many seconds for the head of a request that has begun, and for one that has not. For a body it waits one.
async fn waiting(header: u64, idle: u64) -> TestGateway {
    let gateway = TestGateway::builder().settings(move |settings| {
        settings.http.header_timeout_seconds = header;
        settings.http.body_timeout_seconds = 1;
        settings.http.idle_timeout_seconds = idle;
    });
    gateway.start().await
}

#[tokio::test]
async fn a_connection_whose_headers_do_not_arrive_is_closed() {
    let gateway = impatient().await;
    for sent in [
        &b""[..],
        b"G",
        b"PRI * HTTP/2",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    ] {
        let mut connection = gateway.connect().await;
        connection.write_all(sent).await.unwrap();
        let answer = until_closed(&mut connection).await;
        assert_eq!(status(&answer), 0, "{sent:?}");
    }
}

#[tokio::test]
async fn dripping_headers_do_not_extend_the_time() {
    let gateway = impatient().await;
    let mut connection = gateway.connect().await;
    let head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    connection.write_all(head).await.unwrap();
    let drip = async {
        while connection.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, drip)
        .await
        .expect("the server closes");
}

#[tokio::test]
async fn a_kept_connection_outlives_the_header_timeout_and_ends_with_the_idle_timeout() {
    let gateway = impatient().await;
    let mut connection = gateway.connect().await;
    for _ in 0..2 {
        is_well(&mut connection).await;
        // Longer than the header timeout.
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    is_well(&mut connection).await;

    let gateway = waiting(LONG, 1).await;
    let mut connection = gateway.connect().await;
    is_well(&mut connection).await;
    assert_eq!(until_closed(&mut connection).await, b"");
}

/// One request on this connection, which is kept.
async fn is_well(connection: &mut TcpStream) {
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    connection.write_all(request).await.expect("a connection");
    let mut some = [0; 4096];
    let read = connection.read(&mut some).await.expect("an answer");
    assert_eq!(status(some.get(..read).unwrap_or_default()), 200);
}

// hyper's own timer is off; nothing else would end these connections.
#[tokio::test]
async fn a_later_head_that_does_not_end_closes_the_connection() {
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (first, behind_the_answer, gateway) in [
        (request.to_owned(), "GET / HT", impatient().await),
        // What came along with a whole request counts as idle.
        (format!("{request}GET"), "", waiting(LONG, 1).await),
    ] {
        let mut connection = gateway.connect().await;
        connection.write_all(first.as_bytes()).await.unwrap();
        let mut some = [0; 4096];
        let read = connection.read(&mut some).await.expect("an answer");
        assert_eq!(status(some.get(..read).unwrap_or_default()), 200);
        let sent = connection.write_all(behind_the_answer.as_bytes()).await;
        sent.unwrap();
        assert_eq!(until_closed(&mut connection).await, b"", "{first:?}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_with_408() {
    let gateway = impatient().await;
    let (token, host) = (
        gateway.token().mint(),
        gateway.url.trim_start_matches("http://").to_owned(),
    );
    let mut connection = gateway.connect().await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: 100\r\n\r\n{{"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(status(&until_closed(&mut connection).await), 408);
}

/// A connection on which all but the last byte of a call of `ping` was sent, in two pieces.
async fn slow_ping(gateway: &TestGateway, token: &str) -> TcpStream {
    let host = gateway.url.trim_start_matches("http://");
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nConnection: close\r\nContent-Length: 40\r\n\r\n"
    );
    let mut connection = gateway.connect().await;
    let sent = connection.write_all(head.as_bytes()).await;
    sent.expect("a connection that takes bytes");
    let most = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"";
    assert_eq!(most.len(), 39);
    let sent = connection.write_all(most).await;
    sent.expect("a connection that takes bytes");
    connection
}

#[tokio::test]
async fn whoever_sends_slowly_does_not_hold_the_places_of_others() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.http.max_concurrent_requests = 4;
        settings.http.max_waiting_bodies_per_subject = 2;
    });
    let gateway = gateway.start().await;
    let alice = gateway.token().mint();
    // Two of these wait and one is refused, whichever of them came last.
    let mut slow = [
        slow_ping(&gateway, &alice).await,
        slow_ping(&gateway, &alice).await,
        slow_ping(&gateway, &alice).await,
    ];
    let [one, two, three] = &mut slow;
    let (refused, others) = tokio::select! {
        answer = until_closed(one) => (answer, [two, three]),
        answer = until_closed(two) => (answer, [one, three]),
        answer = until_closed(three) => (answer, [one, two]),
    };
    assert_eq!(status(&refused), 429);
    assert!(gateway.access_log().contains("too_many_bodies"));

    // Bob may still send slowly, and everybody may send at once.
    let bob = gateway.token().subject("bob").mint();
    let mut of_bob = slow_ping(&gateway, &bob).await;
    let ping = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for token in [&alice, &bob] {
        assert_eq!(gateway.call(token, ping.clone()).await.status, 200);
    }
    // Whoever waited is answered, and may wait again.
    for connection in others {
        connection.write_all(b"}").await.unwrap();
        assert_eq!(status(&until_closed(connection).await), 200);
    }
    of_bob.write_all(b"}").await.unwrap();
    assert_eq!(status(&until_closed(&mut of_bob).await), 200);
    let mut again = slow_ping(&gateway, &alice).await;
    again.write_all(b"}").await.unwrap();
    assert_eq!(status(&until_closed(&mut again).await), 200);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_declared_or_not() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let host = gateway.url.trim_start_matches("http://").to_owned();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n"
    );
    let declared = format!("{head}Content-Length: 1048577\r\n\r\n");
    assert_eq!(status(&gateway.raw(declared).await), 413);

    let mut counted = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..17 {
        counted.extend_from_slice(b"10000\r\n");
        counted.extend_from_slice(&[b' '; 0x1_0000]);
        counted.extend_from_slice(b"\r\n");
    }
    counted.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(status(&gateway.raw(counted).await), 413);

    // Exactly the limit is read, and found to be no JSON.
    let mut full =
        format!("{head}Content-Length: 1048576\r\nConnection: close\r\n\r\n").into_bytes();
    full.extend(std::iter::repeat_n(b'x', 1024 * 1024));
    assert_eq!(status(&gateway.raw(full).await), 400);
}

#[tokio::test]
async fn a_large_body_without_a_ticket_is_read_to_its_end_before_it_is_refused() {
    let gateway = TestGateway::start().await;
    let host = gateway.url.trim_start_matches("http://");
    let head = |length: usize| {
        format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut connection = TcpStream::connect(host).await.unwrap();
    // Nothing of an answer comes before the last byte, and the connection serves a second request.
    for _ in 0..2 {
        let mut request = head(1024 * 1024).into_bytes();
        request.extend(std::iter::repeat_n(b' ', 1024 * 1024));
        connection.write_all(&request).await.unwrap();
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
        let mut rest = Vec::new();
        while !rest.ends_with(b"\r\n\r\n") {
            rest.push(connection.read_u8().await.unwrap());
        }
        let rest = String::from_utf8_lossy(&rest).to_lowercase();
        assert!(!rest.contains("connection: close"), "{rest}");
        let length = rest
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        connection.read_exact(&mut vec![0; length]).await.unwrap();
    }
    // What no ticket would open is not read at all.
    let answer = gateway.raw(head(1024 * 1024 + 1)).await;
    assert_eq!(status(&answer), 401);
    assert!(String::from_utf8_lossy(&answer).contains("connection: close"));
}

#[tokio::test]
async fn messages_that_two_readers_could_frame_differently_are_refused() {
    let gateway = TestGateway::start().await;
    for (what, headers, body) in [
        (
            "two lengths",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "hello!",
        ),
        ("a list of lengths", "Content-Length: 5, 6\r\n", "hello!"),
        ("a signed length", "Content-Length: +5\r\n", "hello"),
        ("a negative length", "Content-Length: -5\r\n", "hello"),
        (
            "a coding that is not chunked last",
            "Transfer-Encoding: chunked, identity\r\n",
            "0\r\n\r\n",
        ),
        (
            "an unknown coding",
            "Transfer-Encoding: xchunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "a coding before chunked",
            "Transfer-Encoding: gzip, chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "chunks in chunks",
            "Transfer-Encoding: chunked, chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        ("a folded header", "X-A: b\r\n c: d\r\n", ""),
        (
            "a space before the colon",
            "Content-Length : 5\r\n",
            "hello",
        ),
        ("an underscore twin", "content_length: 5\r\n", ""),
    ] {
        let request = format!(
            "POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}"
        );
        let answer = gateway.raw(request).await;
        let text = String::from_utf8_lossy(&answer);
        // 405 would mean that it was understood.
        assert!(matches!(status(&answer), 400 | 501), "{what}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{what}: {text}");
    }
}

#[tokio::test]
async fn nothing_behind_a_message_with_length_and_chunks_passes_for_a_request() {
    let gateway = TestGateway::start().await;
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let request =
            format!("POST /healthz HTTP/1.1\r\nHost: x\r\n{framing}\r\n0\r\n\r\n{smuggled}");
        let answer = gateway.raw(request).await;
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(status(&answer), 405, "{text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{framing}: {text}");
    }
}

#[tokio::test]
async fn garbage_is_refused_and_does_no_harm() {
    let gateway = TestGateway::start().await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello over TLS\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame at all.............",
    ] {
        let answer = gateway.raw(garbage).await;
        assert!(
            matches!(status(&answer), 0 | 400),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(gateway.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_answered_with_431() {
    let gateway = TestGateway::start().await;
    let many = "X-A: b\r\n".repeat(101);
    let large = format!("X-A: {}\r\n", "b".repeat(33 * 1024));
    let huge = format!("X-A: {}\r\n", "b".repeat(80 * 1024));
    for headers in [many, large, huge] {
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        assert_eq!(
            status(&gateway.raw(request).await),
            431,
            "{} bytes",
            headers.len()
        );
    }
}

#[tokio::test]
async fn http_2_without_tls_works_on_the_same_port() {
    let gateway = TestGateway::start().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let token = gateway.token().mint();
    let request = client
        .post(format!("{}/mcp", gateway.url))
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
    let response = request.send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_subject_that_asks_too_often_is_told_when_to_come_back() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.rate_limit.subject_per_minute = 2;
        settings.rate_limit.burst_seconds = 60;
    });
    let gateway = gateway.start().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let (alice, bob) = (
        gateway.token().mint(),
        gateway.token().subject("bob").mint(),
    );
    for expected in [200, 200, 429] {
        let reply = gateway.call(&alice, ping.clone()).await;
        assert_eq!(reply.status, expected);
        if expected == 429 {
            let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=30).contains(&seconds), "{seconds}");
            assert_eq!(reply.json()["error"], "rate_limited");
        }
    }
    assert_eq!(gateway.call(&bob, ping).await.status, 200);
    assert!(
        gateway
            .access_log()
            .contains("\"reason\":\"rate_limited_subject\"")
    );
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_address_has_its_own_limit() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1".to_owned().try_into().unwrap()];
        settings.rate_limit.address_per_minute = 1;
        settings.rate_limit.burst_seconds = 60;
    });
    let gateway = gateway.start_without_keys().await;
    let ask = async |client: &'static str| {
        let request = gateway
            .request("GET", "/healthz")
            .header("x-forwarded-for", client);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("192.0.2.1").await, 200);
    assert_eq!(ask("192.0.2.1").await, 429);
    assert_eq!(ask("6.6.6.6, 192.0.2.1").await, 429);
    assert_eq!(ask("192.0.2.2").await, 200);
    assert!(gateway.access_log().contains("\"remote\":\"192.0.2.1\""));
}

#[tokio::test]
async fn more_requests_at_once_than_allowed_are_turned_away_with_503() {
    let gateway =
        TestGateway::builder().settings(|settings| settings.http.max_concurrent_requests = 1);
    let gateway = gateway.start().await;
    let (token, host) = (
        gateway.token().mint(),
        gateway.url.trim_start_matches("http://"),
    );
    // A request whose body is awaited takes the only place.
    let mut slow = gateway.connect().await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    slow.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let reply = gateway.get("/healthz").await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(reply.json()["error"], "overloaded");
}
