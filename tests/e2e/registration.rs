//! `usher client register` at a real Keycloak: anonymous, with an initial access token, and where a policy says no.

use std::process::{Output, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Scene;
use crate::keycloak::member;

/// What came of one run.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Run {
    /// The one JSON object of a registration that went well.
    fn json(&self) -> anyhow::Result<Value> {
        ensure!(self.code == Some(0), "{:?}: {}", self.code, self.stderr);
        Ok(serde_json::from_str(&self.stdout)?)
    }

    /// Ends like this, says this, and prints nothing that a script would take for a client.
    fn is_refused(&self, code: i32, expected: &[&str]) -> anyhow::Result<()> {
        ensure!(self.code == Some(code), "{:?}: {}", self.code, self.stderr);
        for part in expected {
            ensure!(
                self.stderr.contains(part),
                "lacks {part:?}: {}",
                self.stderr
            );
        }
        ensure!(self.stdout.is_empty(), "{}", self.stdout);
        Ok(())
    }
}

async fn register(scene: &Scene, arguments: &[&str], input: &str) -> anyhow::Result<Run> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(["client", "register"])
        .args(arguments)
        .env("MCP_SERVER_URL", scene.usher.public_url())
        .env("KC_ISSUER", scene.keycloak.issuer("mcp"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("piped")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    Ok(child.wait_with_output().await?.into())
}

/// The client id of a public client with this redirect address, registered without a token.
pub(crate) async fn registered(scene: &Scene, redirect_uri: &str) -> anyhow::Result<String> {
    let run = register(scene, &["--redirect", redirect_uri, "--json"], "").await?;
    member(&run.json()?, "client_id")
}

/// A token that admits this many registrations (admin console: Clients, Initial access token).
async fn initial_access_token(scene: &Scene, count: u32) -> anyhow::Result<String> {
    let body = json!({ "count": count, "expiration": 300 });
    let made = scene
        .keycloak
        .admin("POST", "/mcp/clients-initial-access", Some(body));
    member(&made.await?, "token")
}

/// Each as Keycloak keeps it afterwards, and each may ask for what clients ask for: `offline_access` is one of them.
pub(crate) async fn registers_every_client_that_usher_knows_without_a_token(
    scene: &Scene,
) -> anyhow::Result<()> {
    for client in ["chatgpt", "claude", "cursor", "inspector", "vscode"] {
        let run = register(scene, &["--for", client, "--json"], "").await?;
        let registered = run.json()?;
        let id = member(&registered, "client_id")?;
        let path = format!("/mcp/clients?clientId={id}");
        let kept = scene.keycloak.admin("GET", &path, None).await?;
        ensure!(
            kept[0]["publicClient"] == true && kept[0]["consentRequired"] == true,
            "{client}: {kept}"
        );
        let addresses = registered["redirect_uris"].as_array().context("a list")?;
        ensure!(!addresses.is_empty(), "{registered}");
        for address in addresses {
            for scope in ["mcp:read offline_access", "openid mcp:read mcp:write"] {
                let answer = authorize(scene, &id, address.as_str().unwrap_or_default(), scope);
                let status = answer.await?;
                ensure!(
                    status == 200,
                    "{client}: {address} {scope:?} gives {status}, expected the login page"
                );
            }
        }
    }
    Ok(())
}

/// The status that the authorization endpoint answers with: 200 is the login page.
async fn authorize(
    scene: &Scene,
    id: &str,
    redirect_uri: &str,
    scope: &str,
) -> anyhow::Result<u16> {
    let query = [
        ("response_type", "code"),
        ("client_id", id),
        ("redirect_uri", redirect_uri),
        ("scope", scope),
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
    ];
    let issuer = scene.keycloak.issuer("mcp");
    let mut url: reqwest::Url = format!("{issuer}/protocol/openid-connect/auth").parse()?;
    url.query_pairs_mut().extend_pairs(query);
    Ok(crate::http_client()
        .get(url)
        .send()
        .await?
        .status()
        .as_u16())
}

/// Trusted Hosts does not apply to it. The secret is good at the token endpoint; the token is good once.
pub(crate) async fn registers_a_confidential_client_with_an_initial_access_token(
    scene: &Scene,
) -> anyhow::Result<()> {
    let token = initial_access_token(scene, 1).await?;
    let arguments = [
        "--redirect",
        "https://elsewhere.example/cb",
        "--confidential",
        "--json",
    ];
    let arguments = [&arguments[..], &["--initial-access-token-file", "-"]].concat();
    let run = register(scene, &arguments, &token).await?;
    let registered = run.json()?;
    ensure!(!run.stderr.contains(&token), "{}", run.stderr);
    let (id, secret) = (
        member(&registered, "client_id")?,
        member(&registered, "client_secret")?,
    );
    // Keycloak takes the secret only in the way that was registered: `client_secret_basic`.
    let url = member(&registered, "token_endpoint")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "none"),
        ("redirect_uri", "https://elsewhere.example/cb"),
    ];
    for (secret, expected) in [
        (secret.as_str(), "invalid_grant"),
        ("wrong", "unauthorized_client"),
    ] {
        let request = crate::http_client().post(&url).form(&form);
        let answer = request.basic_auth(&id, Some(secret)).send().await?;
        let answer: Value = answer.json().await?;
        ensure!(answer["error"] == expected, "{answer}, expected {expected}");
    }

    let again = register(scene, &arguments, &token).await?;
    again.is_refused(77, &["it is used up", "Clients > Initial access token"])?;
    ensure!(!again.stderr.contains(&token), "{}", again.stderr);
    let wrong = register(scene, &arguments, "eyJ.of.another").await?;
    wrong.is_refused(77, &["expired, revoked, or not one of this issuer"])
}

