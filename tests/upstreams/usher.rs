//! The real `usher serve` as a child process, and an issuer in this one.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::eventually::eventually;
use super::issuer::TestIssuer;

/// A running server. It is killed when this is dropped.
pub(crate) struct Usher {
    pub(crate) url: String,
    issuer: TestIssuer,
    folder: tempfile::TempDir,
    child: Child,
}

/// A program that ends with this process, however that ends.
pub(crate) fn program(path: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(path);
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// What a server prints first.
pub(crate) async fn first_line(server: &mut Child) -> String {
    let output = server.stdout.take().expect("piped standard output");
    let line = BufReader::new(output).lines().next_line().await;
    line.expect("text").expect("a line")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

impl Usher {
    /// Starts it with this section in its configuration and these variables, and waits until it is ready.
    pub(crate) async fn start(section: &str, variables: &[(&str, &PathBuf)]) -> Self {
        let issuer = TestIssuer::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let records = file(
            "orders.jsonl",
            "{\"id\":\"1\",\"title\":\"a\",\"text\":\"b\"}\n",
        );
        let collection = format!("\n[[collection]]\nname = \"orders\"\npath = {records:?}\n");
        let config = file("usher.toml", &format!("{section}{collection}"));
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let url = format!("http://127.0.0.1:{}", free_port());
        let child = program(Path::new(env!("CARGO_BIN_EXE_usher")))
            .arg("--config")
            .arg(config)
            .arg("serve")
            .env("MCP_SERVER_URL", &url)
            .env("KC_ISSUER", issuer.issuer())
            .env("USHER_LISTEN", url.trim_start_matches("http://"))
            .env("USHER_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()))
            .env("USHER_STATE_DIR", folder.path().join("state"))
            .envs(variables.iter().copied())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("usher");
        let mut usher = Self {
            url,
            issuer,
            folder,
            child,
        };
        usher.until_ready().await;
        usher
    }

    async fn until_ready(&mut self) {
        let ready = format!("{}/readyz", self.url);
        let look = async || {
            let ended = self.child.try_wait().expect("its state");
            assert!(ended.is_none(), "it has ended: {}", self.log());
            let answer = super::client::http().get(&ready).send().await;
            answer
                .is_ok_and(|answer| answer.status() == 200)
                .then_some(())
        };
        eventually("it is ready", look).await;
    }

    /// A token for everything.
    pub(crate) fn access_token(&self) -> String {
        let token = self.issuer.token().audience(format!("{}/mcp", self.url));
        token.scope("mcp:read mcp:write").expires_in(3600).mint()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it in order, and its processes with it.
    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().expect("a running server").to_string();
        let told = Command::new("kill").arg(pid).status().await;
        assert!(told.expect("kill").success(), "it was told to stop");
        let status = self.child.wait().await.expect("its end");
        assert!(status.success(), "{status}: {}", self.log());
    }
}
