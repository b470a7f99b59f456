//! What `keycloak/realm.json` promises, asked of the server that imported it.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Scene;
use crate::keycloak::member;

pub(crate) async fn holds_all_registration_policies(scene: &Scene) -> anyhow::Result<()> {
    let path = "/mcp/components?type=org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy";
    let policies = scene.keycloak.admin("GET", path, None).await?;
    let mut anonymous: Vec<_> = policies
        .as_array()
        .into_iter()
        .flatten()
        .filter(|policy| policy["subType"] == "anonymous")
        .filter_map(|policy| policy["providerId"].as_str())
        .collect();
    anonymous.sort_unstable();
    ensure!(
        anonymous
            == [
                "allowed-client-templates",
                "allowed-protocol-mappers",
                "consent-required",
                "max-clients",
                "registration-web-origins",
                "scope",
                "trusted-hosts",
            ],
        "{anonymous:?}"
    );
    Ok(())
}

/// Each with the redirect addresses that the client really registers.
pub(crate) async fn registers_the_clients_that_people_use_and_nobody_else(
    scene: &Scene,
) -> anyhow::Result<()> {
    let welcome = [
        json!(["https://chatgpt.com/connector/oauth/abc"]),
        json!(["https://chatgpt.com/connector_platform_oauth_redirect"]),
        json!([
            "https://claude.ai/api/mcp/auth_callback",
            "https://claude.com/api/mcp/auth_callback"
        ]),
        json!(["http://127.0.0.1:33418/", "https://vscode.dev/redirect"]),
        json!([
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "http://localhost:8787/callback"
        ]),
        json!(["https://www.cursor.com/agents/mcp/oauth/callback"]),
        json!(["http://localhost:6274/oauth/callback"]),
        json!(["http://127.0.0.1:6276/oauth/callback"]),
    ];
    for redirect_uris in welcome {
        let metadata =
            json!({ "redirect_uris": redirect_uris, "token_endpoint_auth_method": "none" });
        let (status, answer) = scene.keycloak.register(&metadata).await?;
        ensure!(status == 201, "{redirect_uris}: {status} {answer}");
    }
    let refused = [
        (
            json!({ "redirect_uris": ["https://evil.example/callback"] }),
            "Trusted Hosts",
        ),
        (
            json!({ "redirect_uris": ["https://claude.ai/api/mcp/auth_callback", "https://evil.example/"] }),
            "Trusted Hosts",
        ),
        (
            json!({ "redirect_uris": ["http://localhost:1/"], "scope": "upstream:orders" }),
            "Allowed Client Scopes",
        ),
        (
            json!({ "redirect_uris": ["http://localhost:1/"], "scope": "service_account" }),
            "Allowed Client Scopes",
        ),
    ];
    for (metadata, policy) in refused {
        let (status, answer) = scene.keycloak.register(&metadata).await?;
        ensure!(
            status == 403 && answer.to_string().contains(policy),
            "{metadata}: {status} {answer}, expected 403 of {policy}"
        );
    }
    Ok(())
}

/// Anybody may register a client with `client_credentials` at Keycloak: no login, no consent. Its tokens must open nothing.
pub(crate) async fn gives_a_self_registered_service_account_nothing(
    scene: &Scene,
) -> anyhow::Result<()> {
    let metadata =
        json!({ "redirect_uris": ["http://localhost:1/"], "grant_types": ["client_credentials"] });
    let (status, client) = scene.keycloak.register(&metadata).await?;
    ensure!(status == 201, "{status} {client}");
    let (id, secret) = (
        member(&client, "client_id")?,
        member(&client, "client_secret")?,
    );
    for scope in ["profile", "mcp:read mcp:write"] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", &secret),
            ("scope", scope),
        ];
        let tokens = scene.keycloak.token_request("mcp", &form).await?;
        ensure!(!member(&tokens, "scope")?.contains("mcp:"), "{tokens}");
        let answer = scene
            .usher
            .call(&member(&tokens, "access_token")?, None)
            .await?;
        ensure!(
            answer.status == 401 && answer.reason == "missing_claim",
            "{answer:?}"
        );
    }
    Ok(())
}

