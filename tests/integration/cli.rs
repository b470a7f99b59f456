//! The command line as a child process: what it prints, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::issuer::{Answer, TestIssuer};

/// `usher` in an empty folder with nothing but these variables.
fn usher(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    usher(folder.path(), arguments, variables)
        .output()
        .expect("a program that runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .expect("what a test may count on")
        .local_addr()
        .expect("what a test may count on")
}

/// A running `usher serve`, ended with the test.
struct Serving {
    child: Child,
    listen: SocketAddr,
    line: String,
    folder: tempfile::TempDir,
}

impl Serving {
    /// With the variables of the README, and without the pause for load balancers at the end.
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(
            folder.path().join("note.md"),
            "# Lemon\n\nLemon cupcakes.\n",
        )
        .expect("what a test may count on");
        let (listen, admin) = (free_port(), free_port());
        let variables = [
            ("MCP_SERVER_URL", format!("http://{listen}")),
            ("KC_ISSUER", "http://127.0.0.1:9".to_owned()),
            ("USHER_ISSUER__0__REQUIRED", "false".to_owned()),
            ("USHER_LISTEN", listen.to_string()),
            ("USHER_ADMIN_LISTEN", admin.to_string()),
            ("USHER_HTTP__DRAIN_DELAY_SECONDS", "0".to_owned()),
            (
                "USHER_COLLECTION",
                folder.path().join("note.md").display().to_string(),
            ),
        ];
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .chain(more.iter().copied())
            .collect();
        let mut child = usher(folder.path(), &["serve"], &variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("what a test may count on");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("what a test may count on"))
            .read_line(&mut line)
            .expect("what a test may count on");
        Self {
            child,
            listen,
            line,
            folder,
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .expect("what a test may count on")
                .success()
        );
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn serve_says_in_one_line_where_it_listens_and_answers_there() {
    let mut serving = Serving::start();
    let listen = serving.listen;
    assert!(
        serving
            .line
            .contains(&format!("on {listen}, admin on 127.0.0.1:")),
        "{}",
        serving.line
    );

    let healthy = usher(
        serving.folder.path(),
        &["healthcheck", "--url", &format!("http://{listen}/healthz")],
        &[],
    )
    .output()
    .unwrap();
    assert_eq!((healthy.status.code(), stderr(&healthy)), (Some(0), ""));

    serving.signal("TERM");
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    serving
        .child
        .stdout
        .as_mut()
        .unwrap()
        .read_to_string(&mut rest)
        .unwrap();
    assert_eq!(rest, "", "one line and no more");
}

/// Lines of a child's output until one has all of `words`.
async fn line_with(
    lines: &mut tokio::io::Lines<impl tokio::io::AsyncBufRead + Unpin>,
    words: &[&str],
) -> String {
    let mut before = String::new();
    let found = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if words.iter().all(|word| line.contains(word)) {
                return Some(line);
            }
            before.push_str(&line);
        }
        None
    };
    let found = tokio::time::timeout(std::time::Duration::from_secs(30), found).await;
    found
        .ok()
        .flatten()
        .unwrap_or_else(|| unreachable!("no {words:?} in {before}"))
}