/// The text names the policy and the place; without the token these are the anonymous policies, with it the others.
pub(crate) async fn names_the_policy_that_refuses_and_where_to_change_it(
    scene: &Scene,
) -> anyhow::Result<()> {
    let elsewhere = ["--redirect", "https://elsewhere.example/cb"];
    let run = register(scene, &elsewhere, "").await?;
    let place = "Clients > Client registration > Anonymous access policies > Trusted Hosts, add elsewhere.example";
    run.is_refused(77, &["\"Trusted Hosts\" refuses", "realm \"mcp\"", place])?;

    let scope = ["--for", "vscode", "--scope", "mcp:read upstream:orders"];
    let run = register(scene, &scope, "").await?;
    let place = "Anonymous access policies > Allowed Client Scopes, add those of \"mcp:read upstream:orders\"";
    run.is_refused(77, &["\"Allowed Client Scopes\" refuses", place])?;

    let token = initial_access_token(scene, 1).await?;
    let with_token = [&scope[..], &["--initial-access-token-file", "-"]].concat();
    let run = register(scene, &with_token, &token).await?;
    run.is_refused(
        77,
        &["Authenticated access policies > Allowed Client Scopes"],
    )?;

    // A policy's name and the limit itself, changed for one question.
    let path = "/mcp/components?type=org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy";
    let policies = scene.keycloak.admin("GET", path, None).await?;
    let mut policies = policies.as_array().into_iter().flatten();
    let limit = policies.find(|policy| policy["providerId"] == "max-clients");
    let limit = limit.context("a limit")?.clone();
    let component = format!("/mcp/components/{}", member(&limit, "id")?);
    let mut low = limit.clone();
    low["config"] = json!({ "max-clients": ["1"] });
    scene.keycloak.admin("PUT", &component, Some(low)).await?;
    let run = register(scene, &["--for", "vscode"], "").await;
    scene.keycloak.admin("PUT", &component, Some(limit)).await?;
    run?.is_refused(
        77,
        &["Anonymous access policies > Max Clients Limit, delete clients"],
    )
}
