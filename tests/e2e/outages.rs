//! Keycloak changes its keys, goes away, or is not there yet.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use usher::auth::settings::IssuerSettings;
use usher::clock::Clock;

use crate::Scene;
use crate::gateway::TestGateway;
use crate::load::Load;
use crate::realm::claims;
use crate::tools;

/// For a minute, 50 requests per second flow, half of them with a token of the key before, half with one of the new key.
/// Then the old key goes, and with the next look at the keys its tokens go; Usher runs on.
pub(crate) async fn keys_rotate_under_load_and_no_valid_token_is_refused(
    scene: &Scene,
) -> anyhow::Result<()> {
    let old = log_in(scene).await?;
    let old_key = active_key(scene).await?;
    let started = Instant::now();
    let load = Load::start(&scene.usher, &old);
    sleep_until(started + Duration::from_secs(10)).await;
    new_key(scene, 200).await?;
    let new = log_in(scene).await?;
    ensure!(kid(&old)? != kid(&new)?, "the new key does not sign yet");
    // The first request with a key never seen before fetches it.
    let more = Load::start(&scene.usher, &new);
    // 30 seconds later another fetch is allowed in its place: two keys are asked for below.
    let refilled = Instant::now() + Duration::from_secs(35);
    sleep_until(refilled.max(started + Duration::from_secs(60))).await;
    load.stop().await?;
    more.stop().await?;

    scene
        .keycloak
        .admin("DELETE", &format!("/mcp/components/{old_key}"), None)
        .await?;
    // A third key makes Usher look.
    new_key(scene, 300).await?;
    let newest = log_in(scene).await?;
    for token in [&newest, &new] {
        let answer = scene.usher.call(token, None).await?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    let answer = scene.usher.call(&old, None).await?;
    ensure!(
        answer.status == 401 && answer.reason == "unknown_key",
        "{answer:?}"
    );
    Ok(())
}

/// Keycloak is away for a while; Usher carries on, and so does an Usher that was started meanwhile.
pub(crate) async fn the_last_good_keys_serve_while_keycloak_is_away(
    scene: &mut Scene,
) -> anyhow::Result<()> {
    let token = log_in(scene).await?;
    let answer = scene.usher.call(&token, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    scene.keycloak.stop().await?;
    let away = Instant::now();
    let load = Load::start(&scene.usher, &token);
    sleep_until(away + Duration::from_secs(50)).await;
    load.stop().await?;
    scene.usher.stop().await?;
    scene.usher.start(&scene.keycloak.issuer("mcp")).await?;
    let answer = scene.usher.call(&token, None).await?;
    ensure!(answer.status == 200, "after a restart: {answer:?}");
    sleep_until(away + Duration::from_secs(60)).await;
    let answer = scene.usher.call(&token, None).await?;
    ensure!(answer.status == 200, "after a minute: {answer:?}");
    scene.keycloak.run().await
}

/// No keys at hand: 503 and never 401, readiness red, and green by itself once Keycloak is there.
pub(crate) async fn usher_starts_without_keycloak_and_becomes_ready_by_itself(
    scene: &mut Scene,
) -> anyhow::Result<()> {
    let token = log_in(scene).await?;
    scene.usher.stop().await?;
    scene.keycloak.stop().await?;
    scene.usher.forget()?;
    scene.usher.start(&scene.keycloak.issuer("mcp")).await?;
    ensure!(
        scene.usher.status("/readyz").await == Some(503),
        "readiness must be red"
    );
    let answer = scene.usher.call(&token, None).await?;
    ensure!(
        answer.status == 503 && answer.challenge.is_empty() && answer.reason == "keys_unavailable",
        "{answer:?}"
    );
    ensure!(
        scene
            .usher
            .log()
            .contains("the issuer's keys cannot be fetched"),
        "the log must say so"
    );
    scene.keycloak.run().await?;
    scene.usher.until("/readyz", 200).await?;
    let answer = scene.usher.call(&token, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

/// Usher's clock is 90 s behind or ahead of Keycloak's: refused, and the log says which check it was.
pub(crate) async fn a_clock_that_is_90_seconds_off_is_named_in_the_log(
    scene: &Scene,
) -> anyhow::Result<()> {
    // A token that lives for less than the clocks differ.
    let lifespan = json!({ "attributes": { "access.token.lifespan": "40" } });
    scene.keycloak.add_client("mcp", "forty", lifespan).await?;
    for (shift, reason) in [(-90, "issued_in_future"), (90, "expired")] {
        let clock = Clock::system();
        let issuer = scene.keycloak.issuer("mcp");
        let audience = scene.usher.public_url();
        let gateway = TestGateway::builder()
            .clock(clock.clone())
            .settings(move |settings| {
                settings.issuer = vec![IssuerSettings::named(issuer)];
                settings.audiences = vec![audience];
            })
            .start()
            .await;
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let token = scene
            .keycloak
            .log_in("mcp", "forty", "alice", "openid")
            .await?;
        let reply = gateway.call(&token.access, message.clone()).await;
        ensure!(reply.status == 200, "with the right time: {reply:?}");
        clock.shift(shift);
        // A token of its own: no cached check stands in for this one.
        let token = scene
            .keycloak
            .log_in("mcp", "forty", "alice", "openid")
            .await?;
        let reply = gateway.call(&token.access, message).await;
        ensure!(reply.status == 401, "{reply:?}");
        let log = gateway.access_log();
        ensure!(log.contains(&format!("\"reason\":\"{reason}\"")), "{log}");
        gateway.stop().await;
    }
    let log = std::fs::read_to_string(tools::output("in-process.log"))?;
    let said = log.lines().find(|line| line.contains("the clocks differ"));
    let seconds = said.and_then(|line| line.split("seconds=").nth(1)?.split(' ').next());
    // Some seconds may pass between login and call.
    let seconds: Option<u32> = seconds.and_then(|seconds| seconds.parse().ok());
    ensure!(
        seconds.is_some_and(|seconds| (60..=90).contains(&seconds)),
        "{log}"
    );
    Ok(())
}

/// An access token of alice's.
async fn log_in(scene: &Scene) -> anyhow::Result<String> {
    let tokens = scene.keycloak.log_in("mcp", "password", "alice", "openid");
    Ok(tokens.await?.access)
}

/// From now on a new key signs, if no other has a higher priority.
async fn new_key(scene: &Scene, priority: u32) -> anyhow::Result<()> {
    let realm = scene.keycloak.admin("GET", "/mcp", None).await?;
    let provider = json!({
        "name": format!("rotated-{priority}"), "providerId": "rsa-generated",
        "providerType": "org.keycloak.keys.KeyProvider", "parentId": realm["id"],
        "config": { "priority": [priority.to_string()], "algorithm": ["RS256"], "keySize": ["2048"] },
    });
    scene
        .keycloak
        .admin("POST", "/mcp/components", Some(provider))
        .await?;
    Ok(())
}

/// The component behind the key that signs with RS256 now.
async fn active_key(scene: &Scene) -> anyhow::Result<String> {
    let keys = scene.keycloak.admin("GET", "/mcp/keys", None).await?;
    let active = keys["active"]["RS256"].as_str().context("an active key")?;
    keys["keys"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|key| key["kid"] == active)
        .and_then(|key| key["providerId"].as_str())
        .map(str::to_owned)
        .with_context(|| format!("no provider for {active}"))
}

fn kid(token: &str) -> anyhow::Result<Value> {
    // The header is JSON in base64url, as the claims are.
    let header = token.split('.').next().unwrap_or_default();
    Ok(claims(&format!(".{header}."))?["kid"].clone())
}
