//! `usher healthcheck`: asks a running server whether it is alive. For containers without a shell.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use url::Url;

use crate::config;
use crate::outbound::to_ask;

/// What `usher healthcheck` takes.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  usher healthcheck\n  usher healthcheck --url http://127.0.0.1:8080/readyz"
)]
pub struct Options {
    /// What to ask, over plain http [default: /healthz on the configured `listen` address]
    #[arg(long)]
    url: Option<Url>,
    /// How long connecting and each read may take, in seconds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

impl Options {
    /// 0 if the answer is 200, else 1 and a line that says what came back.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => {
                let config = config::load(&super::sources(file)?)?;
                Url::parse(&format!("http://{}/healthz", to_ask(config.listen)))?
            }
        };
        let answer = ask(&url, Duration::from_secs(self.timeout))
            .with_context(|| format!("no healthy answer from {url}"))?;
        let Answer { status, reason } = answer;
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        ensure!(
            status == "200",
            "{url} answered {status}{reason}: expected 200"
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// What matters of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    /// The status code.
    status: String,
    /// Why it is not 200, as a stable code, if the body has one.
    reason: Option<String>,
}

impl Answer {
    fn parse(answer: &str) -> Option<Self> {
        let mut words = answer.split_whitespace();
        words.next().filter(|word| word.starts_with("HTTP/1."))?;
        let status = words.next()?.to_owned();
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
        let reason = body.and_then(reason);
        Some(Self { status, reason })
    }
}

/// `reason` as in `/readyz`, `error` as in refusals. Nothing but a code is repeated: whoever answers may not be Usher.
fn reason(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let code = body.get("reason").or_else(|| body.get("error"))?.as_str()?;
    let is_code = |text: &str| {
        let mut bytes = text.bytes();
        text.len() <= 64 && bytes.all(|b| b == b'_' || b.is_ascii_lowercase())
    };
    is_code(code).then(|| code.to_owned())
}

/// The answer to one `GET`.
fn ask(url: &Url, timeout: Duration) -> anyhow::Result<Answer> {
    ensure!(
        url.scheme() == "http",
        "expected an http address; a health check asks the server itself, without TLS"
    );
    let host = url.host_str().context("expected an address with a host")?;
    let port = url.port().unwrap_or(80);
    let bare_host = host.trim_start_matches('[').trim_end_matches(']');
    let address = (bare_host, port)
        .to_socket_addrs()?
        .next()
        .context("the host has no address")?;
    let mut connection = TcpStream::connect_timeout(&address, timeout)?;
    connection.set_read_timeout(Some(timeout))?;
    connection.set_write_timeout(Some(timeout))?;
    let path = url.path();
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let request =
        format!("GET {path}{query} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    // A short body is all that is looked at; one of any length must not keep us.
    connection.take(4096).read_to_end(&mut answer)?;
    Answer::parse(&String::from_utf8_lossy(&answer)).context("what came back is not HTTP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_the_reason_that_its_body_names() {
        let answer = |status: &str, reason: Option<&str>| {
            Some(Answer {
                status: status.to_owned(),
                reason: reason.map(str::to_owned),
            })
        };
        let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\r\n";
        for (body, reason) in [
            (
                "{\"status\":\"not_ready\",\"reason\":\"keys_not_loaded\"}",
                Some("keys_not_loaded"),
            ),
            ("{\"error\":\"overloaded\"}", Some("overloaded")),
            ("{\"reason\":\"\u{1b}[2J\"}", None),
            ("{\"reason\":7}", None),
            ("{}", None),
            ("not JSON", None),
            ("", None),
        ] {
            let found = Answer::parse(&format!("{head}{body}"));
            assert_eq!(found, answer("503", reason), "{body}");
        }
        assert_eq!(Answer::parse("HTTP/1.1 200 OK\r\n"), answer("200", None));
        for not_http in ["", "HTTP/1.1", "SSH-2.0-OpenSSH_9.6 503", "220 mail ready"] {
            assert_eq!(Answer::parse(not_http), None, "{not_http}");
        }
    }
}