/// A client that registered itself for reading alone cannot ask for more later (step-up): Keycloak fixed its scopes then.
pub(crate) async fn tells_a_self_registered_reader_that_writing_is_no_scope_of_its_own(
    scene: &Scene,
) -> anyhow::Result<()> {
    let redirect_uri = "http://localhost:1/";
    let metadata = json!({
        "redirect_uris": [redirect_uri], "scope": "mcp:read", "token_endpoint_auth_method": "none",
    });
    let (_, client) = scene.keycloak.register(&metadata).await?;
    let id = member(&client, "client_id")?;
    for (scope, outcome) in [
        ("mcp:read", None),
        ("mcp:write", Some("error=invalid_scope")),
    ] {
        let query = [
            ("response_type", "code"),
            ("client_id", &id),
            ("redirect_uri", redirect_uri),
            ("scope", scope),
            (
                "code_challenge",
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            ),
            ("code_challenge_method", "S256"),
        ];
        let mut url: reqwest::Url = format!(
            "{}/protocol/openid-connect/auth",
            scene.keycloak.issuer("mcp")
        )
        .parse()?;
        url.query_pairs_mut().extend_pairs(query);
        let answer = crate::http_client().get(url).send().await?;
        let location = answer
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        match outcome {
            None => ensure!(answer.status() == 200, "{scope}: {answer:?}"),
            Some(error) => ensure!(location.contains(error), "{scope}: {answer:?}"),
        }
    }
    Ok(())
}

/// Imported at the start as the other one. No users and no secrets of ours; reading is asked for, never given by itself.
pub(crate) async fn for_production_has_no_users_no_known_secret_and_no_scope_by_default(
    scene: &Scene,
) -> anyhow::Result<()> {
    let admin = async |path: &str| {
        let path = format!("/production{path}");
        scene.keycloak.admin("GET", &path, None).await
    };
    ensure!(admin("/users").await? == json!([]), "there are users");
    let names = |scopes: &Value| -> Vec<String> {
        let scopes = scopes.as_array().into_iter().flatten();
        scopes
            .filter_map(|scope| Some(scope["name"].as_str()?.to_owned()))
            .collect()
    };
    let by_default = names(&admin("/default-default-client-scopes").await?);
    let optional = names(&admin("/default-optional-client-scopes").await?);
    ensure!(
        !by_default.iter().any(|name| name.starts_with("mcp:")),
        "{by_default:?}"
    );
    for scope in ["mcp:read", "mcp:write"] {
        ensure!(optional.iter().any(|name| name == scope), "{optional:?}");
    }
    // The audiences are the server's, which the environment named.
    let scopes = admin("/client-scopes").await?;
    let mut scopes = scopes.as_array().into_iter().flatten();
    let reading = scopes.find(|scope| scope["name"] == "mcp:read");
    let reading = reading.map(ToString::to_string).unwrap_or_default();
    let resource = format!("\"{}/mcp\"", scene.usher.public_url());
    ensure!(
        reading.contains(&resource) && !reading.contains("${MCP"),
        "{reading}, expected {resource}"
    );
    for client in ["usher", "chatgpt-confidential"] {
        let found = admin(&format!("/clients?clientId={client}")).await?;
        let secret = found[0]["secret"].as_str().unwrap_or_default();
        ensure!(
            secret.len() >= 32,
            "{client} has no secret of its own: {found}"
        );
    }
    Ok(())
}

/// RFC 8693, by the client `usher`, with the scope that stands for the upstream's audience.
pub(crate) async fn exchanges_a_callers_token_for_an_upstreams(
    scene: &Scene,
) -> anyhow::Result<()> {
    let tokens = scene
        .keycloak
        .log_in("mcp", "password", "alice", "openid")
        .await?;
    let form = [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("client_id", "usher"),
        ("client_secret", "usher-demo-secret"),
        ("subject_token", &tokens.access),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("scope", "upstream:orders"),
    ];
    let exchanged = scene.keycloak.token_request("mcp", &form).await?;
    let claims = claims(&member(&exchanged, "access_token")?)?;
    let upstream = format!("{}/upstreams/orders", scene.usher.public_url());
    ensure!(claims["aud"] == upstream.as_str(), "{claims}");
    ensure!(claims["azp"] == "usher", "{claims}");
    // What is for an upstream opens nothing here.
    let answer = scene
        .usher
        .call(&member(&exchanged, "access_token")?, None)
        .await?;
    ensure!(answer.reason == "wrong_audience", "{answer:?}");
    Ok(())
}

/// The claims of a token, unverified: for looking at it.
pub(crate) fn claims(token: &str) -> anyhow::Result<Value> {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap_or_default();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload)?;
    Ok(serde_json::from_slice(&bytes)?)
}
