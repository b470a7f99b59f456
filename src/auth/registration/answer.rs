//! The issuer's answer to a registration that it accepted (RFC 7591 §3.2.1).

use serde::Deserialize;

/// A client as the issuer registered it, which need not be as it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClient {
    /// Its client id.
    pub id: String,
    /// Its secret, if it has one.
    pub secret: Option<ClientSecret>,
    /// When the secret ends, in Unix seconds. Nothing: never.
    pub secret_expires_at: Option<u64>,
    /// The redirect addresses, if the issuer says.
    pub redirect_uris: Option<Vec<String>>,
    /// The scopes that it may ask for, if the issuer says.
    pub scope: Option<String>,
    /// How it proves itself at the token endpoint, if the issuer says.
    pub authentication: Option<String>,
    /// Where the registration can be read, changed and deleted (RFC 7592).
    pub registration_client_uri: Option<String>,
    /// With which token.
    pub registration_access_token: Option<ClientSecret>,
}

/// A secret of a registered client. No `Display`, redacted `Debug`: only the command line prints it, once.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

#[derive(Deserialize)]
struct Document {
    client_id: Option<String>,
    client_secret: Option<String>,
    client_secret_expires_at: Option<u64>,
    redirect_uris: Option<Vec<String>>,
    scope: Option<String>,
    token_endpoint_auth_method: Option<String>,
    registration_client_uri: Option<String>,
    registration_access_token: Option<String>,
}

impl Document {
    /// Everything that a person is shown.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let members = [
            &self.client_id,
            &self.client_secret,
            &self.scope,
            &self.token_endpoint_auth_method,
            &self.registration_client_uri,
            &self.registration_access_token,
        ];
        let members = members.into_iter().flatten();
        let addresses = self.redirect_uris.iter().flatten();
        members.chain(addresses).map(String::as_str)
    }
}

pub(super) fn read(body: &[u8]) -> Result<RegisteredClient, &'static str> {
    let Ok(document) = serde_json::from_slice::<Document>(body) else {
        return Err(
            "its answer is not the JSON of RFC 7591 section 3.2.1; a client may have been registered all the same: \
             look there before you try again",
        );
    };
    if !document.texts().all(is_printable) {
        return Err("its answer holds characters that no client id, secret or address may have");
    }
    let Some(id) = document.client_id.filter(|id| !id.is_empty()) else {
        return Err(
            "its answer says that the client is registered, and has no `client_id`: look for it there",
        );
    };
    Ok(RegisteredClient {
        id,
        secret: document.client_secret.map(ClientSecret),
        // "REQUIRED if client_secret is issued. […] 0 if it will not expire".
        secret_expires_at: document.client_secret_expires_at.filter(|at| *at != 0),
        redirect_uris: document.redirect_uris,
        scope: document.scope,
        authentication: document.token_endpoint_auth_method,
        registration_client_uri: document.registration_client_uri,
        registration_access_token: document.registration_access_token.map(ClientSecret),
    })
}

/// `*VSCHAR` (RFC 6749 appendix A.1 and A.2): nothing that a terminal would obey.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_issuer_registered_and_shows_no_secret() {
        let client = read(
            br#"{"client_id":"c1","client_secret":"s3cret","client_secret_expires_at":0,"scope":"mcp:read",
                "redirect_uris":["https://a.test/cb"],"token_endpoint_auth_method":"client_secret_basic",
                "registration_client_uri":"https://id.test/c1","registration_access_token":"t0ken","unknown":{}}"#,
        )
        .expect("a client");
        assert_eq!(client.id, "c1");
        assert_eq!(client.secret_expires_at, None);
        assert_eq!(
            client.secret.as_ref().map(ClientSecret::expose),
            Some("s3cret")
        );
        let shown = format!("{client:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("t0ken"),
            "{shown}"
        );

        let least = read(br#"{"client_id":"c1"}"#).expect("a client");
        assert_eq!((least.secret, least.scope), (None, None));
    }

    #[test]
    fn refuses_an_answer_without_a_client_or_with_characters_for_a_terminal() {
        for bad in [
            &b"<html>"[..],
            b"[]",
            b"{}",
            br#"{"client_id":""}"#,
            br#"{"client_id":7}"#,
            br#"{"client_id":"c\u001b[2J"}"#,
            br#"{"client_id":"c1","client_secret":"a\nb"}"#,
            br#"{"client_id":"c1","redirect_uris":["https://a.test/\u0007"]}"#,
            br#"{"client_id":"c1","registration_client_uri":"\u009b"}"#,
        ] {
            assert!(read(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
