//! Keycloak changes its keys, goes away, or is not there yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};

use usher::auth::settings::IssuerSettings;
use usher::clock::Clock;

use crate::Scene;
use crate::gateway::TestGateway;
use crate::realm::claims;

/// A new key signs while 50 requests per second flow with tokens of both; then the old key is removed.
pub(crate) async fn keys_rotate_under_load_and_no_valid_token_is_refused(
    scene: &mut Scene,
) -> anyhow::Result<()> {
    let old = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?
        .access;
    let old_key = active_key(scene).await?;
    let load = Load::start(scene, &old);
    let realm = scene.keycloak.admin("GET", "/mcp", None).await?;
    let provider = json!({
        "name": "rotated", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
        "parentId": realm["id"],
        "config": { "priority": ["200"], "algorithm": ["RS256"], "keySize": ["2048"] },
    });
    scene
        .keycloak
        .admin("POST", "/mcp/components", Some(provider))
        .await?;
    let new = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?
        .access;
    ensure!(kid(&old)? != kid(&new)?, "the new key does not sign yet");
    // The first call with a key never seen before fetches it.
    let answer = scene.usher.call(&new, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    let more = Load::start(scene, &new);
    sleep(Duration::from_secs(3)).await;
    let counts = (load.stop().await?, more.stop().await?);
    ensure!(
        counts.0.refused == 0
            && counts.1.refused == 0
            && counts.0.accepted + counts.1.accepted > 200,
        "{counts:?}"
    );

    // The old key goes. Usher asks again once its set is no longer fresh, or for a key it does not know.
    scene
        .keycloak
        .admin("DELETE", &format!("/mcp/components/{old_key}"), None)
        .await?;
    scene.usher.stop().await?;
    scene.usher.start(&scene.keycloak.issuer("mcp")).await?;
    scene.usher.until("/readyz", 200).await?;
    let mut answer = scene.usher.call(&old, None).await?;
    for _ in 0..100 {
        if answer.status != 200 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        answer = scene.usher.call(&old, None).await?;
    }
    ensure!(
        answer.status == 401 && answer.reason == "unknown_key",
        "{answer:?}"
    );
    let answer = scene.usher.call(&new, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

/// Keycloak is away for a while; Usher carries on, and so does an Usher that was started meanwhile.
pub(crate) async fn the_last_good_keys_serve_while_keycloak_is_away(
    scene: &mut Scene,
) -> anyhow::Result<()> {
    let token = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?
        .access;
    let answer = scene.usher.call(&token, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    scene.keycloak.stop().await?;
    let away = tokio::time::Instant::now();
    let load = Load::start(scene, &token);
    sleep(Duration::from_secs(30)).await;
    let counts = load.stop().await?;
    ensure!(counts.refused == 0 && counts.accepted > 500, "{counts:?}");
    scene.usher.stop().await?;
    scene.usher.start(&scene.keycloak.issuer("mcp")).await?;
    let answer = scene.usher.call(&token, None).await?;
    ensure!(answer.status == 200, "after a restart: {answer:?}");
    tokio::time::sleep_until(away + Duration::from_secs(60)).await;
    let answer = scene.usher.call(&token, None).await?;
    ensure!(answer.status == 200, "after a minute: {answer:?}");
    scene.keycloak.run().await
}

/// No keys at hand: 503 and never 401, readiness red, and green by itself once Keycloak is there.
pub(crate) async fn usher_starts_without_keycloak_and_becomes_ready_by_itself(
    scene: &mut Scene,
) -> anyhow::Result<()> {
    let token = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?
        .access;
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
    Ok(())
}

/// 50 requests per second with one token, until it is stopped.
struct Load {
    over: Arc<AtomicBool>,
    running: tokio::task::JoinHandle<anyhow::Result<Counts>>,
}

/// What became of them.
#[derive(Debug, Default)]
struct Counts {
    accepted: u32,
    refused: u32,
}

impl Load {
    #[expect(clippy::disallowed_methods, reason = "the load runs beside the test")]
    fn start(scene: &Scene, token: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let request = scene.usher.request(token, None);
        let end = Arc::clone(&over);
        let running = tokio::spawn(async move {
            let mut counts = Counts::default();
            let mut tick = interval(Duration::from_millis(20));
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while !end.load(Ordering::Relaxed) {
                tick.tick().await;
                let request = request.try_clone().context("a request without a stream")?;
                match request.send().await?.status().as_u16() {
                    200 => counts.accepted += 1,
                    _ => counts.refused += 1,
                }
            }
            Ok(counts)
        });
        Self { over, running }
    }

    async fn stop(self) -> anyhow::Result<Counts> {
        self.over.store(true, Ordering::Relaxed);
        self.running.await?
    }
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