#[tokio::test]
async fn serve_prints_its_line_once_it_is_ready_and_says_before_what_it_waits_for() {
    use tokio::io::{AsyncBufReadExt, BufReader};

    let issuer = TestIssuer::start().await;
    issuer.answer_jwks(Answer::Status(503));
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [
        ("MCP_SERVER_URL", "http://127.0.0.1:8080"),
        ("KC_ISSUER", issuer.issuer()),
        ("USHER_LISTEN", "127.0.0.1:0"),
        ("USHER_ADMIN_LISTEN", "127.0.0.1:0"),
        ("USHER_LOG__FORMAT", "json"),
    ];
    let mut command = tokio::process::Command::from(usher(folder.path(), &["serve"], &variables));
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().expect("a process");
    let mut log = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut printed = BufReader::new(child.stdout.take().expect("piped")).lines();

    let listening = line_with(&mut log, &["listening; ready once"]).await;
    let listening: serde_json::Value = serde_json::from_str(&listening).expect("JSON");
    let address = listening["listen"].as_str().expect("an address").to_owned();
    let warned = line_with(
        &mut log,
        &["WARN", "waiting for the keys of", issuer.issuer()],
    )
    .await;
    assert!(warned.contains("503"), "{warned}");
    let status = async |path: &str| {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let answer = client.get(format!("http://{address}{path}")).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(
        (status("/healthz").await, status("/readyz").await),
        (200, 503)
    );

    let url = format!("http://{address}/readyz");
    let check = usher(folder.path(), &["healthcheck", "--url", &url], &[]);
    let check = tokio::process::Command::from(check).output().await;
    let check = check.expect("a program that runs");
    assert_eq!(check.status.code(), Some(1));
    let told = format!("usher: {url} answered 503 (keys_not_loaded): expected 200\n");
    assert_eq!(stderr(&check), told);

    issuer.answer_jwks(Answer::Good);
    let line = line_with(&mut printed, &["usher", "serves http://127.0.0.1:8080"]).await;
    assert!(
        line.contains(&format!(" on {address}, admin on 127.0.0.1:")),
        "{line}"
    );
    assert_eq!(status("/readyz").await, 200);
}

#[tokio::test]
async fn no_level_of_the_log_shows_what_a_request_keeps_secret() {
    let level = [("USHER_LOG__LEVEL", "trace"), ("USHER_LOG__FORMAT", "json")];
    let mut serving = Serving::start_with(&level);
    let mut log = serving.child.stderr.take().expect("piped");
    let all = std::thread::spawn(move || {
        let mut all = String::new();
        log.read_to_string(&mut all).map(|_| all)
    });
    let clients = [
        reqwest::Client::builder().no_proxy().build(),
        reqwest::Client::builder()
            .no_proxy()
            .http2_prior_knowledge()
            .build(),
    ];
    for client in clients {
        let client = client.expect("a client");
        for query in ["", "?access_token=SECRET-in-the-query"] {
            let asked = client
                .post(format!("http://{}/mcp{query}", serving.listen))
                .bearer_auth("SECRET.token.SECRET")
                .header("mcp-session-id", "SECRET-session")
                .header("cookie", "SECRET=SECRET")
                .body("{\"SECRET\":1}");
            let status = asked.send().await.expect("an answer").status().as_u16();
            assert_eq!(status, if query.is_empty() { 401 } else { 400 });
        }
    }
    serving.signal("TERM");
    let ended = tokio::task::spawn_blocking(move || serving.child.wait().expect("an end"));
    assert!(ended.await.expect("no panic").success());
    let all = all.join().expect("no panic").expect("text");
    assert!(all.contains("h2::codec"), "the level is in force");
    assert!(
        all.contains("bad_encoding") && all.contains("token_elsewhere"),
        "{all}"
    );
    assert!(!all.contains("SECRET"), "{all}");
}

#[test]
fn serve_refuses_a_bad_configuration_before_it_listens() {
    let listen = free_port();
    let output = run(
        &["serve"],
        &[
            ("USHER_LISTEN", &listen.to_string()),
            ("MCP_SERVER_URL", "http://127.0.0.1:8080"),
        ],
    );
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(stdout(&output), "");
    assert!(
        stderr(&output).contains("no issuer is configured"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn serve_without_the_lock_that_it_was_told_of_does_not_say_that_it_listens() {
    let output = run(
        &["serve"],
        &[
            ("MCP_SERVER_URL", "http://127.0.0.1:8080"),
            ("KC_ISSUER", "http://127.0.0.1:9"),
            ("USHER_LISTEN", "127.0.0.1:0"),
            ("USHER_ADMIN_LISTEN", "127.0.0.1:0"),
            ("USHER_CATALOGUE_LOCK__ENABLED", "true"),
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    let told = stderr(&output);
    assert!(told.contains("usher upstream approve"), "{told}");
    assert!(!told.contains("listening"), "{told}");
}

#[test]
fn serve_names_the_address_in_use_and_the_variable_that_changes_it() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let output = run(
        &["serve"],
        &[
            ("USHER_LISTEN", &taken),
            ("USHER_ADMIN_LISTEN", "127.0.0.1:0"),
            ("MCP_SERVER_URL", "http://127.0.0.1:8080"),
            ("KC_ISSUER", "http://127.0.0.1:9"),
        ],
    );
    drop(holder);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains(&format!("cannot listen on {taken}")),
        "{text}"
    );
    assert!(text.contains("USHER_LISTEN"), "{text}");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = "public_url = \"https://ada:hunter2@mcp.example.com\"\nadmin_secret = \"hunter2\"\n";
    std::fs::write(folder.path().join("usher.toml"), file).unwrap();
    for arguments in [&["serve"][..], &["config", "check"], &["config", "show"]] {
        let output = usher(
            folder.path(),
            arguments,
            &[("KC_ISSUER", "http://a:hunter2@idp")],
        )
        .output()
        .unwrap();
        assert_eq!(output.status.code(), Some(78));
        assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_configuration_file_that_is_not_there_is_a_mistake_in_the_configuration() {
    let output = run(&["config", "check", "--config", "/no/such/usher.toml"], &[]);
    assert_eq!(output.status.code(), Some(78));
    let said = stderr(&output);
    assert!(
        said.starts_with("/no/such/usher.toml\n  problem:  the configuration file cannot be read"),
        "{said}"
    );
}

#[test]
fn healthcheck_ends_with_1_when_nobody_answers() {
    let url = format!("http://{}/healthz", free_port());
    let output = run(&["healthcheck", "--url", &url], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no healthy answer"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_version_and_the_help_need_no_configuration() {
    let version = run(&["--version"], &[]);
    assert_eq!(
        stdout(&version),
        concat!("usher ", env!("CARGO_PKG_VERSION"), "\n")
    );
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["config", "--help"],
        &["healthcheck", "--help"],
    ] {
        let help = run(arguments, &[]);
        assert_eq!(help.status.code(), Some(0));
        assert!(stdout(&help).contains("Usage: usher"), "{}", stdout(&help));
        assert!(
            !stdout(&help).contains('\u{1b}'),
            "no colours where nobody looks"
        );
    }
}

#[test]
fn config_check_says_ok_and_show_reads_back_to_the_same_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("MCP_SERVER_URL", "https://mcp.example.com"),
        ("KC_ISSUER", "https://sso.example.com/realms/mcp"),
    ];
    let check = usher(folder.path(), &["config", "check"], &variables)
        .output()
        .unwrap();
    assert_eq!((check.status.code(), stderr(&check)), (Some(0), ""));
    assert!(stdout(&check).starts_with("ok\n"), "{}", stdout(&check));

    let show = |variables: &[(&str, &str)]| {
        let output = usher(folder.path(), &["config", "show"], variables)
            .output()
            .unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
        stdout(&output).to_owned()
    };
    let first = show(&variables);
    assert!(
        first.contains("public_url = \"https://mcp.example.com\"  # MCP_SERVER_URL\n"),
        "{first}"
    );
    std::fs::write(folder.path().join("usher.toml"), &first).unwrap();
    let without_places = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.split("  # ").next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(without_places(&show(&[])), without_places(&first));
}
