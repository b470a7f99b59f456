//! Where the browser comes back to: a port on loopback that answers one page (RFC 8252 §7.3).

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::sealing::equal_in_constant_time;

/// A longer request is none of a browser's.
const MOST_BYTES: usize = 16 * 1024;
/// A browser that connects and says nothing does not keep others waiting longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where it comes back to.
const PATH: &str = "/callback";

const GOOD: &str = "Back in the terminal. You can close this window.";
const NOT_THIS: &str = "This is not the answer to a login that was begun here.";

/// The open port.
pub(super) struct Listener {
    socket: TcpListener,
    port: u16,
}

/// What the authorization server sent along (RFC 6749 §4.1.2). It holds a code, so it has no `Debug`.
#[derive(Default)]
pub(super) struct Returned {
    pub code: Option<String>,
    pub error: Option<String>,
    pub description: Option<String>,
    pub iss: Option<String>,
}

impl Listener {
    pub(super) async fn bind(port: Option<u16>) -> std::io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, port })
    }

    /// RFC 8252 §8.3: the address and not `localhost`, which may lead elsewhere.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the one request that carries `state`; whatever else comes is turned away.
    pub(super) async fn returned(&self, state: &str) -> Returned {
        let mut visitors = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => {
                    if let Ok((stream, _)) = accepted {
                        visitors.push(tokio::time::timeout(PATIENCE, serve(stream, state)));
                    }
                }
                Some(served) = visitors.next(), if !visitors.is_empty() => {
                    if let Ok(Some(returned)) = served {
                        return returned;
                    }
                }
            }
        }
    }
}

async fn serve(mut stream: TcpStream, state: &str) -> Option<Returned> {
    let target = target(&mut stream).await?;
    let returned = read(&target, state);
    let (status, text) = match &returned {
        Some(_) => ("200 OK", GOOD),
        None => ("404 Not Found", NOT_THIS),
    };
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Usher's doctor</title><p>{text}</p></html>"
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // Whether the page arrives does not matter: the code has.
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
    returned
}

/// The target of a GET, once its head is there.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > MOST_BYTES || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    (words.next() == Some("GET")).then_some(())?;
    words.next().map(str::to_owned)
}

/// The answer, if it is the one to this login.
fn read(target: &str, state: &str) -> Option<Returned> {
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    let mut returned = Returned::default();
    let mut is_ours = false;
    for (name, value) in url.query_pairs() {
        if name == "state" {
            is_ours = equal_in_constant_time(value.as_bytes(), state.as_bytes());
        }
        let value = Some(value.into_owned());
        match name.as_ref() {
            "code" => returned.code = value,
            "error" => returned.error = value,
            "error_description" => returned.description = value,
            "iss" => returned.iss = value,
            _ => {}
        }
    }
    let says_something = returned.code.is_some() || returned.error.is_some();
    (url.path() == PATH && is_ours && says_something).then_some(returned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_with_this_state_counts() {
        let good =
            read("/callback?code=c&state=s&iss=https%3A%2F%2Fid.test", "s").expect("an answer");
        assert_eq!(good.code.as_deref(), Some("c"));
        assert_eq!(good.iss.as_deref(), Some("https://id.test"));
        let denied = read(
            "/callback?error=access_denied&error_description=no+thanks&state=s",
            "s",
        );
        let denied = denied.expect("an answer");
        assert_eq!(denied.error.as_deref(), Some("access_denied"));
        assert_eq!(denied.description.as_deref(), Some("no thanks"));
        for other in [
            "/callback?code=c",
            "/callback?code=c&state=",
            "/callback?code=c&state=other",
            "/callback?state=s",
            "/?code=c&state=s",
            "/favicon.ico",
            "//evil.test/callback",
        ] {
            assert!(read(other, "s").is_none(), "{other}");
        }
    }

    #[tokio::test]
    async fn strangers_and_silent_connections_do_not_keep_the_browser_waiting() {
        let listener = Listener::bind(None).await.expect("a port");
        let address = ("127.0.0.1", listener.port);
        let browser = async {
            let _silent = TcpStream::connect(address).await.expect("a connection");
            let ask = async |target: &str| {
                let mut stream = TcpStream::connect(address).await.expect("a connection");
                let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
                stream.write_all(request.as_bytes()).await.expect("sent");
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.expect("an answer");
                answer
            };
            let icon = ask("/favicon.ico").await;
            assert!(icon.starts_with("HTTP/1.1 404 "), "{icon}");
            let forged = ask("/callback?code=evil&state=guessed").await;
            assert!(forged.contains(NOT_THIS), "{forged}");
            let good = ask("/callback?code=c&state=s").await;
            assert!(
                good.contains(GOOD) && good.contains("no-referrer"),
                "{good}"
            );
        };
        let (returned, ()) = tokio::join!(listener.returned("s"), browser);
        assert_eq!(returned.code.as_deref(), Some("c"));
    }
}
