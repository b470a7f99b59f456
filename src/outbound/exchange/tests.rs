//! Tests of exchanges over connections of our own: which are used again, which are closed, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

/// A server that answers each request with the next of these, and then waits for the next request.
struct Server {
    url: Url,
    connections: Arc<AtomicUsize>,
    /// Told when a client has closed a connection.
    closed: mpsc::UnboundedReceiver<()>,
}

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Does {
    Answer(&'static str),
    /// And closes.
    Last(&'static str),
    Nothing,
}

/// The longest body that is waited for.
const MOST: usize = 8 * 1024;

const OK: Does = Does::Answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");

impl Server {
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    async fn start(script: &'static [Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let (ended, closed) = mpsc::unbounded_channel();
        let (counted, next) = (Arc::clone(&connections), Arc::new(AtomicUsize::new(0)));
        drop(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(tokio::spawn(serve(
                    stream,
                    script,
                    (Arc::clone(&next), ended.clone()),
                )));
            }
        }));
        Self {
            url: Url::parse(&format!("http://{address}/mcp?key=1")).expect("a URL"),
            connections,
            closed,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn exchange() -> Exchange {
        Exchange {
            method: Method::POST,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
            timeout: Duration::from_secs(10),
        }
    }

    /// The way there.
    fn by(&self, outbound: &Outbound) -> Destination {
        outbound.destination(self.url.clone(), PlainHttp::OnLoopback)
    }

    /// The whole body of the answer to one request.
    async fn ask(&self, outbound: &Outbound) -> Result<String, OutboundError> {
        let answer = self.by(outbound).exchange(Self::exchange()).await?;
        let body = answer.whole(MOST).await?;
        Ok(String::from_utf8(body.to_vec()).expect("text"))
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &'static [Does],
    (next, ended): (Arc<AtomicUsize>, mpsc::UnboundedSender<()>),
) {
    let mut request = [0; 4096];
    loop {
        // A request fits into one segment.
        match stream.read(&mut request).await {
            Ok(0) | Err(_) => break,
            Ok(read) => {
                let head = request.get(..read).unwrap_or_default();
                assert!(head.starts_with(b"POST /mcp?key=1 HTTP/1.1\r\n"));
            }
        }
        match script.get(next.fetch_add(1, Ordering::SeqCst)) {
            Some(Does::Answer(text)) => stream.write_all(text.as_bytes()).await.expect("sent"),
            Some(Does::Last(text)) => {
                stream.write_all(text.as_bytes()).await.expect("sent");
                drop(stream);
                let _test_is_over = ended.send(());
                return;
            }
            Some(Does::Nothing) | None => {}
        }
    }
    let _test_is_over = ended.send(());
}

fn many() -> Outbound {
    Outbound::for_upstreams(crate::outbound::Settings::default()).expect("settings")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    const CHUNKED: Does = Does::Answer(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    );
    const EMPTY: Does = Does::Answer("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
    let server = Server::start(&[OK, CHUNKED, EMPTY, OK, OK]).await;
    let outbound = many();
    for body in ["{}", "{}", "", "{}"] {
        assert_eq!(server.ask(&outbound).await.as_deref(), Ok(body));
    }
    // An answer that nobody reads is no hindrance if it is there.
    let by = server.by(&outbound);
    drop(by.exchange(Server::exchange()).await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn requests_at_once_have_a_connection_each() {
    let server = Server::start(&[Does::Nothing, OK, OK]).await;
    let outbound = many();
    let by = server.by(&outbound);
    let mut waits = pin!(by.exchange(Server::exchange()));
    tokio::select! {
        biased;
        _ = &mut waits => panic!("it was answered"),
        // Its server reads one request before the other is made.
        () = async { while server.connections() < 1 { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(server.connections(), 1);
    let first = server.ask(&outbound);
    tokio::select! {
        biased;
        _ = &mut waits => panic!("it was answered"),
        found = first => assert!(found.is_ok()),
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn what_was_closed_or_says_more_than_was_asked_is_not_used_again() {
    const CLOSES: Does = Does::Last("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    const SAYS_SO: Does =
        Does::Answer("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
    const MORE: Does = Does::Answer(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
    );
    let mut server = Server::start(&[CLOSES, SAYS_SO, MORE, OK]).await;
    let outbound = many();
    for connections in 1..=4 {
        assert_eq!(server.ask(&outbound).await.as_deref(), Ok("{}"));
        assert_eq!(server.connections(), connections);
        if connections == 1 {
            assert_eq!(server.closed.recv().await, Some(()));
        }
        // The end of a connection is heard of before the next request: what came is there, and is looked at now and then.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_is_given_up_is_closed_before_and_after_the_answer_has_begun() {
    const BEGINS: Does =
        Does::Answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n");
    let mut server = Server::start(&[Does::Nothing, BEGINS, BEGINS]).await;
    let outbound = many();
    let by = server.by(&outbound);
    let mut waits = Box::pin(by.exchange(Server::exchange()));
    tokio::select! {
        biased;
        _ = &mut waits => panic!("it was answered"),
        () = async { while server.connections() < 1 { tokio::task::yield_now().await } } => {}
    }
    drop(waits);
    assert_eq!(server.closed.recv().await, Some(()));
    let mut begun = by.exchange(Server::exchange()).await.expect("begun");
    assert_eq!(begun.chunk().await, Ok(Some(Bytes::from_static(b"{"))));
    drop(begun);
    assert_eq!(server.closed.recv().await, Some(()));
    drop(by.exchange(Server::exchange()).await.expect("begun"));
    assert_eq!(server.closed.recv().await, Some(()));
}

#[tokio::test]
async fn all_of_an_answer_has_one_deadline_and_a_broken_one_is_an_error() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{}";
    let server = Server::start(&[Does::Nothing, Does::Answer(HALF), Does::Last(HALF)]).await;
    let outbound = many();
    // As long as a slow machine may need for the half that comes.
    let soon = || Exchange {
        timeout: Duration::from_secs(3),
        ..Server::exchange()
    };
    let by = server.by(&outbound);
    let late = by.exchange(soon()).await.map(|_| ());
    assert_eq!(late, Err(OutboundError::Timeout(3_000)));
    let mut half = by.exchange(soon()).await.expect("its head");
    assert_eq!(half.announced_bytes(), Some(4));
    assert_eq!(half.chunk().await, Ok(Some(Bytes::from_static(b"{}"))));
    assert_eq!(half.chunk().await, Err(OutboundError::Timeout(3_000)));
    let broken = server.ask(&outbound).await;
    assert!(
        matches!(broken, Err(OutboundError::Broken(_))),
        "{broken:?}"
    );
}

#[tokio::test]
async fn redirects_and_encodings_are_refused_and_no_server_is_an_error() {
    let server = Server::start(&[
        Does::Answer("HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"),
        Does::Answer("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n"),
    ])
    .await;
    let outbound = many();
    let redirected = server.ask(&outbound).await;
    assert_eq!(redirected, Err(OutboundError::Redirect(307)));
    let encoded = server.ask(&outbound).await;
    assert_eq!(encoded, Err(OutboundError::Encoded("gzip".to_owned())));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let nobody = Url::parse(&format!("http://{address}/")).expect("a URL");
    let nobody = outbound.destination(nobody, PlainHttp::OnLoopback);
    let refused = nobody.exchange(Server::exchange()).await.map(|_| ());
    assert!(
        matches!(refused, Err(OutboundError::Connection(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_after_a_while() {
    let mut server = Server::start(&[OK]).await;
    let outbound = many();
    assert!(server.ask(&outbound).await.is_ok());
    tokio::time::pause();
    outbound.close_idle();
    tokio::time::advance(Duration::from_secs(29)).await;
    outbound.close_idle();
    assert!(server.closed.try_recv().is_err());
    tokio::time::advance(Duration::from_secs(2)).await;
    outbound.close_idle();
    assert_eq!(server.closed.recv().await, Some(()));
}

#[tokio::test]
async fn a_body_is_whole_in_one_piece_or_many_and_has_a_size() {
    const CHUNKED: Does = Does::Answer(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{ \r\n1\r\n \r\n2\r\n }\r\n0\r\n\r\n",
    );
    const EMPTY: Does = Does::Answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let text = "lemon cupcakes ".repeat(200);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
    let long = Does::Answer(Box::leak(answer.into_boxed_str()));
    let script = Box::leak(Box::new([CHUNKED, EMPTY, long, CHUNKED, OK, OK]));
    let server = Server::start(script).await;
    let outbound = many();
    for body in ["{   }", "", &text] {
        assert_eq!(server.ask(&outbound).await.as_deref(), Ok(body));
    }
    let by = server.by(&outbound);
    for most in [4, 1] {
        let answer = by.exchange(Server::exchange()).await.expect("its head");
        let too_much = Err(OutboundError::TooLarge(most));
        assert_eq!(answer.whole(most).await, too_much);
    }
    let answer = by.exchange(Server::exchange()).await.expect("its head");
    let whole = answer.whole(2).await;
    assert_eq!(whole, Ok(Bytes::from_static(b"{}")));
}
