//! Registering an MCP client at an issuer (RFC 7591), for the person who runs Usher: `usher client register`.
//!
//! The server itself never registers anybody. What the issuer answers is a secret until it is printed, and every text of
//! the issuer's is made harmless before a person's terminal shows it.

mod answer;
mod keycloak;
mod refusal;

use serde::Serialize;
use url::Url;

pub use answer::{ClientSecret, RegisteredClient};
pub use refusal::RegistrationError;

use super::access_token::is_b64token;
use super::discovery::{Found, HttpSource};
use super::settings::IssuerSettings;
use super::{ProfileName, Scopes};
use crate::outbound::{JsonDocument, Outbound, is_loopback_host};

/// The largest answer that is read.
const MAX_BYTES: usize = 256 * 1024;

/// The longest initial access token.
const LONGEST_TOKEN: usize = 16 * 1024;

/// What an issuer's metadata says that matters to a client of it (RFC 8414 §2).
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    /// The issuer identifier.
    pub issuer: String,
    /// How the provider is recognised, or what the settings say.
    pub profile: ProfileName,
    /// Where users log in.
    pub authorization_endpoint: Option<String>,
    /// Where clients get tokens.
    pub token_endpoint: Option<String>,
    /// Where clients register.
    pub registration_endpoint: Option<String>,
    /// How clients may prove themselves. Empty: it does not say.
    pub client_authentication: Vec<String>,
    /// The scopes it knows. Empty: it does not say.
    pub scopes: Vec<String>,
    /// True if its answers carry `iss` (RFC 9207), on which `ChatGPT`'s redirect address depends.
    pub returns_issuer: bool,
    found_on_loopback: bool,
}

/// What is asked for (RFC 7591 §2).
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    /// What people read on the consent page.
    pub name: String,
    /// Where their browsers are sent back to.
    pub redirect_uris: Vec<String>,
    /// The scopes that it may ask for. Empty: the issuer decides.
    pub scopes: Scopes,
    /// True if it shall have a secret.
    pub is_confidential: bool,
}

/// RFC 7591 §2. PKCE is the client's own doing: there is no metadata for it.
#[derive(Serialize)]
struct RegistrationRequest<'r> {
    client_name: &'r str,
    redirect_uris: &'r [String],
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// What an issuer demands of those who register (RFC 7591 §1.2). No `Display`, redacted `Debug`.
pub struct InitialAccessToken(String);

impl std::fmt::Debug for InitialAccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InitialAccessToken(…)")
    }
}

impl InitialAccessToken {
    /// The token in a file's text: one line. The error says what is wrong, without the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let token = text.trim();
        if token.is_empty() {
            return Err("it is empty");
        }
        if token.len() > LONGEST_TOKEN || !is_b64token(token.as_bytes()) {
            return Err("it holds something else: expected one Bearer token and nothing besides");
        }
        Ok(Self(token.to_owned()))
    }
}

impl AuthorizationServer {
    /// Finds and validates the issuer's metadata, in the way the server does.
    pub async fn discover(
        settings: &IssuerSettings,
        outbound: &Outbound,
    ) -> Result<Self, RegistrationError> {
        let source = HttpSource::new(settings, outbound.clone(), Found::default());
        let metadata =
            source
                .search()
                .await
                .map_err(|error| RegistrationError::IssuerUnavailable {
                    issuer: settings.issuer.clone(),
                    problem: error.to_string(),
                })?;
        let document: serde_json::Value =
            serde_json::from_slice(&metadata.document).unwrap_or_default();
        let server = Self::from_metadata(
            &settings.issuer,
            &document,
            metadata.was_found_on_loopback(),
        );
        Ok(Self {
            profile: settings.profile.unwrap_or(server.profile),
            ..server
        })
    }

    /// What a metadata document says, which somebody else has fetched and found to be the issuer's own.
    #[must_use]
    pub fn from_metadata(
        issuer: &str,
        document: &serde_json::Value,
        found_on_loopback: bool,
    ) -> Self {
        let text = |name: &str| Some(document.get(name)?.as_str()?.to_owned());
        let list = |name: &str| -> Vec<String> {
            let items = document.get(name).and_then(|value| value.as_array());
            let texts = items.into_iter().flatten().filter_map(|item| item.as_str());
            texts.map(str::to_owned).collect()
        };
        let token_endpoint = text("token_endpoint");
        Self {
            issuer: issuer.to_owned(),
            profile: ProfileName::recognised(issuer, token_endpoint.as_deref()),
            authorization_endpoint: text("authorization_endpoint"),
            token_endpoint,
            registration_endpoint: text("registration_endpoint"),
            client_authentication: list("token_endpoint_auth_methods_supported"),
            scopes: list("scopes_supported"),
            returns_issuer: document.get("authorization_response_iss_parameter_supported")
                == Some(&true.into()),
            found_on_loopback,
        }
    }

