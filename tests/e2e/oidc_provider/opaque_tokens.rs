//! Tokens that say nothing by themselves: refused by name, or asked about (RFC 7662).

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use super::logins::{check, visit};
use super::other_refusals::refused;
use super::{Issuers, secret_file, usher};
use crate::tools;

/// For how long an answer counts.
const CACHE_SECONDS: u64 = 2;

pub(crate) async fn is_refused_by_name_and_the_log_says_what_to_change(
    issuers: &Issuers,
) -> anyhow::Result<()> {
    let usher = usher("opaque", issuers.issuer("opaque")?, "").await?;
    let resource = format!("{}/mcp", usher.public_url());
    let token = issuers.token("opaque", &resource, None).await?;
    ensure!(!token.contains('.'), "the token is not opaque");
    refused(&usher, &token, "not_a_jws").await?;
    let log = usher.log();
    ensure!(
        log.contains("`introspection.enabled = true` asks it"),
        "{log}"
    );
    ensure!(log.contains("issue signed JWT access tokens"), "{log}");
    ensure!(!log.contains(&token), "the token is in the log");
    Ok(())
}

/// One login, and the life of its token: asked about, revoked, and at last nobody there to ask.
pub(crate) async fn is_accepted_where_the_issuer_is_asked_until_it_is_revoked_or_cannot_be_asked(
    issuers: &mut Issuers,
) -> anyhow::Result<()> {
    let secret = tools::output("oidc-provider-secret");
    secret_file(&secret, "usher-secret\n")?;
    let more = format!(
        "[issuer.introspection]\nenabled = true\nclient_id = \"usher\"\nclient_secret_file = {secret:?}\n\
         cache_seconds = {CACHE_SECONDS}\n"
    );
    let usher = usher("introspection", issuers.issuer("opaque")?, &more).await?;
    let client = issuers.client_id().clone();
    let seen = visit(&usher, "oidc-provider-opaque", Some(&client)).await?;
    let token = check(&seen, &usher, Some(&client), None)?;
    let answer = usher.call(token, Some("search")).await?;
    ensure!(answer.status == 200, "{answer:?}");

    // Another resource's token is active too, and still not for this one.
    let other = issuers
        .token("opaque", "https://other.example/mcp", None)
        .await?;
    let answer = usher.call(&other, None).await?;
    ensure!(answer.status == 401, "{answer:?}");

    let client_id = client.as_str().unwrap_or_default();
    issuers.revoke("opaque", token, client_id).await?;
    let revoked = Instant::now();
    let answer = loop {
        // However long the answer takes.
        let asked = revoked.elapsed();
        let answer = usher.call(token, None).await?;
        if answer.status != 200 {
            break answer;
        }
        ensure!(
            asked < Duration::from_secs(CACHE_SECONDS + 1),
            "accepted {asked:?} after it was revoked"
        );
        sleep(Duration::from_millis(100)).await;
    };
    ensure!(
        answer.status == 401 && answer.reason == "inactive",
        "{answer:?}"
    );

    let resource = format!("{}/mcp", usher.public_url());
    let fresh = issuers.token("opaque", &resource, None).await?;
    issuers.stop().await?;
    let answer = usher.call(&fresh, None).await?;
    ensure!(
        answer.status == 503
            && answer.challenge.is_empty()
            && answer.reason == "introspection_unavailable",
        "{answer:?}"
    );
    let log = usher.log();
    ensure!(
        log.contains("the issuer cannot be asked about a token"),
        "{log}"
    );
    ensure!(
        !log.contains(token) && !log.contains(&fresh),
        "a token is in the log"
    );
    Ok(())
}
