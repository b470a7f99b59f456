//! The steps between "paste this URL" and the first document, in the order a client takes them.
//!
//! Each step is a function that gives what it found, in a few words, and what the next steps need; or why it does not hold.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::challenge::Challenge;
use crate::mcp_client::McpClient;
use crate::oauth_client::{AccessToken, Code, IssuerMetadata, OAuthClient};
use crate::report::Report;

const USER: &str = "alice";
/// A resource that is not Usher, to ask the identity provider for a token that Usher must refuse.
const OTHER_RESOURCE: &str = "https://somebody-else.example/mcp";
const QUERY: &str = "red velvet cupcakes";
/// Usher listens before its index is complete.
const INDEX: Duration = Duration::from_secs(10);

/// What a step found, in words, and what it hands on.
type Found<T> = anyhow::Result<(String, T)>;

/// Walks through everything; the first step that does not hold is the error.
pub(crate) async fn run(report: &Report, mcp_url: &str, issuer: &str) -> anyhow::Result<()> {
    let mut steps = Steps { report, taken: 0 };
    let mcp = McpClient::new(mcp_url)?;
    let mut oauth = OAuthClient::new(mcp_url)?;

    let challenge = steps.step("Call without a token", without_a_token(&mcp).await)?;
    let scope = steps.step(
        "Protected resource metadata",
        resource(&oauth, &challenge, issuer).await,
    )?;
    let metadata = steps.step("Issuer metadata", issuer_metadata(&oauth, issuer).await)?;
    let client_id = steps.step("Client registration", registration(&oauth, &metadata).await)?;
    let code = steps.step(
        "Login and consent",
        login(&mut oauth, &metadata, &client_id, mcp_url, &scope).await,
    )?;
    let token = steps.step(
        "Access token",
        token(&oauth, &metadata, &client_id, &code).await,
    )?;

    let foreign = foreign_token(&mut oauth, &metadata, &client_id, &scope).await;
    steps.step("Token for another resource", refusal(&mcp, foreign).await)?;

    steps.step("server/discover", discover(&mcp, &token).await)?;
    steps.step("tools/list", tools(&mcp, &token).await)?;
    let id = steps.step("search", search(&mcp, &token).await)?;
    steps.step("fetch", fetch(&mcp, &token, &id).await)
}

struct Steps<'a> {
    report: &'a Report,
    taken: usize,
}

impl Steps<'_> {
    /// Prints how a step went and hands on what it gave.
    fn step<T>(&mut self, name: &str, found: Found<T>) -> anyhow::Result<T> {
        self.taken += 1;
        match found {
            Ok((words, value)) => {
                self.report.held(self.taken, name, &words);
                Ok(value)
            }
            Err(fault) => {
                self.report.failed(self.taken, name);
                Err(fault.context(format!("step {} ({name}) does not hold", self.taken)))
            }
        }
    }
}

async fn without_a_token(mcp: &McpClient) -> Found<Challenge> {
    let refused = mcp.send(None, "tools/list", json!({})).await?;
    ensure!(
        refused.status == 401,
        "expected 401, found {}",
        refused.status
    );
    let challenge = refused
        .challenge
        .context("expected WWW-Authenticate: Bearer with quoted parameters")?;
    let error = challenge.parameter("error");
    ensure!(
        error.is_none(),
        "error {error:?}, though no token was sent (RFC 6750 section 3.1)"
    );
    let scope = challenge
        .parameter("scope")
        .context("the challenge names no scope")?;
    Ok((format!("401; ask for scope {scope}"), challenge))
}

async fn resource(oauth: &OAuthClient, challenge: &Challenge, issuer: &str) -> Found<String> {
    let (named, scope) = oauth.resource_metadata(challenge).await?;
    ensure!(
        named == issuer,
        "expected the authorization server {issuer}, found {named}"
    );
    Ok((
        format!("the resource is this URL, its issuer {named}"),
        scope,
    ))
}

async fn issuer_metadata(oauth: &OAuthClient, issuer: &str) -> Found<IssuerMetadata> {
    let metadata = oauth.issuer_metadata(issuer).await?;
    Ok((
        "the very issuer, with PKCE S256 and registration".to_owned(),
        metadata,
    ))
}

async fn registration(oauth: &OAuthClient, metadata: &IssuerMetadata) -> Found<String> {
    let client_id = oauth.register(metadata).await?;
    Ok((client_id.clone(), client_id))
}

