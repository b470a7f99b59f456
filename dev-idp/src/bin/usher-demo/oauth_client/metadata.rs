//! The two documents between a refusal and a login: the resource's (RFC 9728) and its issuer's (RFC 8414).

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use url::Url;

use super::{OAuthClient, answer, text};
use crate::challenge::Challenge;

/// What the identity provider says about itself (RFC 8414 §2).
pub(crate) struct IssuerMetadata {
    pub(crate) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) registration_endpoint: String,
}

impl OAuthClient {
    /// The issuer and the scope to ask for, from RFC 9728 metadata that is about the address the user typed.
    pub(crate) async fn resource_metadata(
        &self,
        challenge: &Challenge,
    ) -> anyhow::Result<(String, String)> {
        let address = challenge
            .parameter("resource_metadata")
            .context("the challenge names no resource_metadata")?;
        let own = Url::parse(&self.mcp_url)?.origin();
        ensure!(
            Url::parse(address)?.origin() == own,
            "resource_metadata leads elsewhere: {address}"
        );
        let document = self.document(address).await?;
        let resource = text(&document, "resource")?;
        ensure!(
            resource == self.mcp_url,
            "expected resource {}, found {resource} (RFC 9728 section 3.3)",
            self.mcp_url
        );
        let servers = document
            .get("authorization_servers")
            .and_then(Value::as_array);
        let issuer = servers.and_then(|servers| servers.first()?.as_str());
        let issuer = issuer.with_context(|| format!("{address} names no authorization server"))?;
        let scope = challenge
            .parameter("scope")
            .context("the challenge names no scope")?;
        Ok((issuer.to_owned(), scope.to_owned()))
    }

    /// The issuer's metadata, if it has that very issuer's name (RFC 8414 §3.3) and what MCP needs.
    pub(crate) async fn issuer_metadata(&self, issuer: &str) -> anyhow::Result<IssuerMetadata> {
        let document = self
            .document(&format!("{issuer}/.well-known/oauth-authorization-server"))
            .await?;
        let found = text(&document, "issuer")?;
        ensure!(
            found == issuer,
            "expected issuer {issuer}, found {found} (RFC 8414 section 3.3)"
        );
        let methods = document
            .get("code_challenge_methods_supported")
            .and_then(Value::as_array);
        ensure!(
            methods.is_some_and(|methods| methods.contains(&json!("S256"))),
            "the issuer offers no PKCE with S256"
        );
        Ok(IssuerMetadata {
            issuer: found.to_owned(),
            authorization_endpoint: text(&document, "authorization_endpoint")?.to_owned(),
            token_endpoint: text(&document, "token_endpoint")?.to_owned(),
            registration_endpoint: text(&document, "registration_endpoint")?.to_owned(),
        })
    }

    async fn document(&self, address: &str) -> anyhow::Result<Value> {
        answer(self.http.get(address), 200)
            .await
            .with_context(|| address.to_owned())
    }
}
