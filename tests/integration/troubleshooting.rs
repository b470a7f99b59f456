//! docs/troubleshooting.md and `usher doctor explain`.

use std::path::Path;
use std::process::{Command, Output};

fn explain(words: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(["doctor", "explain"])
        .args(words)
        .env_clear()
        .current_dir(folder.path())
        .output()
        .expect("a program that runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/troubleshooting.md");
    let held = std::fs::read_to_string(path).expect("the page");
    let fresh = usher::doctor::troubleshooting::markdown();
    let line = held
        .lines()
        .zip(fresh.lines())
        .position(|(held, fresh)| held != fresh);
    assert!(
        held == fresh,
        "docs/troubleshooting.md is not what the checks say (line {line:?}): cargo run -q -- doctor docs > docs/troubleshooting.md"
    );
}

#[test]
fn a_check_is_explained_by_name_and_by_words_and_a_slip_is_answered_with_the_nearest() {
    let output = explain(&["token-audience"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        said.contains("At Keycloak") && said.contains("mapper"),
        "{said}"
    );
    assert!(
        said.lines().all(|line| line.chars().count() <= 100),
        "{said}"
    );

    let output = explain(&["rejected", "the", "credentials"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said.contains("token-audience") && said.contains("token-issuer"),
        "{said}"
    );

    let output = explain(&["token-audiance"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean token-audience?"));
    let output = explain(&["qqqq"]);
    assert!(text(&output.stderr).contains("docs/troubleshooting.md"));
}
