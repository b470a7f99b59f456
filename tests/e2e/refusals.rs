//! Genuine Keycloak tokens that must not open the door: status, challenge and the reason in the log of each.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::Scene;
use crate::realm::claims;

/// What one token must get.
struct Expected {
    status: u16,
    /// The `error` of the challenge.
    error: &'static str,
    reason: &'static str,
}

const fn invalid(reason: &'static str) -> Expected {
    Expected {
        status: 401,
        error: "invalid_token",
        reason,
    }
}

async fn check(
    scene: &Scene,
    token: &str,
    tool: Option<&str>,
    expected: Expected,
) -> anyhow::Result<()> {
    let answer = scene.usher.call(token, tool).await?;
    let metadata = format!(
        "resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"",
        scene.usher.public_url()
    );
    ensure!(
        answer.status == expected.status,
        "{answer:?}, expected {}",
        expected.status
    );
    ensure!(
        answer.reason == expected.reason,
        "{answer:?}, expected {}",
        expected.reason
    );
    ensure!(
        answer
            .challenge
            .contains(&format!("error=\"{}\"", expected.error))
            && answer.challenge.contains(&metadata),
        "{answer:?}"
    );
    Ok(())
}

pub(crate) async fn accepts_a_genuine_access_token(scene: &Scene) -> anyhow::Result<()> {
    let tokens = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?;
    let claims = claims(&tokens.access)?;
    ensure!(claims["groups"] == json!(["finance"]), "{claims}");
    ensure!(claims["sub"].is_string(), "{claims}");
    for tool in [None, Some("search")] {
        let answer = scene.usher.call(&tokens.access, tool).await?;
        ensure!(answer.status == 200 && answer.reason == "-", "{answer:?}");
        ensure!(answer.body["result"].is_object(), "{answer:?}");
    }
    Ok(())
}

/// A client of the realm that has lost `mcp:read`.
pub(crate) async fn refuses_a_token_without_audience(scene: &Scene) -> anyhow::Result<()> {
    let scopes = json!({ "defaultClientScopes": ["basic", "profile"], "optionalClientScopes": [] });
    scene
        .keycloak
        .add_client("mcp", "no-audience", scopes)
        .await?;
    let tokens = scene
        .keycloak
        .log_in("mcp", "no-audience", "alice", "openid")
        .await?;
    check(scene, &tokens.access, None, invalid("missing_claim")).await?;
    ensure!(
        scene.usher.log().contains("a mapper of type Audience"),
        "the log must say what to change"
    );
    Ok(())
}

/// It is for the client that asked for it, whatever it is signed with.
pub(crate) async fn refuses_an_id_token(scene: &Scene) -> anyhow::Result<()> {
    let tokens = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?;
    check(scene, &tokens.id, None, invalid("id_token")).await
}

/// Signed with HS512, by a key that only Keycloak has.
pub(crate) async fn refuses_a_refresh_token(scene: &Scene) -> anyhow::Result<()> {
    let tokens = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?;
    check(
        scene,
        &tokens.refresh,
        None,
        invalid("algorithm_not_allowed"),
    )
    .await
}

pub(crate) async fn refuses_a_token_of_another_realm(scene: &Scene) -> anyhow::Result<()> {
    let realm = json!({
        "realm": "other", "enabled": true,
        "users": [{ "username": "alice", "enabled": true, "email": "alice@example.com", "emailVerified": true,
            "firstName": "A", "lastName": "A", "credentials": [{ "type": "password", "value": "alice" }] }],
    });
    scene.keycloak.admin("POST", "", Some(realm)).await?;
    scene
        .keycloak
        .add_client(
            "other",
            "password",
            audience(&format!("{}/mcp", scene.usher.public_url())),
        )
        .await?;
    let tokens = scene
        .keycloak
        .log_in("other", "password", "alice", "openid")
        .await?;
    check(scene, &tokens.access, None, invalid("wrong_issuer")).await
}

/// The right realm, key and user, and another server's audience.
pub(crate) async fn refuses_a_token_for_another_resource(scene: &Scene) -> anyhow::Result<()> {
    let mut client = audience("https://other.example/mcp");
    client["defaultClientScopes"] = json!(["basic"]);
    scene
        .keycloak
        .add_client("mcp", "elsewhere", client)
        .await?;
    let tokens = scene
        .keycloak
        .log_in("mcp", "elsewhere", "alice", "openid")
        .await?;
    check(scene, &tokens.access, None, invalid("wrong_audience")).await
}

