//! Asking an authorization server's token endpoint for an access token (RFC 6749 §3.2), as a client with a secret.
//!
//! What is asked for is the caller's business: a client's own token, or one in exchange for another. Here the request is
//! sent and the answer is believed or not. A token that is got leaves only as the value of an `Authorization` header.

mod answer;
mod kept;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use http::HeaderValue;
use url::Url;

pub use answer::{Code, Refusal, for_log};
pub use kept::Kept;

use crate::outbound::{ClientAuthentication, Form, Outbound, OutboundError};
use crate::secret_file::SecretFile;

/// The type of token that is asked for where nothing else is said (RFC 8693 §3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The other type that can stand in an `Authorization` header.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The largest answer that is read.
const MAX_BYTES: usize = 64 * 1024;

/// A client of our own at an authorization server. Its secret is in a file.
pub struct Client {
    /// Its id.
    pub id: String,
    secret: SecretFile,
    authentication: ClientAuthentication,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.id)
    }
}

impl Client {
    /// The client with this id, whose secret is in `secret_file`.
    #[must_use]
    pub fn new(id: &str, secret_file: &Path, authentication: ClientAuthentication) -> Self {
        Self {
            id: id.to_owned(),
            secret: SecretFile::at(secret_file),
            authentication,
        }
    }
}

/// One request for a token. Its fields may hold secrets, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    /// The token endpoint.
    pub url: &'a Url,
    /// Who asks.
    pub client: &'a Client,
    /// The grant.
    pub fields: &'a [(&'a str, &'a str)],
    /// What the answer must name as `issued_token_type` (RFC 8693 §2.2.1), if this is an exchange.
    pub issued_token_type: Option<&'a str>,
}

/// A token as it is sent: `Bearer …`. The header value does not show itself in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// For `Authorization`.
    pub header: HeaderValue,
    /// How long it is good.
    pub lives: Duration,
}

/// Why there is no token. None of it repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenEndpointError {
    /// The answer is not what RFC 6749 §5.1 or RFC 8693 §2.2.1 asks for.
    #[error("the token endpoint's answer cannot be used: {0}")]
    Invalid(&'static str),
    /// No answer.
    #[error("the token endpoint does not answer: {0}")]
    Outbound(#[from] OutboundError),
    /// It refuses.
    #[error("the token endpoint refuses: {0}")]
    Refused(Refusal),
    /// Our own secret cannot be read.
    #[error("{0}")]
    Secret(String),
}

/// Asks for a token.
pub async fn ask(
    outbound: &Outbound,
    request: TokenRequest<'_>,
) -> Result<Issued, TokenEndpointError> {
    let TokenRequest { client, fields, .. } = request;
    let secret = client.secret.secret().await;
    let secret = secret.map_err(TokenEndpointError::Secret)?;
    let form = Form {
        url: request.url,
        fields,
        client_id: &client.id,
        client_secret: secret.expose(),
        authentication: client.authentication,
        max_bytes: MAX_BYTES,
    };
    let answer = outbound.submit(form).await?;
    if answer.status == 200 {
        return answer::issued(&answer.body, request.issued_token_type)
            .map_err(TokenEndpointError::Invalid);
    }
    // What must not be repeated in a log, should the server repeat it to us.
    let secrets = fields
        .iter()
        .filter(|(name, _)| name.ends_with("token") || *name == "assertion");
    let secrets: Vec<_> = secrets
        .map(|(_, value)| *value)
        .chain([secret.expose()])
        .collect();
    Err(answer::refused(answer.status, &answer.body, &secrets))
}

#[cfg(test)]
mod tests;
