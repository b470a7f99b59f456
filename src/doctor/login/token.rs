//! From a code to tokens, and from a refresh token to new ones (RFC 6749 §4.1.3 and §6, RFC 7636 §4.5, RFC 8707 §2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::doctor::walk::ask;
use crate::doctor::walk::issuer::Provider;
use crate::outbound::{Heard, Probe, Question};
use crate::secret_file::SecretText;

/// Of an error's description, so much is shown.
const MOST_WORDS: usize = 300;

/// Who buys, and for what. It holds a secret, so it has no `Debug`.
pub(super) struct Purchase {
    pub client_id: String,
    pub client_secret: Option<SecretText>,
    pub redirect_uri: String,
    pub resource: String,
}

/// What was bought. No `Debug`: it is never printed by accident.
pub struct Tokens {
    access_token: SecretText,
    refresh_token: Option<SecretText>,
    expires_in: Option<u64>,
    scope: Option<String>,
    purchase: Purchase,
}

impl Tokens {
    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &SecretText {
        &self.access_token
    }

    /// True if there is a refresh token.
    #[must_use]
    pub fn can_be_refreshed(&self) -> bool {
        self.refresh_token.is_some()
    }

    /// What came, without the tokens themselves.
    pub(super) fn in_words(&self) -> String {
        let life = match self.expires_in {
            Some(seconds) => format!("an access token for {seconds} s"),
            None => "an access token".to_owned(),
        };
        let refresh = if self.can_be_refreshed() {
            "and a refresh token"
        } else {
            "without a refresh token"
        };
        match &self.scope {
            Some(scope) => format!("{life} {refresh}, scope {scope}"),
            None => format!("{life} {refresh}"),
        }
    }

    /// A new access token for the refresh token. A new refresh token takes the place of the old one.
    pub(in crate::doctor) async fn refreshed(
        &mut self,
        probe: &Probe,
        provider: &Provider,
    ) -> Result<SecretText, String> {
        let Some(refresh_token) = &self.refresh_token else {
            return Err("there is no refresh token".to_owned());
        };
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
            ("resource", &self.purchase.resource),
        ];
        let secrets = [refresh_token.expose()];
        let asked = (&fields[..], &secrets[..]);
        let answer = ask_endpoint(probe, provider, &self.purchase, asked).await?;
        if let Some(newer) = answer.refresh_token {
            self.refresh_token = Some(SecretText::new(newer));
        }
        Ok(SecretText::new(answer.access_token))
    }

    /// Takes them back where the provider offers that (RFC 7009): the refresh token, with which the whole grant ends, or
    /// else the access token.
    pub async fn revoke(&self, probe: &Probe, provider: &Provider) -> Result<(), String> {
        let endpoint = provider.document.address("revocation_endpoint");
        let Some(endpoint) = endpoint.filter(super::may_open) else {
            return Err("the provider offers no way to revoke it".to_owned());
        };
        let (token, hint) = match &self.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&self.access_token, "access_token"),
        };
        let fields = [("token", token.expose()), ("token_type_hint", hint)];
        let heard = post(probe, &endpoint, (provider, &self.purchase), &fields).await?;
        match heard.status {
            200 => Ok(()),
            status => Err(format!("revoking it was answered with {status}")),
        }
    }
}

/// The tokens for a code.
pub(super) async fn buy(
    probe: &Probe,
    provider: &Provider,
    purchase: Purchase,
    (code, verifier): (&str, &str),
) -> Result<Tokens, String> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", &purchase.redirect_uri),
        ("resource", &purchase.resource),
    ];
    let asked = (&fields[..], &[code, verifier][..]);
    let answer = ask_endpoint(probe, provider, &purchase, asked).await?;
    Ok(Tokens {
        access_token: SecretText::new(answer.access_token),
        refresh_token: answer.refresh_token.map(SecretText::new),
        expires_in: answer.expires_in.as_ref().and_then(seconds),
        scope: answer.scope,
        purchase,
    })
}

#[derive(Deserialize)]
struct Success {
    access_token: String,
    token_type: String,
    refresh_token: Option<String>,
    expires_in: Option<Value>,
    scope: Option<String>,
}

/// A number (RFC 6749 §5.1); some write it as a text, and clients read that too.
fn seconds(written: &Value) -> Option<u64> {
    let number = written.as_u64();
    number.or_else(|| written.as_str()?.parse().ok())
}

#[derive(Deserialize)]
struct Failure {
    error: String,
    error_description: Option<String>,
}