/// An operator gave a service account the audience and forgot the scope: 403, with the scope to ask for.
pub(crate) async fn refuses_a_service_account_without_scope(scene: &Scene) -> anyhow::Result<()> {
    let mut client = audience(&format!("{}/mcp", scene.usher.public_url()));
    client["publicClient"] = json!(false);
    client["secret"] = json!("robot");
    client["serviceAccountsEnabled"] = json!(true);
    client["defaultClientScopes"] = json!(["basic"]);
    scene.keycloak.add_client("mcp", "robot", client).await?;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "robot"),
        ("client_secret", "robot"),
    ];
    let tokens = scene.keycloak.token_request("mcp", &form).await?;
    let access_token = crate::keycloak::member(&tokens, "access_token")?;
    let expected = Expected {
        status: 403,
        error: "insufficient_scope",
        reason: "insufficient_scope",
    };
    check(scene, &access_token, Some("search"), expected).await
}

/// A signed token needs no question to anybody; whoever wants the end of a session at once turns introspection on.
pub(crate) async fn accepts_a_token_after_logout_until_it_expires(
    scene: &Scene,
) -> anyhow::Result<()> {
    brief(scene, "brief-logout").await?;
    let tokens = scene
        .keycloak
        .log_in("mcp", "brief-logout", "bob", "openid")
        .await?;
    let url = format!(
        "{}/protocol/openid-connect/logout",
        scene.keycloak.issuer("mcp")
    );
    let form = [
        ("client_id", "brief-logout"),
        ("refresh_token", &tokens.refresh),
    ];
    let answer = crate::http_client().post(url).form(&form).send().await?;
    ensure!(answer.status() == 204, "{answer:?}");
    let answer = scene.usher.call(&tokens.access, None).await?;
    ensure!(answer.status == 200, "{answer:?}");
    until_expired(&tokens.access).await?;
    check(scene, &tokens.access, None, invalid("expired")).await
}

pub(crate) async fn refuses_a_disabled_user_after_expiry(scene: &Scene) -> anyhow::Result<()> {
    brief(scene, "brief-disabled").await?;
    // Nobody else logs in as carol.
    scene
        .keycloak
        .add_user("mcp", "carol", "engineering")
        .await?;
    let tokens = scene
        .keycloak
        .log_in("mcp", "brief-disabled", "carol", "openid")
        .await?;
    let users = scene
        .keycloak
        .admin("GET", "/mcp/users?username=carol", None)
        .await?;
    let mut carol = users[0].clone();
    let path = format!("/mcp/users/{}", crate::keycloak::member(&carol, "id")?);
    carol["enabled"] = json!(false);
    scene.keycloak.admin("PUT", &path, Some(carol)).await?;
    let answer = scene.usher.call(&tokens.access, None).await?;
    ensure!(answer.status == 200, "until then: {answer:?}");
    until_expired(&tokens.access).await?;
    check(scene, &tokens.access, None, invalid("expired")).await?;
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "brief-disabled"),
        ("refresh_token", &tokens.refresh),
    ];
    let refreshed = scene.keycloak.token_request("mcp", &form).await?;
    ensure!(refreshed["error"] == "invalid_grant", "{refreshed}");
    Ok(())
}

/// A client whose tokens carry this audience.
fn audience(audience: &str) -> serde_json::Value {
    json!({ "protocolMappers": [{
        "name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": { "included.custom.audience": audience, "access.token.claim": "true" },
    }] })
}

/// A client whose access tokens live for four seconds.
async fn brief(scene: &Scene, id: &str) -> anyhow::Result<()> {
    let lifespan = json!({ "attributes": { "access.token.lifespan": "4" } });
    scene.keycloak.add_client("mcp", id, lifespan).await
}

/// Waits until the token has expired for Usher too, which allows clocks to differ by 30 s.
async fn until_expired(token: &str) -> anyhow::Result<()> {
    let expiry = claims(token)?["exp"].as_u64().unwrap_or_default() + 31;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    tokio::time::sleep(Duration::from_secs(expiry).saturating_sub(now)).await;
    Ok(())
}
