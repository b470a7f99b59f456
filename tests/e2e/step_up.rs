//! A rule asks for `mcp:write` where the first login gave `mcp:read`: the client logs in once more and gets in, if the
//! identity provider lets it ask for more.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Scene;
use crate::registration;
use crate::sdk::Sdk::{self, Python, TypeScript};
use crate::sdk::{KEYCLOAK, More, PREDEFINED, Visit};
use crate::usher::Usher;

const RULE: &str = r#"
[[rule]]
name = "reading a document takes both scopes"
tools = ["fetch"]
scopes = ["mcp:read", "mcp:write"]
"#;

pub(crate) async fn the_predefined_typescript_client_steps_up(scene: &Scene) -> anyhow::Result<()> {
    steps_up(scene, TypeScript, PREDEFINED).await
}

pub(crate) async fn the_predefined_python_client_steps_up(scene: &Scene) -> anyhow::Result<()> {
    steps_up(scene, Python, PREDEFINED).await
}

/// `usher client register` registers both scopes, and `offline_access`, for which the SDK asks at the first login.
pub(crate) async fn a_client_that_usher_registered_logs_in_and_steps_up(
    scene: &Scene,
) -> anyhow::Result<()> {
    let id = registration::registered(scene, "http://127.0.0.1:5599/callback").await?;
    steps_up(scene, TypeScript, &id).await
}

/// Keycloak fixed its scopes when it registered, for `mcp:read`: asked for more, it says so and shows no page.
pub(crate) async fn a_client_that_registered_itself_is_answered_invalid_scope(
    scene: &Scene,
) -> anyhow::Result<()> {
    for sdk in [TypeScript, Python] {
        let seen = go(scene, sdk, None).await?;
        ensure!(seen["refused"] == "invalid_scope", "{seen}");
        ensure!(seen["fetch"].is_null(), "{seen}");
    }
    Ok(())
}

async fn steps_up(scene: &Scene, sdk: Sdk, client_id: &str) -> anyhow::Result<()> {
    let seen = go(scene, sdk, Some(client_id)).await?;
    ensure!(seen["refused"].is_null(), "{seen}");
    ensure!(seen["logins"] == 2, "{seen}");
    let asked = |login: usize| seen["consent"][login].as_str().unwrap_or_default();
    ensure!(!asked(0).contains("Change things"), "{seen}");
    ensure!(asked(1).contains("Change things"), "{seen}");
    let found = &seen["search"]["results"][0];
    ensure!(seen["fetch"]["id"] == found["id"], "{seen}");
    ensure!(seen["tools"] == json!(["search"]), "{seen}");
    Ok(())
}

/// A visit to an Usher with that rule, which the tokens for the usual one open too.
async fn go(scene: &Scene, sdk: Sdk, client_id: Option<&str>) -> anyhow::Result<Value> {
    let audience = format!("{}/mcp", scene.usher.public_url());
    let more = format!("audiences = [{audience:?}]\n{RULE}");
    let mut usher = Usher::configured("step-up", &more)?;
    usher.start(&scene.keycloak.issuer("mcp")).await?;
    usher.until("/readyz", 200).await?;
    let visit = Visit {
        client_id,
        more: More::StepUp,
        ..Visit::new(sdk, "2026-07-28")
    };
    let seen = visit.go(&usher, &KEYCLOAK).await?;
    usher.stop().await?;
    Ok(seen)
}
