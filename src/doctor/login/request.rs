//! The authorization request that a client sends its user's browser off with (OAuth 2.1 §4.1.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::doctor::walk::issuer::Document;
use crate::sealing::{random, sha256};

/// What only this login knows: the PKCE verifier (RFC 7636 §4.1) and the `state`. No `Debug`.
pub(in crate::doctor) struct Secrets {
    pub verifier: String,
    pub state: String,
}

impl Secrets {
    pub(in crate::doctor) fn new() -> Self {
        let text = || URL_SAFE_NO_PAD.encode(random::<32>());
        Self {
            verifier: text(),
            state: text(),
        }
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(self.verifier.as_bytes()))
    }
}

/// One request, without its secrets.
#[derive(Clone, Copy, Debug)]
pub(in crate::doctor) struct Request<'r> {
    pub endpoint: &'r Url,
    pub client_id: &'r str,
    pub redirect_uri: &'r str,
    pub scopes: &'r [String],
    /// The resource that the token is for (RFC 8707 §2).
    pub resource: Option<&'r str>,
}

/// What clients ask for: the scopes that they are told of, and `offline_access` where the server has it, because they do
/// not want to send their users there again (MCP 2026-07-28, authorization, refresh tokens).
pub(in crate::doctor) fn scopes_of_clients(told: &[String], document: &Document) -> Vec<String> {
    let mut scopes = told.to_vec();
    let offline = "offline_access";
    if document.lists("scopes_supported", offline) && !scopes.iter().any(|scope| scope == offline) {
        scopes.push(offline.to_owned());
    }
    scopes
}

impl Request<'_> {
    /// Where the browser goes. What the endpoint has in its query already stays (RFC 6749 §3.1).
    pub(in crate::doctor) fn url(&self, secrets: &Secrets) -> Url {
        let mut url = self.endpoint.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", self.client_id)
                .append_pair("redirect_uri", self.redirect_uri)
                .append_pair("state", &secrets.state)
                .append_pair("code_challenge", &secrets.challenge())
                .append_pair("code_challenge_method", "S256");
            if !self.scopes.is_empty() {
                query.append_pair("scope", &self.scopes.join(" "));
            }
            // OpenID Connect Core §11: without it the scope is ignored.
            if self.scopes.iter().any(|scope| scope == "offline_access") {
                query.append_pair("prompt", "consent");
            }
            if let Some(resource) = self.resource {
                query.append_pair("resource", resource);
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_all_that_a_client_sends_and_never_the_verifier() {
        let endpoint = Url::parse("https://id.test/authorize?tenant=a").expect("an address");
        let scopes = ["mcp:read".to_owned(), "offline_access".to_owned()];
        let secrets = Secrets::new();
        let request = Request {
            endpoint: &endpoint,
            client_id: "https://claude.ai/oauth/x",
            redirect_uri: "http://127.0.0.1:1/callback",
            scopes: &scopes,
            resource: Some("https://mcp.test/mcp"),
        };
        let url = request.url(&secrets);
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let value = |name: &str| {
            let mut pairs = pairs.iter();
            pairs
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(value("tenant"), Some("a"));
        assert_eq!(value("client_id"), Some("https://claude.ai/oauth/x"));
        assert_eq!(value("scope"), Some("mcp:read offline_access"));
        assert_eq!(value("resource"), Some("https://mcp.test/mcp"));
        assert_eq!(value("code_challenge_method"), Some("S256"));
        assert_eq!(value("state"), Some(secrets.state.as_str()));
        assert_eq!(value("code_challenge").map(str::len), Some(43));
        assert!(!url.as_str().contains(&secrets.verifier));
        assert!(
            Request {
                resource: None,
                scopes: &[],
                ..request
            }
            .url(&secrets)
            .query_pairs()
            .all(|(name, _)| { name != "resource" && name != "scope" })
        );
    }
}
