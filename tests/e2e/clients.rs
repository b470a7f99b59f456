//! The official clients in both eras, registered and predefined: login, consent, `search` and `fetch`.

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Scene;
use crate::report::Report;
use crate::sdk::Sdk::{Python, TypeScript};
use crate::sdk::{KEYCLOAK, More, PREDEFINED, Provider, Visit};
use crate::usher::Usher;

/// At Keycloak: each SDK in a lane of its own, and beside them those whose tokens go by.
pub(crate) async fn visits(report: &Report, scene: &Scene) {
    let one_after_another = async |sdk| {
        for client_id in [None, Some(PREDEFINED)] {
            for version in ["2025-11-25", "2026-07-28"] {
                let visit = Visit {
                    client_id,
                    ..Visit::new(sdk, version)
                };
                row(report, &scene.usher, &KEYCLOAK, visit).await;
            }
        }
    };
    let brief = async |sdk, client_id| {
        let started = Instant::now();
        let visit = Visit {
            client_id: Some(client_id),
            // Usher allows clocks to differ by 30 s.
            more: More::Refresh { after_seconds: 34 },
            ..Visit::new(sdk, "2026-07-28")
        };
        if !report.wants(&visit.name(&KEYCLOAK)) {
            return;
        }
        match client_with_brief_tokens(scene, client_id).await {
            Ok(()) => row(report, &scene.usher, &KEYCLOAK, visit).await,
            error => report.row(started, &visit.name(&KEYCLOAK), error),
        }
    };
    tokio::join!(
        one_after_another(TypeScript),
        one_after_another(Python),
        brief(TypeScript, "brief-typescript"),
        brief(Python, "brief-python"),
    );
}

/// At the development provider, where everybody registers.
pub(crate) async fn visits_with_the_development_provider(report: &Report) {
    let started = Instant::now();
    let name = "a client of the development provider";
    match Development::start().await {
        Ok(scene) => scene.visits(report).await,
        error => report.row(started, name, error.map(drop)),
    }
}

struct Development {
    idp: dev_idp::Server,
    usher: Usher,
}

impl Development {
    async fn start() -> anyhow::Result<Self> {
        let idp = dev_idp::Server::start(dev_idp::Config::on_any_port()).await?;
        let mut usher = Usher::new("development")?;
        usher.start(idp.issuer()).await?;
        usher.until("/readyz", 200).await?;
        Ok(Self { idp, usher })
    }

    async fn visits(&self, report: &Report) {
        let [alice, ..] = self.idp.users() else {
            unreachable!("it has users: alice and bob");
        };
        let provider = Provider {
            name: " with the development provider",
            user: &alice.name,
            password: &alice.password,
            consent: "search and read what you may read",
        };
        for sdk in [TypeScript, Python] {
            for version in ["2025-11-25", "2026-07-28"] {
                row(report, &self.usher, &provider, Visit::new(sdk, version)).await;
            }
        }
    }
}

/// A public client for the browser whose access tokens live for two seconds.
async fn client_with_brief_tokens(scene: &Scene, id: &str) -> anyhow::Result<()> {
    let changes = json!({
        "standardFlowEnabled": true, "directAccessGrantsEnabled": false, "consentRequired": true,
        "redirectUris": ["http://127.0.0.1/*"], "attributes": { "access.token.lifespan": "2" },
    });
    scene.keycloak.add_client("mcp", id, changes).await
}

async fn row(report: &Report, usher: &Usher, provider: &Provider<'_>, visit: Visit<'_>) {
    let (started, name) = (Instant::now(), visit.name(provider));
    if report.wants(&name) {
        let seen = visit.go(usher, provider).await;
        let outcome = seen.and_then(|seen| check(&seen, provider, visit));
        report.row(started, &name, outcome);
    }
}

/// One login, consent to reading, both tools, and the right revision; a registration only where no client id was given.
fn check(seen: &Value, provider: &Provider<'_>, visit: Visit<'_>) -> anyhow::Result<()> {
    ensure!(seen["logins"] == 1, "{seen}");
    let consent = seen["consent"][0].as_str().unwrap_or_default();
    ensure!(consent.contains(provider.consent), "{seen}");
    ensure!(!consent.contains("hange"), "asks for writing: {seen}");
    ensure!(seen["version"] == visit.version, "{seen}");
    ensure!(seen["tools"] == json!(["search", "fetch"]), "{seen}");
    let found = &seen["search"]["results"][0];
    ensure!(found["title"] == "Order 1001", "{seen}");
    ensure!(seen["fetch"]["id"] == found["id"], "{seen}");
    // An SDK also saves a client id that it was given.
    let saved = seen["registered"].as_str();
    match visit.client_id {
        None => ensure!(saved.is_some_and(|id| id != PREDEFINED), "{seen}"),
        given => ensure!(saved.is_none() || saved == given, "{seen}"),
    }
    if visit.more != More::Nothing {
        ensure!(seen["refreshes"].as_u64() >= Some(1), "{seen}");
        ensure!(seen["after_expiry"] == found["id"], "{seen}");
    }
    Ok(())
}
