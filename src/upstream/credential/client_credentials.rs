//! A token of this server's own client (RFC 6749 §4.4), kept until shortly before it expires.

use std::path::Path;

use http::HeaderValue;
use url::Url;

use super::{CredentialError, CredentialSettings, TokenEndpoints};
use crate::outbound::{Outbound, OutboundError, without_secrets};
use crate::token_endpoint::{self, Client, Code, Kept, TokenEndpointError, TokenRequest};

/// How one upstream's token is asked for, and the token.
pub(super) struct ClientCredentials {
    upstream: Box<str>,
    endpoint: Endpoint,
    client: Client,
    fields: Vec<(&'static str, String)>,
    outbound: Outbound,
    kept: Kept<CredentialError>,
}

enum Endpoint {
    Given(Option<Url>),
    OfIssuer(Box<str>, TokenEndpoints),
}

impl ClientCredentials {
    pub(super) fn new(
        upstream: &str,
        settings: &CredentialSettings,
        outbound: &Outbound,
        endpoints: &TokenEndpoints,
    ) -> Self {
        let endpoint = match &settings.token_endpoint {
            Some(address) => Endpoint::Given(Url::parse(address).ok()),
            None => {
                let issuer = settings.issuer.as_deref().unwrap_or_default();
                Endpoint::OfIssuer(issuer.into(), endpoints.clone())
            }
        };
        let scope = (!settings.scopes.is_empty()).then(|| settings.scopes.join(" "));
        let optional = [
            ("audience", settings.audience.clone()),
            ("resource", settings.resource.clone()),
            ("scope", scope),
        ];
        let grant = ("grant_type", "client_credentials".to_owned());
        let optional = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let secret_file = settings.secret_file.as_deref();
        let secret_file = secret_file.unwrap_or_else(|| Path::new(""));
        let authentication = settings.client_authentication;
        Self {
            upstream: upstream.into(),
            endpoint,
            client: Client::new(&settings.client_id, secret_file, authentication),
            fields: [grant].into_iter().chain(optional).collect(),
            outbound: outbound.clone(),
            kept: Kept::default(),
        }
    }

    /// The token that is kept, or a new one.
    pub(super) async fn get(
        &self,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, CredentialError> {
        let ask = async || {
            let Some(url) = self.url().await else {
                let upstream = &self.upstream;
                tracing::warn!(
                    %upstream,
                    "upstream: no token endpoint is known yet: the issuer's metadata has none, or could not be read"
                );
                return Err(CredentialError::Unavailable);
            };
            self.ask(&url).await
        };
        self.kept.get(refused, ask).await
    }

    async fn url(&self) -> Option<Url> {
        match &self.endpoint {
            Endpoint::Given(url) => url.clone(),
            Endpoint::OfIssuer(issuer, endpoints) => endpoints.of(issuer).await,
        }
    }

    async fn ask(&self, url: &Url) -> Result<token_endpoint::Issued, CredentialError> {
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let request = TokenRequest {
            url,
            client: &self.client,
            fields: &fields,
            issued_token_type: None,
        };
        token_endpoint::ask(&self.outbound, request).await.map_err(|error| {
            let upstream = &self.upstream;
            let client_id = &self.client.id;
            let advice = advice(&error);
            let url = without_secrets(url);
            tracing::warn!(%upstream, url, client_id, %error, advice, "upstream: no token of our own");
            match error {
                TokenEndpointError::Outbound(
                    OutboundError::Connection(_)
                    | OutboundError::Timeout(_)
                    | OutboundError::Status(429 | 500..),
                ) => CredentialError::Unavailable,
                TokenEndpointError::Outbound(_)
                | TokenEndpointError::Invalid(_)
                | TokenEndpointError::Refused(_)
                | TokenEndpointError::Secret(_) => CredentialError::Misconfigured,
            }
        })
    }
}

/// What an operator can do.
fn advice(error: &TokenEndpointError) -> &'static str {
    match error {
        TokenEndpointError::Refused(refusal) => match refusal.code {
            Code::InvalidClient | Code::InvalidGrant | Code::InvalidToken => {
                "see client_id, its secret file and client_authentication"
            }
            Code::UnauthorizedClient | Code::UnsupportedGrantType | Code::AccessDenied => {
                "see the secret, and let this client have tokens of its own: at Keycloak switch on its service account \
                 roles; where nobody needs a token to list tools, own_requests = \"none\" does without"
            }
            Code::InvalidScope => {
                "let this client have these scopes, at Keycloak as its optional client scopes; at Entra ID write one scope \
                 that ends in /.default"
            }
            Code::InvalidTarget => "write audience or resource as the provider knows the upstream",
            Code::InteractionRequired | Code::InvalidRequest | Code::Other => {
                "see what the provider's own log says"
            }
        },
        TokenEndpointError::Invalid(_) => "see whether this is a token endpoint",
        TokenEndpointError::Outbound(_) => "see whether this machine reaches that address",
        TokenEndpointError::Secret(_) => "see the secret file",
    }
}
