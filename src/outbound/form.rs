//! A form with the credentials of a client of our own: how token and introspection endpoints are asked.

use reqwest::header::ACCEPT;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Answer, Outbound, OutboundError, Reply};

/// A form to send, with the credentials of a client of our own (RFC 6749 §2.3.1). Holds secrets, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    /// Where to.
    pub url: &'a Url,
    /// Its fields.
    pub fields: &'a [(&'a str, &'a str)],
    /// Our client id there.
    pub client_id: &'a str,
    /// And its secret.
    pub client_secret: &'a str,
    /// Where the two stand in the request.
    pub authentication: ClientAuthentication,
    /// The most bytes that the answer may have.
    pub max_bytes: usize,
}

/// How a client of ours says who it is (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// In the header, as HTTP Basic: every server takes it that has clients with secrets.
    #[default]
    ClientSecretBasic,
    /// In the form.
    ClientSecretPost,
}

impl Outbound {
    /// Sends a form and returns the JSON that a 200 carries.
    pub async fn post(&self, form: Form<'_>) -> Result<Vec<u8>, OutboundError> {
        let response = self.send_form(form).await?;
        match self.reply(response, form.max_bytes).await? {
            Reply::Document { body, .. } => Ok(body),
            Reply::NotModified { .. } => Err(OutboundError::Status(304)),
        }
    }

    /// The same, and returns the answer also where it refuses.
    pub async fn submit(&self, form: Form<'_>) -> Result<Answer, OutboundError> {
        let response = self.send_form(form).await?;
        self.answer(response, form.max_bytes).await
    }

    async fn send_form(&self, form: Form<'_>) -> Result<reqwest::Response, OutboundError> {
        self.prepare(form.url).await;
        let client = self.client(form.url)?;
        let request = client
            .post(form.url.clone())
            .header(ACCEPT, "application/json");
        let request = match form.authentication {
            ClientAuthentication::ClientSecretBasic => {
                // "encoded using the `application/x-www-form-urlencoded` encoding algorithm" before Basic (RFC 6749 §2.3.1).
                let encoded = |text: &str| -> String {
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                request
                    .basic_auth(encoded(form.client_id), Some(encoded(form.client_secret)))
                    .form(form.fields)
            }
            ClientAuthentication::ClientSecretPost => {
                let ours = [
                    ("client_id", form.client_id),
                    ("client_secret", form.client_secret),
                ];
                let fields: Vec<_> = form.fields.iter().copied().chain(ours).collect();
                request.form(&fields)
            }
        };
        self.request(request).await
    }
}
