//! The official TypeScript client and a person at a browser, with tokens of every algorithm.

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Issuers, usher};
use crate::realm::claims;
use crate::report::Report;
use crate::sdk::Sdk;
use crate::tools;
use crate::usher::Usher;

/// For each algorithm one login of a client that registers itself, and one by its metadata document.
pub(crate) async fn with_every_algorithm(report: &Report, issuers: &Issuers) {
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let started = Instant::now();
        if let Err(error) = with(algorithm, report, issuers).await {
            let name = format!("oidc_provider: Usher starts with {algorithm}");
            report.row(started, &name, Err(error));
        }
    }
}

async fn with(algorithm: &str, report: &Report, issuers: &Issuers) -> anyhow::Result<()> {
    let more = format!("algorithms = [{algorithm:?}]\n");
    let usher = usher(algorithm, issuers.issuer(algorithm)?, &more).await?;
    for (how, client) in [
        ("registers itself", None),
        ("has a metadata document", Some(issuers.client_id())),
    ] {
        let started = Instant::now();
        let name = format!("oidc_provider: TypeScript {how} and shows {algorithm} tokens");
        let seen = visit(&usher, &name, client).await;
        let outcome = seen.and_then(|seen| check(&seen, &usher, client, Some(algorithm)).map(drop));
        report.row(started, &name, outcome);
    }
    let name = format!("oidc_provider: the log warns of nothing with {algorithm}");
    report.row(Instant::now(), &name, no_warning(&usher));
    Ok(())
}

/// A login of alice; what the client saw, with its access token.
pub(super) async fn visit(
    usher: &Usher,
    name: &str,
    client: Option<&Value>,
) -> anyhow::Result<Value> {
    let task = json!({
        "name": name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        "url": format!("{}/mcp", usher.public_url()),
        "modern": client.is_some(),
        "client_metadata_url": client,
        "user": "alice",
        "password": "alice",
        "screenshots": tools::output("screenshots"),
        "keep_token": true,
    });
    Sdk::TypeScript.run(&task).await
}

/// One login, consent to reading at this very resource, both tools, and a token as the issuer was told to make it.
pub(super) fn check<'s>(
    seen: &'s Value,
    usher: &Usher,
    client: Option<&Value>,
    algorithm: Option<&str>,
) -> anyhow::Result<&'s str> {
    let resource = format!("{}/mcp", usher.public_url());
    ensure!(seen["logins"] == 1, "{seen}");
    let consent = seen["consent"][0].as_str().unwrap_or_default();
    ensure!(
        consent.contains(&resource) && consent.contains("mcp:read"),
        "{seen}"
    );
    ensure!(!consent.contains("mcp:write"), "{seen}");
    ensure!(seen["tools"] == json!(["search", "fetch"]), "{seen}");
    let found = &seen["search"]["results"][0];
    ensure!(found["title"] == "Order 1001", "{seen}");
    ensure!(seen["fetch"]["id"] == found["id"], "{seen}");
    match client {
        Some(client) => ensure!(seen["registered"] == *client, "{seen}"),
        None => ensure!(seen["registered"].is_string(), "{seen}"),
    }
    let token = seen["access_token"].as_str().unwrap_or_default();
    if let Some(algorithm) = algorithm {
        let header = token.split('.').next().unwrap_or_default();
        let (header, claims) = (claims(&format!(".{header}."))?, claims(token)?);
        ensure!(
            header["alg"] == algorithm && header["typ"] == "at+jwt",
            "{header}"
        );
        ensure!(
            claims["aud"] == resource && claims["sub"] == "alice",
            "{claims}"
        );
        ensure!(claims["client_id"] == seen["registered"], "{claims}");
    }
    Ok(token)
}

/// An issuer that keeps to the specifications has nothing that differs.
fn no_warning(usher: &Usher) -> anyhow::Result<()> {
    let log = usher.log();
    let warnings: Vec<_> = log
        .lines()
        .filter(|line| line.contains("\"issuer\":"))
        .filter(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""))
        .collect();
    let found =
        "\"profile\":\"generic\",\"clients\":\"register themselves, or have a metadata document\"";
    ensure!(log.contains(found), "{log}");
    ensure!(warnings.is_empty(), "{warnings:?}");
    Ok(())
}
