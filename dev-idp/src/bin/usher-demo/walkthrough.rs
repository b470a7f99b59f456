//! The steps between "paste this URL" and the first document, in the order a client takes them.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::mcp_client::McpClient;
use crate::oauth_client::{AccessToken, IssuerMetadata, OAuthClient};
use crate::report::Report;

const USER: &str = "alice";
/// A resource that is not Usher, to ask the identity provider for a token that Usher must refuse.
const OTHER_RESOURCE: &str = "https://somebody-else.example/mcp";
const QUERY: &str = "red velvet cupcakes";

/// Walks through everything; the first step that does not hold is the error.
pub(crate) async fn run(report: &Report, mcp_url: &str, issuer: &str) -> anyhow::Result<()> {
    let mut walk = Walk {
        report,
        steps: 0,
        mcp: McpClient::new(mcp_url)?,
        oauth: OAuthClient::new(mcp_url)?,
    };
    let (metadata, scope) = walk.discover(issuer).await?;
    let (client_id, access_token) = walk.log_in(&metadata, mcp_url, &scope).await?;
    walk.refuse_a_foreign_token(&metadata, &client_id, &scope)
        .await?;
    walk.use_the_tools(&access_token).await
}

struct Walk<'a> {
    report: &'a Report,
    steps: usize,
    mcp: McpClient,
    oauth: OAuthClient,
}

