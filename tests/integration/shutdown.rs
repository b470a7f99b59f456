//! Going away: in order, and at once when told twice.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::gateway::TestGateway;

/// Longer than anything takes on a slow machine, and shorter than a stop that waits for what hangs ([`patient`]).
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that gives what runs an hour to finish when it stops.
async fn patient() -> TestGateway {
    let gateway = TestGateway::builder();
    let gateway = gateway.settings(|settings| settings.http.drain_timeout_seconds = 3600);
    gateway.start().await
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_new_connections_are_not_taken() {
    let gateway = patient().await;
    let token = gateway.token().mint();
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n",
        body.len(),
    );
    let mut connection = gateway.connect().await;
    connection.write_all(head.as_bytes()).await.unwrap();
    // The server has begun this request once it counts it: a second one on another connection comes after it.
    assert_eq!(gateway.get("/healthz").await.status, 200);

    gateway.lifecycle.stop_softly();
    let refused = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("no new connections");

    connection.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    tokio::time::timeout(PATIENCE, gateway.stop())
        .await
        .expect("an end");
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_stop() {
    let gateway = patient().await;
    let mut fresh = gateway.connect().await;
    let mut used = gateway.connect().await;
    used.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 1024];
    assert!(used.read(&mut some).await.unwrap() > 0);
    tokio::time::timeout(PATIENCE, gateway.stop())
        .await
        .expect("an end");
    assert_eq!(fresh.read(&mut some).await.unwrap_or(0), 0);
    assert_eq!(used.read(&mut some).await.unwrap_or(0), 0);
}

#[cfg(unix)]
mod as_a_process {
    use std::process::{ExitStatus, Stdio};

    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::process::{Child, Command};

    use super::*;
    use crate::raw_upstream::{RawUpstream, Speaks};

    struct Running {
        child: Child,
        address: String,
        _folder: tempfile::TempDir,
    }

    /// `usher serve` on a free port, once it says that it is ready.
    async fn serve(drain_delay: &str) -> Running {
        serve_with(drain_delay, &[]).await
    }

    async fn serve_with(drain_delay: &str, variables: &[(&str, &str)]) -> Running {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
            .arg("serve")
            .env_clear()
            .env("MCP_SERVER_URL", "http://127.0.0.1:8080")
            .env("KC_ISSUER", "http://127.0.0.1:9")
            .env("USHER_ISSUER__0__REQUIRED", "false")
            .env("USHER_LISTEN", "127.0.0.1:0")
            .env("USHER_ADMIN_LISTEN", "127.0.0.1:0")
            .env("USHER_STATE_DIR", folder.path())
            .env("USHER_HTTP__DRAIN_DELAY_SECONDS", drain_delay)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = lines
            .next_line()
            .await
            .expect("its output")
            .expect("a line");
        let address = line
            .split(" on ")
            .nth(1)
            .and_then(|rest| rest.split(',').next())
            .expect("a line with the address")
            .to_owned();
        Running {
            child,
            address,
            _folder: folder,
        }
    }

    async fn signal(child: &Child, name: &str) {
        let pid = child.id().expect("a running process").to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .await
            .expect("the program kill");
        assert!(sent.success());
    }

    async fn end(child: &mut Child) -> ExitStatus {
        tokio::time::timeout(PATIENCE, child.wait())
            .await
            .expect("an end")
            .expect("an exit status")
    }

    #[tokio::test]
    async fn a_hang_up_ends_nothing_and_has_the_upstreams_asked_again() {
        let upstream = RawUpstream::start(Speaks::Legacy).await;
        let variables = [
            ("USHER_UPSTREAM__0__NAME", "raw"),
            ("USHER_UPSTREAM__0__HTTP", upstream.url.as_str()),
        ];
        let mut running = serve_with("0", &variables).await;
        let listed = || {
            let requests = upstream.requests();
            requests
                .iter()
                .filter(|sent| sent.method == "tools/list")
                .count()
        };
        let until_listed = async |times: usize| {
            let look = |_: &RawUpstream| (listed() >= times).then_some(());
            upstream.until("it is asked for its tools", look).await;
        };
        until_listed(1).await;
        signal(&running.child, "HUP").await;
        until_listed(2).await;
        signal(&running.child, "TERM").await;
        assert_eq!(end(&mut running.child).await.code(), Some(0));
    }

    #[tokio::test]
    async fn a_signal_ends_the_process_in_order() {
        for name in ["TERM", "INT"] {
            let mut running = serve("0").await;
            signal(&running.child, name).await;
            assert_eq!(end(&mut running.child).await.code(), Some(0), "{name}");
        }
    }

    #[tokio::test]
    async fn a_second_signal_ends_it_at_once() {
        // Without the second signal it would wait for an hour.
        let mut running = serve("3600").await;
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let ready = async || {
            let url = format!("http://{}/readyz", running.address);
            let answer = client.get(url).send().await.expect("an answer");
            answer.text().await.expect("a body")
        };
        signal(&running.child, "TERM").await;
        while !ready().await.contains("stopping") {
            tokio::task::yield_now().await;
        }
        signal(&running.child, "TERM").await;
        assert!(end(&mut running.child).await.success());
    }
}
