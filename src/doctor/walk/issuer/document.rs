//! An authorization server's metadata document, as a stranger reads it (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).

use serde_json::Value;
use url::Url;

use crate::auth::ProfileName;

/// The document. What it says is the provider's word, not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(Value);

impl Document {
    /// A JSON object, or nothing.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        value.is_object().then_some(Self(value))
    }

    /// The whole of it.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// A member that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A member that is an address.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<Url> {
        Url::parse(self.text(name)?).ok()
    }

    /// The texts of a list; nothing if the member is missing.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        let items = self.0.get(name)?.as_array()?;
        Some(items.iter().filter_map(Value::as_str).collect())
    }

    /// True if the list has this text.
    #[must_use]
    pub fn lists(&self, name: &str, item: &str) -> bool {
        self.list(name).is_some_and(|items| items.contains(&item))
    }

    /// True if the member is `true`.
    #[must_use]
    pub fn says(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    /// What it calls itself.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text("issuer")
    }

    /// Which provider it looks like.
    #[must_use]
    pub fn profile(&self, issuer: &str) -> ProfileName {
        ProfileName::recognised(issuer, self.text("token_endpoint"))
    }

    /// True if clients may name themselves by the address of a document.
    #[must_use]
    pub fn takes_client_documents(&self) -> bool {
        self.says("client_id_metadata_document_supported")
    }

    /// True if it returns `iss` in its answers (RFC 9207 §3).
    #[must_use]
    pub fn returns_issuer(&self) -> bool {
        self.says("authorization_response_iss_parameter_supported")
    }
}
