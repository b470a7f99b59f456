//! A server that answers whatever a test wants, well-behaved or not: for everything that asks servers of others.
//!
//! Include with `#[path = "../support/stranger.rs"] mod stranger;`.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The method.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The head, line by line, in lower case but for the values.
    pub(crate) headers: Vec<(String, String)>,
    /// How long the body is.
    pub(crate) body_bytes: usize,
    /// Where the stranger is: `http://127.0.0.1:…`.
    pub(crate) origin: String,
}

impl Asked {
    /// The path alone.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What comes back.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// These bytes, and the connection stays open.
    Bytes(Vec<u8>),
    /// These, and then this over and over again.
    Endless(Vec<u8>, Vec<u8>),
    /// These, and then the connection is closed.
    Closes(Vec<u8>),
}

impl Says {
    /// Nothing, for ever.
    pub(crate) fn nothing() -> Self {
        Self::Bytes(Vec::new())
    }

    /// A whole answer. `head` holds further header lines, each ended with `\r\n`.
    pub(crate) fn answer(status: u16, head: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(
            format!("HTTP/1.1 {status} X\r\n{head}content-length: {length}\r\n\r\n{body}")
                .into_bytes(),
        )
    }

    /// A JSON document.
    pub(crate) fn json(body: &str) -> Self {
        Self::answer(
            200,
            "content-type: application/json\r\naccess-control-allow-origin: *\r\n",
            body,
        )
    }
}

/// The running stranger. It stops when dropped.
pub(crate) struct Stranger {
    /// `http://127.0.0.1:…`.
    pub(crate) origin: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Stranger {
    /// Answers every request as `says` says.
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    pub(crate) async fn start(
        says: impl Fn(&Asked) -> Says + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, named) = (Arc::clone(&asked), origin.clone());
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (says, kept, named) = (says.clone(), Arc::clone(&kept), named.clone());
                tokio::spawn(async move { serve(connection, says, kept, named).await });
            }
        });
        Self {
            origin,
            asked,
            task,
        }
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut connection: TcpStream,
    says: impl Fn(&Asked) -> Says,
    kept: Arc<Mutex<Vec<Asked>>>,
    origin: String,
) {
    let mut received = Vec::new();
    while let Some(asked) = read(&mut connection, &mut received, &origin).await {
        kept.lock().expect("no panic").push(asked.clone());
        let (first, again, closes) = match says(&asked) {
            Says::Bytes(bytes) => (bytes, None, false),
            Says::Endless(bytes, again) => (bytes, Some(again), false),
            Says::Closes(bytes) => (bytes, None, true),
        };
        if connection.write_all(&first).await.is_err() || closes {
            return;
        }
        if let Some(again) = again {
            while connection.write_all(&again).await.is_ok() {}
            return;
        }
    }
}

/// The next request, its body read to its end.
async fn read(connection: &mut TcpStream, received: &mut Vec<u8>, origin: &str) -> Option<Asked> {
    let end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(connection, received).await?;
    };
    let head: Vec<u8> = received.drain(..end + 4).collect();
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let mut asked = Asked {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body_bytes: 0,
        origin: origin.to_owned(),
    };
    let length = asked
        .header("content-length")
        .and_then(|length| length.parse().ok());
    asked.body_bytes = length.unwrap_or_default();
    while received.len() < asked.body_bytes {
        more(connection, received).await?;
    }
    received.drain(..asked.body_bytes);
    Some(asked)
}

/// Nothing once the other side has gone away.
async fn more(connection: &mut TcpStream, received: &mut Vec<u8>) -> Option<()> {
    let count = connection.read_buf(received).await.ok()?;
    (count > 0).then_some(())
}