async fn login(
    oauth: &mut OAuthClient,
    metadata: &IssuerMetadata,
    client_id: &str,
    mcp_url: &str,
    scope: &str,
) -> Found<Code> {
    let pending = oauth.authorize(metadata, client_id, mcp_url, scope).await?;
    let (seen, code) = oauth.through_the_browser(metadata, pending, USER).await?;
    Ok((
        format!("as {USER}: {}; state and iss hold", seen.join(", then ")),
        code,
    ))
}

async fn token(
    oauth: &OAuthClient,
    metadata: &IssuerMetadata,
    client_id: &str,
    code: &Code,
) -> Found<AccessToken> {
    let access_token = oauth.redeem(metadata, client_id, code).await?;
    let claims = access_token.claims()?;
    let audience = member(&claims, "aud")?;
    ensure!(
        audience == code.resource(),
        "expected aud {}, found {audience}",
        code.resource()
    );
    // Never the token itself.
    let words = format!(
        "sub {}, groups {}, scope {}, aud {audience}",
        member(&claims, "sub")?,
        strings(&claims, "groups").join(" "),
        member(&claims, "scope")?
    );
    Ok((words, access_token))
}

/// A good token of the same issuer, for somebody else's resource.
async fn foreign_token(
    oauth: &mut OAuthClient,
    metadata: &IssuerMetadata,
    client_id: &str,
    scope: &str,
) -> anyhow::Result<AccessToken> {
    let pending = oauth
        .authorize(metadata, client_id, OTHER_RESOURCE, scope)
        .await?;
    let (_, code) = oauth.through_the_browser(metadata, pending, USER).await?;
    oauth.redeem(metadata, client_id, &code).await
}

async fn refusal(mcp: &McpClient, foreign: anyhow::Result<AccessToken>) -> Found<()> {
    let refused = mcp.send(Some(&foreign?), "tools/list", json!({})).await?;
    let error = refused
        .challenge
        .as_ref()
        .and_then(|challenge| challenge.parameter("error"));
    ensure!(
        refused.status == 401 && error == Some("invalid_token"),
        "a token for {OTHER_RESOURCE} must be refused with 401 invalid_token; found {} {error:?}",
        refused.status
    );
    Ok(("refused, as it must be: 401 invalid_token".to_owned(), ()))
}

async fn discover(mcp: &McpClient, token: &AccessToken) -> Found<()> {
    let result = mcp.call(token, "server/discover", json!({})).await?;
    let revisions = strings(&result, "supportedVersions");
    ensure!(!revisions.is_empty(), "no supportedVersions in {result}");
    Ok((format!("revision {}", revisions.join(", ")), ()))
}

async fn tools(mcp: &McpClient, token: &AccessToken) -> Found<()> {
    let result = mcp.call(token, "tools/list", json!({})).await?;
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
}

/// Gives the first hit's id. Asks again while the index is being built.
async fn search(mcp: &McpClient, token: &AccessToken) -> Found<String> {
    let deadline = Instant::now() + INDEX;
    loop {
        let content = mcp
            .call_tool(token, "search", json!({ "query": QUERY }))
            .await?;
        let results = content
            .get("results")
            .and_then(Value::as_array)
            .context("no results in the answer")?;
        if let Some(first) = results.first() {
            let count = match results.len() {
                1 => "1 result".to_owned(),
                several => format!("{several} results"),
            };
            let words = format!(
                "“{QUERY}”: {count}, the first is “{}”",
                member(first, "title")?
            );
            return Ok((words, member(first, "id")?.to_owned()));
        }
        ensure!(
            Instant::now() < deadline,
            "nothing found for “{QUERY}”, {} s after the start",
            INDEX.as_secs()
        );
        sleep(Duration::from_millis(200)).await;
    }
}

async fn fetch(mcp: &McpClient, token: &AccessToken, id: &str) -> Found<()> {
    let document = mcp.call_tool(token, "fetch", json!({ "id": id })).await?;
    ensure!(
        member(&document, "id")? == id,
        "asked for {id}, found {document}"
    );
    let (title, text) = (member(&document, "title")?, member(&document, "text")?);
    ensure!(!text.trim().is_empty(), "the document {id} has no text");
    Ok((
        format!(
            "“{title}”, {} characters: {}",
            text.chars().count(),
            beginning(text)
        ),
        (),
    ))
}

fn beginning(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(60).chain(['…']).collect()
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