/// Sends these fields, of which these values are secrets.
async fn ask_endpoint(
    probe: &Probe,
    provider: &Provider,
    purchase: &Purchase,
    (fields, secrets): (&[(&str, &str)], &[&str]),
) -> Result<Success, String> {
    let endpoint = provider.document.address("token_endpoint");
    let endpoint = endpoint.filter(super::may_open);
    let endpoint =
        endpoint.ok_or("the metadata names no token_endpoint that a code could be sent to")?;
    let heard = post(probe, &endpoint, (provider, purchase), fields).await?;
    let mut secrets = secrets.to_vec();
    secrets.extend(purchase.client_secret.as_ref().map(SecretText::expose));
    read(&heard, &secrets)
}

/// Sends a form as this client.
async fn post(
    probe: &Probe,
    endpoint: &Url,
    (provider, purchase): (&Provider, &Purchase),
    fields: &[(&str, &str)],
) -> Result<Heard, String> {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, media_type);
    match &purchase.client_secret {
        Some(secret) if by_basic(provider) => {
            headers.insert(header::AUTHORIZATION, basic(&purchase.client_id, secret)?);
        }
        Some(secret) => {
            form.append_pair("client_id", &purchase.client_id);
            form.append_pair("client_secret", secret.expose());
        }
        None => {
            form.append_pair("client_id", &purchase.client_id);
        }
    }
    let body = SecretText::new(form.finish());
    let question = Question {
        method: &Method::POST,
        url: endpoint,
        headers: &headers,
        body: body.expose().as_bytes(),
        max_bytes: ask::MOST_BYTES,
        timeout: ask::PATIENCE,
    };
    let heard = probe.ask(question).await;
    heard.map_err(|error| error.to_string())
}

/// What every server must know (RFC 6749 §2.3.1), unless it says otherwise.
fn by_basic(provider: &Provider) -> bool {
    let methods = provider
        .document
        .list("token_endpoint_auth_methods_supported");
    methods.is_none_or(|methods| {
        methods.contains(&"client_secret_basic") || !methods.contains(&"client_secret_post")
    })
}

fn basic(id: &str, secret: &SecretText) -> Result<HeaderValue, String> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose()));
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
    let mut value = value.map_err(|_not_ascii| "the client id and secret cannot be sent")?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(heard: &Heard, secrets: &[&str]) -> Result<Success, String> {
    if heard.status == 200 {
        let success: Success = serde_json::from_slice(&heard.body)
            .map_err(|_no_answer| format!("200 with {}", ask::kind(heard)))?;
        // RFC 6750, and nothing bound to a key of a client's.
        if !success.token_type.eq_ignore_ascii_case("bearer") {
            return Err(format!(
                "its token_type is {:?}, expected Bearer",
                success.token_type
            ));
        }
        return Ok(success);
    }
    let status = heard.status;
    let Ok(failure) = serde_json::from_slice::<Failure>(&heard.body) else {
        return Err(format!(
            "answered with status {status} and {}",
            ask::kind(heard)
        ));
    };
    let mut said = failure.error;
    if let Some(description) = failure.error_description {
        said = format!("{said}: {description}");
    }
    // Some servers repeat what they were sent.
    for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
        said = said.replace(secret, "…");
    }
    Err(format!(
        "{status} {}",
        said.chars().take(MOST_WORDS).collect::<String>()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bearer_and_a_refusal_repeats_no_secret() {
        let good = Heard::for_test(
            200,
            r#"{"access_token":"a","token_type":"bearer","expires_in":300}"#,
        );
        let good = read(&good, &[]).expect("a token");
        assert_eq!(good.expires_in.as_ref().and_then(seconds), Some(300));
        for (written, expected) in [("\"3600\"", Some(3600)), ("null", None), ("\"soon\"", None)] {
            let body =
                format!(r#"{{"access_token":"a","token_type":"Bearer","expires_in":{written}}}"#);
            let read = read(&Heard::for_test(200, &body), &[]).expect("a token");
            assert_eq!(
                read.expires_in.as_ref().and_then(seconds),
                expected,
                "{written}"
            );
        }
        let bound = Heard::for_test(200, r#"{"access_token":"a","token_type":"DPoP"}"#);
        let problem = read(&bound, &[]).err().expect("a problem");
        assert!(problem.contains("DPoP"), "{problem}");
        let refused = Heard::for_test(
            400,
            r#"{"error":"invalid_grant","error_description":"code s3cret-code-1 is used up"}"#,
        );
        let problem = read(&refused, &["s3cret-code-1"]).err().expect("a problem");
        assert_eq!(problem, "400 invalid_grant: code … is used up");
        let page = Heard::for_test(502, "<html>");
        let problem = read(&page, &[]).err().expect("a problem");
        assert!(problem.starts_with("answered with status 502"), "{problem}");
    }
}