    /// Registers one client (RFC 7591 §3.1).
    pub async fn register(
        &self,
        client: &ClientMetadata,
        initial_access_token: Option<&InitialAccessToken>,
        outbound: &Outbound,
    ) -> Result<RegisteredClient, RegistrationError> {
        let url = self.endpoint()?;
        let document = JsonDocument {
            url: &url,
            body: &self.request(client),
            bearer: initial_access_token.map(|token| token.0.as_str()),
            max_bytes: MAX_BYTES,
        };
        let answer = outbound.send(document).await.map_err(|error| {
            RegistrationError::IssuerNotAnswering {
                url: url.to_string(),
                error,
            }
        })?;
        let token = initial_access_token.map(|token| token.0.as_str());
        self.judge((answer.status, &answer.body), client, token)
    }

    /// What the answer to a registration means, by status and body.
    pub fn answer_to(
        &self,
        client: &ClientMetadata,
        answer: (u16, &[u8]),
    ) -> Result<RegisteredClient, RegistrationError> {
        self.judge(answer, client, None)
    }

    fn judge(
        &self,
        (status, body): (u16, &[u8]),
        client: &ClientMetadata,
        initial_access_token: Option<&str>,
    ) -> Result<RegisteredClient, RegistrationError> {
        match status {
            // "the authorization server MUST respond with HTTP status code 201" (RFC 7591 §3.2.1); some send 200.
            200 | 201 => {
                answer::read(body).map_err(|problem| RegistrationError::IssuerAnswer { problem })
            }
            status => {
                let asked = refusal::Asked {
                    server: self,
                    client,
                    initial_access_token,
                };
                Err(refusal::explain(status, body, &asked))
            }
        }
    }

    /// Where clients register, if it may be contacted at all.
    pub fn endpoint(&self) -> Result<Url, RegistrationError> {
        let Some(written) = &self.registration_endpoint else {
            return Err(RegistrationError::IssuerRegistersNobody {
                issuer: self.issuer.clone(),
                hint: self.profile.profile().registration_hint,
                profile: self.profile,
            });
        };
        let is_local = |url: &Url| url.host_str().is_some_and(is_loopback_host);
        // As for `jwks_uri`: what a public document says must not lead into this machine.
        Url::parse(written)
            .ok()
            .filter(|url| self.found_on_loopback || !is_local(url))
            .ok_or(RegistrationError::IssuerAnswer {
                problem: "the `registration_endpoint` of its metadata is no address to send to",
            })
    }

    /// The document that a registration sends.
    #[must_use]
    pub fn request(&self, client: &ClientMetadata) -> Vec<u8> {
        let scope = (!client.scopes.is_empty()).then(|| client.scopes.to_string());
        let request = RegistrationRequest {
            client_name: &client.name,
            redirect_uris: &client.redirect_uris,
            grant_types: ["authorization_code", "refresh_token"],
            response_types: ["code"],
            token_endpoint_auth_method: self.authentication_of(client),
            scope,
        };
        serde_json::to_vec(&request).expect("invariant: texts and lists of texts are JSON")
    }

    /// `client_secret_basic` is what every server must know (RFC 6749 §2.3.1), unless it says otherwise.
    fn authentication_of(&self, client: &ClientMetadata) -> &'static str {
        let knows = |method| {
            self.client_authentication
                .iter()
                .any(|known| known == method)
        };
        match client.is_confidential {
            false => "none",
            true if !knows("client_secret_basic") && knows("client_secret_post") => {
                "client_secret_post"
            }
            true => "client_secret_basic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initial_access_token_is_one_line_and_does_not_show_itself() {
        for good in ["eyJ.eyJ.sig", "eyJ.eyJ.sig\n", " opaque~token/+== \r\n"] {
            let token = InitialAccessToken::parse(good).expect(good);
            assert_eq!(token.0, good.trim());
            assert_eq!(format!("{token:?}"), "InitialAccessToken(…)");
        }
        for bad in ["", " \n", "two tokens", "a\nb", "Bearer x", "\u{1b}[0m"] {
            assert!(InitialAccessToken::parse(bad).is_err(), "{bad:?}");
        }
        assert!(InitialAccessToken::parse(&"a".repeat(LONGEST_TOKEN + 1)).is_err());
    }
}
