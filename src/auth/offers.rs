//! What an issuer offers to MCP clients, from memory: for whoever tells people how to connect.

use serde_json::Value;

use super::issuer::{Issuer, IssuerStatus};
use super::{ProfileName, ResourceServer};

/// One issuer, as clients meet it. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The issuer identifier, and how its keys are.
    pub status: IssuerStatus,
    /// What its metadata says of registration; nothing before it was read.
    pub registration: Option<RegistrationOffered>,
    /// What to do there where clients cannot register themselves.
    pub registration_hint: &'static str,
}

/// How clients may become known to an issuer (RFC 8414 §2, RFC 7591, client ID metadata documents).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrationOffered {
    /// It has a registration endpoint.
    pub dynamic: bool,
    /// It takes the address of a document for a client id.
    pub documents: bool,
    /// It lists `none` among the ways in which clients prove themselves.
    pub lists_none: bool,
}

impl Offers {
    /// The provider's name, or the issuer identifier where it could be any.
    #[must_use]
    pub fn title(&self) -> &str {
        match self.status.profile {
            ProfileName::Generic => &self.status.issuer,
            known => known.title(),
        }
    }

    /// How the provider writes its tokens, and calls its fields.
    #[must_use]
    pub fn profile(&self) -> ProfileName {
        self.status.profile
    }
}

impl RegistrationOffered {
    /// What the metadata says.
    fn read(document: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(document).unwrap_or_default();
        let methods = document.get("token_endpoint_auth_methods_supported");
        let methods = methods.and_then(Value::as_array);
        let documents = document.get("client_id_metadata_document_supported");
        Self {
            dynamic: document
                .get("registration_endpoint")
                .is_some_and(Value::is_string),
            documents: documents == Some(&Value::Bool(true)),
            lists_none: methods.is_some_and(|methods| methods.iter().any(|name| name == "none")),
        }
    }
}

impl ResourceServer {
    /// What each issuer offers to clients, in the order configured: the first is the one that most of them take.
    #[must_use]
    pub fn offers(&self) -> Vec<Offers> {
        let offers = |issuer: &Issuer| Offers {
            status: issuer.status(),
            registration: issuer
                .document()
                .map(|document| RegistrationOffered::read(&document)),
            registration_hint: issuer.profile().registration_hint,
        };
        self.0.issuers.iter().map(offers).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_says_how_clients_become_known() {
        for (document, expected) in [
            ("{}", (false, false, false)),
            ("<html>", (false, false, false)),
            (
                r#"{"registration_endpoint":"https://id.test/register"}"#,
                (true, false, false),
            ),
            (r#"{"registration_endpoint":null}"#, (false, false, false)),
            (
                r#"{"client_id_metadata_document_supported":true}"#,
                (false, true, false),
            ),
            (
                r#"{"client_id_metadata_document_supported":"true"}"#,
                (false, false, false),
            ),
            (
                r#"{"token_endpoint_auth_methods_supported":["private_key_jwt","none"]}"#,
                (false, false, true),
            ),
        ] {
            let found = RegistrationOffered::read(document.as_bytes());
            let found = (found.dynamic, found.documents, found.lists_none);
            assert_eq!(found, expected, "{document}");
        }
    }
}
