//! The OAuth half of an MCP client, as the specification asks for it: from an address to an access token. Every value
//! that comes back is checked, as a careful client does.

mod metadata;

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dev_idp::browser::{Arrival, Browser, Page};
use serde_json::{Value, json};
use url::Url;

pub(crate) use metadata::IssuerMetadata;

use crate::mcp_client::McpClient;

/// Nobody listens here: the browser stops where the answer would be delivered.
const REDIRECT_URI: &str = "http://127.0.0.1:4711/callback";

/// An access token. It has no `Debug` and no `Display`: it is never printed by accident.
pub(crate) struct AccessToken(String);

impl AccessToken {
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// What it says, unverified: for people to read. Only the resource server's opinion counts.
    pub(crate) fn claims(&self) -> anyhow::Result<Value> {
        let part = self
            .0
            .split('.')
            .nth(1)
            .ok_or_else(|| anyhow!("the access token is no JWT"))?;
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
    }
}

/// A client on its way to a token for one MCP endpoint.
pub(crate) struct OAuthClient {
    http: reqwest::Client,
    browser: Browser,
    mcp_url: String,
}

/// What the client got for its authorization request.
pub(crate) struct Code {
    code: String,
    verifier: String,
    resource: String,
}

impl Code {
    /// The resource it was asked for.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }
}

impl OAuthClient {
    pub(crate) fn new(mcp_url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            http,
            browser: Browser::new()?,
            mcp_url: mcp_url.to_owned(),
        })
    }

    /// All steps at once.
    pub(crate) async fn log_in(&mut self, user: &str) -> anyhow::Result<AccessToken> {
        let refusal = McpClient::new(&self.mcp_url)?
            .send(None, "tools/list", json!({}))
            .await?;
        let challenge = refusal
            .challenge
            .ok_or_else(|| anyhow!("no challenge in a {}", refusal.status))?;
        let (issuer, scope) = self.resource_metadata(&challenge).await?;
        let metadata = self.issuer_metadata(&issuer).await?;
        let client_id = self.register(&metadata).await?;
        let mcp_url = self.mcp_url.clone();
        let login = self
            .authorize(&metadata, &client_id, &mcp_url, &scope)
            .await?;
        let (_, code) = self.through_the_browser(&metadata, login, user).await?;
        self.redeem(&metadata, &client_id, &code).await
    }

    /// Registers this client (RFC 7591) and gives its client id.
    pub(crate) async fn register(&self, metadata: &IssuerMetadata) -> anyhow::Result<String> {
        let request = self
            .http
            .post(&metadata.registration_endpoint)
            .json(&json!({
                "client_name": "Usher demo",
                "redirect_uris": [REDIRECT_URI],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            }));
        let registered = answer(request, 201).await?;
        Ok(text(&registered, "client_id")?.to_owned())
    }

    /// Sends the browser off with an authorization request, and gives what it shows.
    pub(crate) async fn authorize(
        &mut self,
        metadata: &IssuerMetadata,
        client_id: &str,
        resource: &str,
        scope: &str,
    ) -> anyhow::Result<Pending> {
        let (verifier, state) = (random()?, random()?);
        let challenge =
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let address = Url::parse_with_params(
            &metadata.authorization_endpoint,
            [
                ("response_type", "code"),
                ("client_id", client_id),
                ("redirect_uri", REDIRECT_URI),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
                ("resource", resource),
                ("scope", scope),
                ("state", &state),
            ],
        )?;
        match self.browser.open(address.as_str()).await? {
            Arrival::Page(page) => Ok(Pending {
                page,
                verifier,
                state,
                resource: resource.to_owned(),
            }),
            Arrival::Elsewhere(answer) => bail!("the authorization request was refused: {answer}"),
        }
    }

    /// Logs in (if the page asks for it) and allows, as the pages say; gives what they were called, and the code.
    pub(crate) async fn through_the_browser(
        &mut self,
        metadata: &IssuerMetadata,
        pending: Pending,
        user: &str,
    ) -> anyhow::Result<(Vec<String>, Code)> {
        let mut seen = vec![pending.page.heading()];
        let mut page = pending.page;
        if page.markup.contains("name=\"password\"") {
            page = self.log_in_on(&page, user).await?;
            seen.push(page.heading());
        }
        ensure!(
            page.text().contains(&pending.resource),
            "the consent page does not name {}",
            pending.resource
        );
        let form = page.forms().into_iter().next();
        let form =
            form.with_context(|| format!("expected a consent form, found {:?}", page.text()))?;
        let answer = match self
            .browser
            .submit(&page, &form, &[("decision", "allow")])
            .await?
        {
            Arrival::Elsewhere(answer) => answer,
            Arrival::Page(page) => bail!(
                "expected the redirect to the client, found {:?}",
                page.text()
            ),
        };
        let parameter = |name: &str| {
            answer
                .query_pairs()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        if let Some(error) = parameter("error") {
            bail!(
                "the identity provider refused: {error} {}",
                parameter("error_description").unwrap_or_default()
            );
        }
        ensure!(
            answer.as_str().starts_with(REDIRECT_URI),
            "the answer went to {answer}"
        );
        ensure!(
            parameter("state").as_deref() == Some(&pending.state),
            "state is not the one that was sent"
        );
        let iss = parameter("iss");
        ensure!(
            iss.as_deref() == Some(&metadata.issuer),
            "expected iss {}, found {iss:?} (RFC 9207)",
            metadata.issuer
        );
        let code = parameter("code").context("the answer has no code")?;
        Ok((
            seen,
            Code {
                code,
                verifier: pending.verifier,
                resource: pending.resource,
            },
        ))
    }

    /// Turns the code into an access token.
    pub(crate) async fn redeem(
        &self,
        metadata: &IssuerMetadata,
        client_id: &str,
        code: &Code,
    ) -> anyhow::Result<AccessToken> {
        let request = self.http.post(&metadata.token_endpoint).form(&[
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("code", &code.code),
            ("code_verifier", &code.verifier),
            ("resource", &code.resource),
        ]);
        let tokens = answer(request, 200).await?;
        Ok(AccessToken(text(&tokens, "access_token")?.to_owned()))
    }

    async fn log_in_on(&mut self, page: &Page, user: &str) -> anyhow::Result<Page> {
        let rows = page.rows();
        let row = rows
            .iter()
            .find(|row| row.first().is_some_and(|name| name == user));
        let password = row
            .and_then(|row| row.last())
            .with_context(|| format!("the login page shows no user {user}"))?;
        let form = page
            .forms()
            .into_iter()
            .next()
            .context("the login page has no form")?;
        match self
            .browser
            .submit(page, &form, &[("username", user), ("password", password)])
            .await?
        {
            Arrival::Page(page) if page.status == 200 => Ok(page),
            Arrival::Page(page) => bail!("the login failed: {:?}", page.text()),
            Arrival::Elsewhere(address) => bail!("the login led to {address}"),
        }
    }
}

/// An authorization request that a page is about.
pub(crate) struct Pending {
    page: Page,
    verifier: String,
    state: String,
    resource: String,
}

async fn answer(request: reqwest::RequestBuilder, expected: u16) -> anyhow::Result<Value> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = response.text().await?;
    ensure!(
        status == expected,
        "expected {expected}, found {status}: {body}"
    );
    serde_json::from_str(&body).with_context(|| format!("expected JSON, found {body:?}"))
}

fn text<'a>(document: &'a Value, member: &str) -> anyhow::Result<&'a str> {
    document
        .get(member)
        .and_then(Value::as_str)
        .with_context(|| format!("{member} is missing in {document}"))
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .ok()
        .context("the operating system has no random bytes")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
