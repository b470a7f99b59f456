//! What is generated from the settings is fresh, and the examples run.

use std::path::{Path, PathBuf};

use serde_json::json;
use usher::clock::Clock;
use usher::config::{self, Sources, Variables};

use crate::gateway::TestGateway;
use crate::issuer::TestIssuer;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).expect("a file of the repository")
}

/// What is wrong with a checked-in file that should hold `fresh`.
fn assert_fresh(path: &str, fresh: &str, command: &str) {
    let held = std::fs::read_to_string(repository(path)).unwrap_or_default();
    let line = held
        .lines()
        .zip(fresh.lines())
        .position(|(held, fresh)| held != fresh);
    assert!(
        held == fresh,
        "{path} is not what the settings say (first difference in line {}); run: {command}",
        line.unwrap_or_else(|| held.lines().count().min(fresh.lines().count())) + 1,
    );
}

#[test]
fn the_checked_in_schema_is_that_of_the_settings() {
    let command = "cargo run -q -- config schema > docs/config.schema.json";
    assert_fresh("docs/config.schema.json", &config::json_schema(), command);
}

#[test]
fn the_reference_page_is_that_of_the_settings() {
    let command = "cargo run -q -- config docs > docs/configuration.md";
    assert_fresh("docs/configuration.md", &config::markdown(), command);
}

#[test]
fn the_example_runs() {
    let file = (
        PathBuf::from("usher.example.toml"),
        read("usher.example.toml"),
    );
    let sources = Sources {
        file: Some(file),
        variables: Variables::default(),
    };
    let config = config::load(&sources).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.auth.public_url, "https://mcp.example.com");
    assert_eq!(config.knowledge.collections.len(), 2);
}

#[test]
fn the_example_of_the_reference_page_runs() {
    let page = read("docs/configuration.md");
    let example = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("an example");
    let file = (PathBuf::from("docs/configuration.md"), example.to_owned());
    let sources = Sources {
        file: Some(file),
        variables: Variables::default(),
    };
    config::load(&sources).unwrap_or_else(|mistakes| panic!("{mistakes}"));
}

#[tokio::test]
async fn a_server_answers_on_the_socket_that_was_handed_in() {
    let gateway = TestGateway::builder().start_without_keys().await;
    let reply = gateway.get("/no-such-path").await;
    assert_eq!(reply.status, 404);
    gateway.stop().await;
}

#[tokio::test]
async fn a_server_lives_by_the_issuer_and_the_clock_that_were_handed_in() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let clock = Clock::system();
    let gateway = TestGateway::builder()
        .issuer(issuer)
        .clock(clock.clone())
        .start()
        .await;
    let token = gateway.token().keycloak().mint();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(gateway.call(&token, ping.clone()).await.status, 200);
    clock.shift(3600);
    assert_eq!(gateway.call(&token, ping).await.status, 401);
    assert!(gateway.access_log().contains("/realms/mcp"));
}
