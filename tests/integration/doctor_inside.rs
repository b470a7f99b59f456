//! `usher doctor` without an address: what it finds on this machine, one fault at a time.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::issuer::{Answer, TestIssuer};

/// A configuration that is healthy, in a folder of its own.
struct Scene {
    folder: tempfile::TempDir,
    listen: String,
    issuer: String,
}

impl Scene {
    fn new(issuer: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("handbook")).expect("a folder");
        std::fs::create_dir(folder.path().join("state")).expect("a folder");
        let note = folder.path().join("handbook/note.md");
        std::fs::write(note, "# Lemon\n\nLemon cupcakes.\n").expect("a file");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self {
            listen: listener.local_addr().expect("an address").to_string(),
            folder,
            issuer: issuer.to_owned(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_usher"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("MCP_SERVER_URL", format!("http://{}", self.listen))
            .env("KC_ISSUER", &self.issuer)
            .env("USHER_LISTEN", &self.listen)
            .env("USHER_ADMIN_LISTEN", "127.0.0.1:0")
            .env("USHER_COLLECTION", self.path("handbook"))
            .env("USHER_STATE_DIR", self.path("state"))
            .envs(variables.iter().copied())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("a program that runs")
    }

    fn build_index(&self) {
        let built = self.run(&["index", "build"], &[]);
        assert!(built.status.success(), "{}", text(&built.stderr));
    }

    /// What the doctor says, in one line, and its exit code.
    fn doctor(&self, variables: &[(&str, &str)]) -> (String, i32) {
        let output = self.run(&["doctor", "--verbose"], variables);
        let said = text(&output.stdout).split_whitespace().collect::<Vec<_>>();
        let told = text(&output.stderr);
        assert!(told.is_empty(), "{told}");
        (said.join(" "), output.status.code().expect("a code"))
    }

    fn write(&self, toml: &str) {
        std::fs::write(self.path("usher.toml"), toml).expect("a file");
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_server_has_no_failure_and_no_warning() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let scene = Scene::new(issuer.issuer());
    scene.build_index();
    let (said, code) = scene.doctor(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(
        !said.contains("Warning") && !said.contains("Fix this first"),
        "{said}"
    );
    for check in [
        "configuration-valid",
        "environment-understood",
        "files-private",
        "state-writable",
        "port-free",
        "issuer-profile",
        "keys-usable",
        "collection-readable",
        "index-filled",
        "tools-reachable",
        "rules-match",
    ] {
        assert!(said.contains(check), "{check}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_on_this_machine_is_the_first_cause_with_its_fix() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    type Injure = fn(&Scene);
    let faults: &[(&str, Injure, &str)] = &[
        (
            "configuration-valid",
            |scene| scene.write("[http]\nroot_endpiont = true\n"),
            "did you mean `root_endpoint`?",
        ),
        (
            "state-writable",
            |scene| {
                std::fs::remove_dir_all(scene.path("state")).expect("removed");
                std::fs::write(scene.path("state"), "").expect("a file");
            },
            "state_dir",
        ),
        (
            "files-private",
            |scene| mode(&scene.path("state"), 0o777),
            "chmod o-w",
        ),
        (
            "collection-readable",
            |scene| std::fs::remove_dir_all(scene.path("handbook")).expect("removed"),
            "mount it into the container",
        ),
        (
            "index-filled",
            |scene| std::fs::remove_file(scene.path("handbook/note.md")).expect("removed"),
            "put documents into the collections",
        ),
        (
            "tools-reachable",
            |scene| scene.write("[[rule]]\ntools = [\"search\"]\ndeny = true\n"),
            "change the rule that is named",
        ),
    ];
    for (check, injure, fix) in faults {
        let scene = Scene::new(issuer.issuer());
        injure(&scene);
        let (said, code) = scene.doctor(&[]);
        assert_eq!(code, 1, "{check}: {said}");
        let first = said.split("Fix this first").nth(1).unwrap_or_default();
        let first: String = first.chars().take(400).collect();
        assert!(first.contains(check), "{check}: {said}");
        assert!(said.contains(fix), "{check}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_issuer_is_named_as_a_walk_from_outside_names_it() {
    for (answer, is_keys, check) in [
        (Answer::Status(500), false, "issuer-reachable"),
        (Answer::Status(404), false, "issuer-metadata-found"),
        (
            Answer::Body("<html>".into(), "text/html"),
            false,
            "issuer-metadata-valid",
        ),
        (Answer::Status(404), true, "keys-reachable"),
        (
            Answer::Body("{\"keys\":[]}".into(), "application/json"),
            true,
            "keys-usable",
        ),
    ] {
        let issuer = TestIssuer::start_at("/realms/mcp").await;
        let scene = Scene::new(issuer.issuer());
        match is_keys {
            true => issuer.answer_jwks(answer),
            false => issuer.answer_discovery(answer),
        }
        let (said, code) = scene.doctor(&[]);
        assert_eq!(code, 1, "{check}: {said}");
        let first = said.split("Fix this first").nth(1).unwrap_or_default();
        let first: String = first.chars().take(200).collect();
        assert!(first.contains(check), "{check}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_port_is_no_mistake_where_a_proxy_is_named() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let scene = Scene::new(issuer.issuer());
    scene.build_index();
    let elsewhere = [("MCP_SERVER_URL", "http://localhost:9")];
    let (said, _) = scene.doctor(&elsewhere);
    assert!(said.contains("Warning: The listening address"), "{said}");
    assert!(
        said.contains("name a proxy in `http.trusted_proxies`"),
        "{said}"
    );
    scene.write("[http]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let (said, _) = scene.doctor(&elsewhere);
    assert!(!said.contains("Warning: The listening address"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_other_guides_and_secrets_that_others_can_read_are_warnings() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let scene = Scene::new(issuer.issuer());
    scene.build_index();
    let secret = scene.path("admin");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").expect("a file");
    mode(&secret, 0o644);
    let secret = secret.display().to_string();
    let variables = [
        ("OAUTH_CLIENT_SECRET", "hunter2"),
        ("JWT_SECRET", "hunter2"),
        ("USHER_ADMIN_SECRET_FILE", secret.as_str()),
    ];
    let (said, code) = scene.doctor(&variables);
    assert_eq!(code, 0, "{said}");
    for part in [
        "OAUTH_CLIENT_SECRET is set",
        "it is no client and needs no secret",
        "JWT_SECRET is set",
        "chmod o-r",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_else_has_is_told_from_one_that_this_server_has() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let scene = Scene::new(issuer.issuer());
    scene.build_index();
    let other = TestIssuer::start().await;
    let taken = [("USHER_LISTEN", other.address())];
    let taken = taken.each_ref().map(|(name, text)| (*name, text.as_str()));
    let (said, code) = scene.doctor(&taken);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("something else has"), "{said}");

    let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
        .arg("serve")
        .env_clear()
        .env("MCP_SERVER_URL", format!("http://{}", scene.listen))
        .env("KC_ISSUER", issuer.issuer())
        .env("USHER_LISTEN", &scene.listen)
        .env("USHER_ADMIN_LISTEN", "127.0.0.1:0")
        .env("USHER_COLLECTION", scene.path("handbook"))
        .env("USHER_STATE_DIR", scene.path("state"))
        .env("USHER_HTTP__DRAIN_DELAY_SECONDS", "0")
        .current_dir(scene.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a program that runs");
    let stdout = child.stdout.take().expect("standard output");
    let mut line = String::new();
    let read = std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line);
    let (said, code) = scene.doctor(&[]);
    drop(child.kill());
    drop(child.wait());
    read.expect("a line");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("this server has"), "{said}");
    assert!(said.contains("leads here"), "{said}");
}