impl Walk<'_> {
    /// Steps 1 to 3: from a refusal to the identity provider.
    async fn discover(&mut self, issuer: &str) -> anyhow::Result<(IssuerMetadata, String)> {
        let refused = self.mcp.send(None, "tools/list", json!({})).await;
        let challenge = self.step(
            "Call without a token",
            refused.and_then(|refused| {
                ensure!(
                    refused.status == 401,
                    "expected 401, found {}",
                    refused.status
                );
                let challenge = refused
                    .challenge
                    .context("expected WWW-Authenticate: Bearer with quoted parameters")?;
                ensure!(
                    challenge.parameter("error").is_none(),
                    "an error, though no token was sent (RFC 6750 section 3.1)"
                );
                let scope = challenge
                    .parameter("scope")
                    .context("the challenge names no scope")?;
                let found = format!("401, ask for scope \"{scope}\"");
                Ok((found, challenge))
            }),
        )?;

        let found = self.oauth.resource_metadata(&challenge).await;
        let (named, scope) = self.step(
            "Protected resource metadata",
            found.and_then(|(named, scope)| {
                ensure!(
                    named == issuer,
                    "expected the authorization server {issuer}, found {named}"
                );
                Ok((
                    format!("resource is the URL, issuer is {named}"),
                    (named, scope),
                ))
            }),
        )?;

        let found = self.oauth.issuer_metadata(&named).await;
        let metadata = self.step(
            "Issuer metadata",
            found.map(|metadata| ("same issuer, PKCE S256, registration".to_owned(), metadata)),
        )?;
        Ok((metadata, scope))
    }

    /// Steps 4 to 6: from the identity provider to a token.
    async fn log_in(
        &mut self,
        metadata: &IssuerMetadata,
        mcp_url: &str,
        scope: &str,
    ) -> anyhow::Result<(String, AccessToken)> {
        let registered = self.oauth.register(metadata).await;
        let client_id = self.step(
            "Client registration",
            registered.map(|id| (format!("client id {id}"), id)),
        )?;

        let decided = match self
            .oauth
            .authorize(metadata, &client_id, mcp_url, scope)
            .await
        {
            Ok(pending) => {
                self.oauth
                    .through_the_browser(metadata, pending, USER)
                    .await
            }
            Err(fault) => Err(fault),
        };
        let code = self.step(
            "Login and consent",
            decided.map(|(seen, code)| {
                (
                    format!("as {USER}: {}; state and iss hold", seen.join(", ")),
                    code,
                )
            }),
        )?;

        let redeemed = self.oauth.redeem(metadata, &client_id, &code).await;
        let access_token = self.step(
            "Access token",
            redeemed.and_then(|access_token| {
                let claims = access_token.claims()?;
                ensure!(
                    claims.get("aud") == Some(&json!(mcp_url)),
                    "expected aud {mcp_url}, found {claims}"
                );
                Ok((in_words(&claims), access_token))
            }),
        )?;
        Ok((client_id, access_token))
    }

    /// Step 7: a good token of the same issuer, for somebody else's resource.
    async fn refuse_a_foreign_token(
        &mut self,
        metadata: &IssuerMetadata,
        client_id: &str,
        scope: &str,
    ) -> anyhow::Result<()> {
        let refused = self
            .call_with_a_foreign_token(metadata, client_id, scope)
            .await;
        self.step("Token for another resource", refused)
    }

    async fn call_with_a_foreign_token(
        &mut self,
        metadata: &IssuerMetadata,
        client_id: &str,
        scope: &str,
    ) -> anyhow::Result<(String, ())> {
        let pending = self
            .oauth
            .authorize(metadata, client_id, OTHER_RESOURCE, scope)
            .await?;
        let (_, code) = self
            .oauth
            .through_the_browser(metadata, pending, USER)
            .await?;
        let foreign = self.oauth.redeem(metadata, client_id, &code).await?;
        let refused = self
            .mcp
            .send(Some(&foreign), "tools/list", json!({}))
            .await?;
        let error = refused
            .challenge
            .as_ref()
            .and_then(|challenge| challenge.parameter("error"));
        ensure!(
            refused.status == 401 && error == Some("invalid_token"),
            "a token for {OTHER_RESOURCE} must be refused with 401 invalid_token; found {} {error:?}",
            refused.status
        );
        Ok((
            format!("refused, as it must be: {} invalid_token", refused.status),
            (),
        ))
    }

    /// Steps 8 to 11: from the token to a document.
    async fn use_the_tools(&mut self, access_token: &AccessToken) -> anyhow::Result<()> {
        let discovered = self
            .mcp
            .call(access_token, "server/discover", json!({}))
            .await;
        self.step(
            "server/discover",
            discovered.and_then(|result| {
                let versions = strings(&result, "supportedVersions");
                ensure!(!versions.is_empty(), "no supportedVersions in {result}");
                Ok((format!("revisions {}", versions.join(", ")), ()))
            }),
        )?;

        let listed = self.mcp.call(access_token, "tools/list", json!({})).await;
        self.step(
            "tools/list",
            listed.and_then(|result| {
                let tools = result
                    .get("tools")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten();
                let names: Vec<_> = tools
                    .filter_map(|tool| tool.get("name")?.as_str())
                    .collect();
                ensure!(
                    names.contains(&"search") && names.contains(&"fetch"),
                    "expected search and fetch, found {names:?}"
                );
                Ok((names.join(", "), ()))
            }),
        )?;

        let searched = self
            .mcp
            .call_tool(access_token, "search", json!({ "query": QUERY }))
            .await;
        let id = self.step(
            "search",
            searched.and_then(|content| {
                let results = content
                    .get("results")
                    .and_then(Value::as_array)
                    .context("no results")?;
                let first = results
                    .first()
                    .with_context(|| format!("nothing found for {QUERY:?}"))?;
                let (id, title) = (member(first, "id")?, member(first, "title")?);
                Ok((
                    format!(
                        "{QUERY:?}: {} results, the first is {title:?}",
                        results.len()
                    ),
                    id.to_owned(),
                ))
            }),
        )?;

        let fetched = self
            .mcp
            .call_tool(access_token, "fetch", json!({ "id": id }))
            .await;
        self.step(
            "fetch",
            fetched.and_then(|document| {
                ensure!(
                    member(&document, "id")? == id,
                    "asked for {id}, found {document}"
                );
                let (title, text) = (member(&document, "title")?, member(&document, "text")?);
                Ok((
                    format!(
                        "{title:?}, {} characters, {}",
                        text.chars().count(),
                        member(&document, "url")?
                    ),
                    (),
                ))
            }),
        )
    }

    /// Prints how a step went and hands on what it gave.
    fn step<T>(&mut self, name: &str, outcome: anyhow::Result<(String, T)>) -> anyhow::Result<T> {
        self.steps += 1;
        match outcome {
            Ok((found, value)) => {
                self.report.held(self.steps, name, &found);
                Ok(value)
            }
            Err(fault) => {
                self.report.failed(self.steps, name);
                Err(fault.context(format!("step {} ({name}) does not hold", self.steps)))
            }
        }
    }
}

/// The claims a person wants to see; never the token.
fn in_words(claims: &Value) -> String {
    let show = |name: &str| match claims.get(name) {
        Some(Value::String(text)) => format!("{name} {text}"),
        Some(other) => format!("{name} {other}"),
        None => format!("no {name}"),
    };
    ["sub", "groups", "scope", "aud"].map(show).join(", ")
}

fn strings<'a>(value: &'a Value, member: &str) -> Vec<&'a str> {
    let members = value
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    members.filter_map(Value::as_str).collect()
}

fn member<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value
        .get(name)
        .and_then(Value::as_str)
        .with_context(|| format!("no {name} in {value}"))
}
