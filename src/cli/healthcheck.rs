//! `usher healthcheck`: asks a running server whether it is alive. For containers without a shell.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use url::Url;

use crate::config;

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
                Url::parse(&format!("http://{}/healthz", reachable(config.listen)))?
            }
        };
        let status = ask(&url, Duration::from_secs(self.timeout))
            .with_context(|| format!("no healthy answer from {url}"))?;
        ensure!(status == "200", "{url} answered {status}: expected 200");
        Ok(ExitCode::SUCCESS)
    }
}

/// A server that listens on every address is asked over loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status code of one `GET`.
fn ask(url: &Url, timeout: Duration) -> anyhow::Result<String> {
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
    // The status line is all that matters; a body of any length must not keep us.
    connection.take(4096).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.split_whitespace().collect::<Vec<_>>().as_slice() {
        [version, status, ..] if version.starts_with("HTTP/1.") => Ok((*status).to_owned()),
        _ => bail!("what came back is not HTTP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_over_loopback() {
        let check = |listen: &str, expected: &str| {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        };
        check("0.0.0.0:8080", "127.0.0.1:8080");
        check("[::]:8080", "[::1]:8080");
        check("10.1.2.3:80", "10.1.2.3:80");
    }
}
