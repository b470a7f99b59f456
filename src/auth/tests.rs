//! The verifier against other people's vectors, and the parts for tests that need a whole resource server.

#[path = "../../tests/support/issuer.rs"]
#[expect(
    dead_code,
    reason = "shared with the integration tests, which use the rest"
)]
pub(super) mod issuer;
#[path = "../../tests/support/issuer_keys.rs"]
#[expect(
    dead_code,
    reason = "shared with the integration tests, which use the rest"
)]
mod issuer_keys;
mod wycheproof;

use serde_json::{Value, json};

use super::{
    AccessToken, Claim, IssuerSettings, Outcome, Parts, Principal, ResourceServer, Settings,
    TokenError,
};
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::outbound::Outbound;
use crate::telemetry::Metrics;
use issuer::TestIssuer;
pub(super) use issuer::now;

const PUBLIC_URL: &str = "http://127.0.0.1:8080";

/// An issuer on loopback whose keys stand in for those of any provider.
pub(super) struct Bench {
    issuer: TestIssuer,
    lifecycle: Lifecycle,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.lifecycle.stop_now();
    }
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self {
            issuer: TestIssuer::start().await,
            lifecycle: Lifecycle::new(),
        }
    }

    /// The resource that tokens are checked for.
    pub(super) fn resource() -> String {
        format!("{PUBLIC_URL}/mcp")
    }

    /// A resource server with these settings, whose issuer writes this into `iss` unless the settings say otherwise.
    pub(super) async fn server(&self, mut settings: IssuerSettings, name: &str) -> Server<'_> {
        self.issuer.issuer().clone_into(&mut settings.issuer);
        let token_issuer = settings.token_issuer.get_or_insert_with(|| name.to_owned());
        let token_issuer = token_issuer.clone();
        let parts = Parts {
            outbound: Outbound::default(),
            clock: Clock::system(),
            lifecycle: self.lifecycle.clone(),
            metrics: Metrics::default(),
            state_dir: std::path::PathBuf::new(),
        };
        let settings = Settings {
            public_url: PUBLIC_URL.into(),
            issuer: vec![settings],
            ..Settings::default()
        };
        let server = ResourceServer::start(settings, parts).expect("good settings");
        let ready = async {
            while !server.is_ready() {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        let patience = std::time::Duration::from_secs(60);
        tokio::time::timeout(patience, ready)
            .await
            .expect("keys in time");
        Server {
            server,
            issuer: &self.issuer,
            token_issuer,
        }
    }
}

/// A resource server and who signs for it.
pub(super) struct Server<'b> {
    server: ResourceServer,
    issuer: &'b TestIssuer,
    token_issuer: String,
}

impl Server<'_> {
    /// `{"header", "claims"}` signed by the issuer's key, valid for five minutes from now.
    pub(super) fn sign(&self, token: &Value) -> String {
        let (mut header, mut claims) = (token["header"].clone(), token["claims"].clone());
        header["alg"] = json!("RS256");
        header["kid"] = json!("key-1");
        if claims.get("iss").is_none() {
            claims["iss"] = json!(self.token_issuer);
        }
        claims["iat"] = json!(now());
        claims["exp"] = json!(now() + 300);
        let builder = self.issuer.token();
        builder.mint_raw(&header.to_string(), &claims.to_string())
    }

    /// The verdict on that token, signed.
    pub(super) async fn check(&self, token: &Value) -> Result<Principal, TokenError> {
        self.present(&self.sign(token)).await
    }

    /// The same; and whoever asks why hears what the server said.
    pub(super) async fn check_and_explain(&self, token: &Value) -> Result<Principal, TokenError> {
        let resource = self.server.resources().at("/mcp").expect("the endpoint");
        let token = AccessToken::from_text(&self.sign(token));
        let verdict = self.server.authenticate(&token, resource).await;
        let explanation = self.server.explain(&token, resource).await;
        match &verdict {
            Ok(_) => {
                let is_ok = |claim: &Claim| claim.outcome == Outcome::Ok;
                assert!(explanation.claims.iter().all(is_ok), "{explanation:?}");
            }
            Err(error) => {
                let first = explanation.first().map(|claim| &claim.outcome);
                assert_eq!(first, Some(&Outcome::Refused(error.clone())));
            }
        }
        verdict
    }

    /// The verdict on these very bytes.
    pub(super) async fn present(&self, token: &str) -> Result<Principal, TokenError> {
        let resource = self.server.resources().at("/mcp").expect("the endpoint");
        let token = AccessToken::from_text(token);
        self.server.authenticate(&token, resource).await
    }
}
