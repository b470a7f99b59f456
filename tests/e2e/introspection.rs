//! Keycloak is asked about its own tokens (RFC 7662), so that a logout and a revocation count at once.

use std::time::Duration;

use anyhow::ensure;

use crate::Scene;
use crate::usher::Usher;

/// How long an answer counts here.
const CACHE_SECONDS: u64 = 3;

/// An Usher that asks with this secret, about JWTs too, and that the tokens for the usual one open.
async fn asking(scene: &Scene, name: &str, secret: &str) -> anyhow::Result<Usher> {
    let file = crate::tools::output(&format!("secret-{name}"));
    std::fs::write(&file, secret)?;
    let audience = format!("{}/mcp", scene.usher.public_url());
    let more = format!(
        "audiences = [{audience:?}]\n[[issuer]]\n[issuer.introspection]\nenabled = true\njwts = true\n\
         client_id = \"usher\"\nclient_secret_file = {file:?}\ncache_seconds = {CACHE_SECONDS}\n"
    );
    let mut usher = Usher::configured(name, &more)?;
    usher.start(&scene.keycloak.issuer("mcp")).await?;
    usher.until("/readyz", 200).await?;
    Ok(usher)
}

/// Three tokens that are good; one stays so, one is revoked (RFC 7009), one belongs to a session that ends. Without
/// introspection all three open the door until they expire.
pub(crate) async fn refuses_after_logout_and_revocation_within_the_cache_time(
    scene: &Scene,
) -> anyhow::Result<()> {
    let mut usher = asking(scene, "asking", "usher-demo-secret").await?;
    let log_in = || scene.keycloak.log_in("mcp", "password", "bob", "openid");
    let (kept, revoked, ended) = (log_in().await?, log_in().await?, log_in().await?);
    for tokens in [&kept, &revoked, &ended] {
        let answer = usher.call(&tokens.access, Some("search")).await?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    let issuer = scene.keycloak.issuer("mcp");
    for (path, name, token) in [
        ("revoke", "token", &revoked.access),
        ("logout", "refresh_token", &ended.refresh),
    ] {
        let url = format!("{issuer}/protocol/openid-connect/{path}");
        let form = [("client_id", "password"), (name, token)];
        let answer = crate::http_client().post(url).form(&form).send().await?;
        ensure!(answer.status().is_success(), "{path}: {answer:?}");
    }
    tokio::time::sleep(Duration::from_secs(CACHE_SECONDS)).await;
    for tokens in [&revoked, &ended] {
        let answer = usher.call(&tokens.access, None).await?;
        ensure!(
            answer.status == 401 && answer.reason == "inactive",
            "{answer:?}"
        );
        let answer = scene.usher.call(&tokens.access, None).await?;
        ensure!(answer.status == 200, "without introspection: {answer:?}");
    }
    let answer = usher.call(&kept.access, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    // What is no JWT is asked about too, instead of being refused as such.
    let answer = usher.call("never-issued", None).await?;
    ensure!(
        answer.status == 401 && answer.reason == "inactive",
        "{answer:?}"
    );
    usher.stop().await
}

/// Not the caller's fault: 503 without a challenge, and the log says what Keycloak said, not the secret.
pub(crate) async fn a_wrong_secret_is_named_and_nobody_is_let_in_or_sent_to_log_in(
    scene: &Scene,
) -> anyhow::Result<()> {
    let mut usher = asking(scene, "wrong-secret", "not-the-secret").await?;
    let tokens = scene.keycloak.log_in("mcp", "password", "bob", "openid");
    let answer = usher.call(&tokens.await?.access, None).await?;
    ensure!(
        answer.status == 503
            && answer.challenge.is_empty()
            && answer.reason == "introspection_unavailable",
        "{answer:?}"
    );
    let log = usher.log();
    let said = log
        .lines()
        .find(|line| line.contains("the issuer cannot be asked about a token"));
    ensure!(said.is_some_and(|line| line.contains("401")), "{log}");
    ensure!(!log.contains("not-the-secret"), "{log}");
    usher.stop().await
}
