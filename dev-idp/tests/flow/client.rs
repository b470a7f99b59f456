//! The client that all tests share.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dev_idp::browser::{Arrival, Browser, Page};
use dev_idp::{Config, Server};
use serde_json::{Value, json};
use url::Url;

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:4711/callback";
pub(crate) const RESOURCE: &str = "http://127.0.0.1:8080/mcp";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A server, a browser and a registered public client.
pub(crate) struct Client {
    pub(crate) server: Server,
    pub(crate) browser: Browser,
    pub(crate) http: reqwest::Client,
    pub(crate) id: String,
}

/// Status and JSON body of an answer.
pub(crate) type Answer = (u16, Value);

impl Client {
    pub(crate) async fn new() -> Self {
        Self::with(Config::on_any_port()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let server = Server::start(config).await.unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut client = Self {
            server,
            browser: Browser::new().unwrap(),
            http,
            id: String::new(),
        };
        let (status, body) = client.register(&metadata()).await;
        assert_eq!(status, 201, "{body}");
        client.id = body["client_id"].as_str().unwrap().to_owned();
        client
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.server.issuer())
    }

    pub(crate) async fn register(&self, metadata: &Value) -> Answer {
        answer(self.http.post(self.address("/register")).json(metadata)).await
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Answer {
        answer(self.http.post(self.address("/token")).form(form)).await
    }

    /// The parameters of a good authorization request, with some replaced (`None`: left out) or added.
    pub(crate) fn authorize_address(&self, changes: &[(&str, Option<&str>)]) -> String {
        let good = [
            ("response_type", "code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", RESOURCE),
            ("scope", "mcp:read"),
            ("state", "s-1"),
        ];
        let kept = good
            .into_iter()
            .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let added = changes
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        Url::parse_with_params(&self.address("/authorize"), kept.chain(added))
            .unwrap()
            .into()
    }

    /// Opens an authorization request and expects a page.
    pub(crate) async fn open(&mut self, changes: &[(&str, Option<&str>)]) -> Page {
        let address = self.authorize_address(changes);
        page(self.browser.open(&address).await.unwrap())
    }

    /// Logs in on a login page as the users' table there says.
    pub(crate) async fn log_in(&mut self, login: &Page, user: &str) -> Page {
        let password = password_on(login, user);
        let form = login.forms().remove(0);
        page(
            self.browser
                .submit(login, &form, &[("username", user), ("password", &password)])
                .await
                .unwrap(),
        )
    }

    /// Presses a button on a consent page and gives the parameters of the answer.
    pub(crate) async fn decide(
        &mut self,
        consent: &Page,
        decision: &str,
    ) -> BTreeMap<String, String> {
        let form = consent.forms().remove(0);
        match self
            .browser
            .submit(consent, &form, &[("decision", decision)])
            .await
            .unwrap()
        {
            Arrival::Elsewhere(address) => {
                assert!(address.as_str().starts_with(REDIRECT_URI), "{address}");
                address.query_pairs().into_owned().collect()
            }
            Arrival::Page(page) => {
                panic!("expected the redirect to the client, found {}", page.text())
            }
        }
    }

    /// The whole way to a code for alice.
    pub(crate) async fn code(&mut self, changes: &[(&str, Option<&str>)]) -> String {
        let mut shown = self.open(changes).await;
        if shown.heading() == "Log in" {
            shown = self.log_in(&shown, "alice").await;
        }
        self.decide(&shown, "allow").await.remove("code").unwrap()
    }

    /// Redeems a code, with some parameters replaced or left out.
    pub(crate) async fn redeem(&self, code: &str, changes: &[(&str, Option<&str>)]) -> Answer {
        let good = [
            ("grant_type", "authorization_code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
            ("code", code),
        ];
        let kept = good
            .into_iter()
            .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let added = changes
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        self.token(&kept.chain(added).collect::<Vec<_>>()).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", self.id.as_str()),
            ("refresh_token", refresh_token),
        ];
        form.extend_from_slice(more);
        self.token(&form).await
    }
}

/// What a public client registers.
pub(crate) fn metadata() -> Value {
    json!({
        "client_name": "Test client",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&body).unwrap_or(Value::String(body)),
    )
}

pub(crate) fn page(arrival: Arrival) -> Page {
    match arrival {
        Arrival::Page(page) => page,
        Arrival::Elsewhere(address) => panic!("expected a page, found a redirect to {address}"),
    }
}

pub(crate) fn password_on(login: &Page, user: &str) -> String {
    let rows = login.rows();
    let row = rows
        .iter()
        .find(|row| row.first().is_some_and(|name| name == user))
        .unwrap();
    row.last().unwrap().clone()
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub(crate) fn text<'a>(body: &'a Value, member: &str) -> &'a str {
    body[member]
        .as_str()
        .unwrap_or_else(|| panic!("no {member} in {body}"))
}
