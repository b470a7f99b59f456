//! The resource server against a real issuer: discovery, keys, tokens.

mod claims;
mod discovery;
mod keys;
mod laws;
mod parsing;
mod rows;
mod tokens;

use std::sync::Arc;

use usher::auth::{
    AccessToken, Claim, IssuerSettings, Outcome, Parts, Principal, Resource, ResourceServer,
    Settings, TokenError,
};
use usher::clock::Clock;
use usher::lifecycle::Lifecycle;
use usher::outbound::Outbound;
use usher::telemetry::Metrics;

use super::eventually::eventually;
use super::issuer::{TestIssuer, TokenBuilder};

/// The public URL of all these tests.
pub(crate) const PUBLIC_URL: &str = "http://127.0.0.1:8080";

/// A resource server without a server around it.
pub(crate) struct Bench {
    pub(crate) server: ResourceServer,
    pub(crate) clock: Clock,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) metrics: Metrics,
    state: tempfile::TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.lifecycle.stop_now();
    }
}

impl Bench {
    /// A resource server that trusts this issuer, once it is ready.
    pub(crate) async fn start(issuer: &TestIssuer) -> Self {
        Self::start_with(issuer, |_| {}).await
    }

    /// The same, with settings of the issuer changed.
    pub(crate) async fn start_with(
        issuer: &TestIssuer,
        change: impl FnOnce(&mut IssuerSettings),
    ) -> Self {
        let mut settings = IssuerSettings::named(issuer.issuer());
        change(&mut settings);
        let bench = Self::start_unready(vec![settings]);
        bench.until_ready().await;
        bench
    }

    /// A resource server with these issuers, which may not have answered yet.
    pub(crate) fn start_unready(issuer: Vec<IssuerSettings>) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        Self::start_on(issuer, state, Clock::system())
    }

    /// The same, on a state directory that may hold something.
    pub(crate) fn start_on(
        issuer: Vec<IssuerSettings>,
        state: tempfile::TempDir,
        clock: Clock,
    ) -> Self {
        let settings = Settings {
            public_url: PUBLIC_URL.into(),
            issuer,
            ..Settings::default()
        };
        let (lifecycle, metrics) = (Lifecycle::new(), Metrics::default());
        let parts = Parts {
            outbound: Outbound::default(),
            clock: clock.clone(),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
            state_dir: state.path().to_owned(),
        };
        let server = ResourceServer::start(settings, parts).expect("good settings");
        Self {
            server,
            clock,
            lifecycle,
            metrics,
            state,
        }
    }

    /// Stops, and starts anew on the same state directory and clock.
    pub(crate) fn restart(mut self, issuer: Vec<IssuerSettings>) -> Self {
        self.lifecycle.stop_now();
        let fresh = tempfile::tempdir().expect("a folder");
        let state = std::mem::replace(&mut self.state, fresh);
        Self::start_on(issuer, state, self.clock.clone())
    }

    pub(crate) async fn until_ready(&self) {
        until(|| self.server.is_ready()).await;
    }

    /// Waits until a copy of the keys is on disk.
    pub(crate) async fn until_stored(&self) {
        let folder = self.state.path().join("keys");
        let is_copy = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".json");
        let names = || std::fs::read_dir(&folder).into_iter().flatten().flatten();
        until(|| names().any(|entry| is_copy(entry.file_name()))).await;
    }

    pub(crate) fn resource(&self, path: &str) -> &Arc<Resource> {
        self.server.resources().at(path).expect("a known path")
    }

    /// The verdict on a token for `/mcp`.
    pub(crate) async fn check(&self, token: &str) -> Result<Principal, TokenError> {
        self.check_at("/mcp", token).await
    }

    /// What is right is right three times: a token is kept from its second use on, and then it comes from the cache.
    pub(crate) async fn check_at(&self, path: &str, token: &str) -> Result<Principal, TokenError> {
        let token = AccessToken::from_text(token);
        let resource = self.resource(path);
        self.server.authenticate(&token, resource).await?;
        self.server.authenticate(&token, resource).await?;
        self.server.authenticate(&token, resource).await
    }

    /// Whoever asks why hears what the server said: the claim to mend first is the one that it refused.
    async fn explanation_agrees(&self, what: &str, token: &str, expected: &str) {
        let access_token = AccessToken::from_text(token);
        let explanation = self
            .server
            .explain(&access_token, self.resource("/mcp"))
            .await;
        let verdict = explanation.verdict.as_ref();
        assert_eq!(
            verdict.map_or_else(TokenError::reason, |()| "ok"),
            expected,
            "{what}"
        );
        let is_refused = |claim: &&Claim| matches!(claim.outcome, Outcome::Refused(_));
        let refused: Vec<_> = explanation.claims.iter().filter(is_refused).collect();
        if expected == "ok" {
            assert_eq!(refused, Vec::<&Claim>::new(), "{what}");
            assert!(explanation.verified, "{what}");
        } else if explanation.is_undecided() {
            assert_eq!(refused, Vec::<&Claim>::new(), "{what}");
        } else {
            let first = explanation.first();
            assert!(first.is_some(), "{what}: {expected} is not in {refused:?}");
        }
    }

    /// The reason code of the verdict, `ok` for a principal.
    pub(crate) async fn reason(&self, token: &str) -> &'static str {
        match self.check(token).await {
            Ok(_) => "ok",
            Err(error) => error.reason(),
        }
    }
}

/// A token that a [`Bench`] for this issuer accepts.
pub(crate) fn good(issuer: &TestIssuer) -> TokenBuilder {
    issuer.token().audience(format!("{PUBLIC_URL}/mcp"))
}

/// Each token with the reason it must get, `ok` for a principal.
pub(crate) async fn check(bench: &Bench, table: Vec<(&str, String, &str)>) {
    for (what, token, expected) in table {
        assert_eq!(bench.reason(&token).await, expected, "{what}");
        bench.explanation_agrees(what, &token, expected).await;
    }
}

/// Waits until something that happens in the background has happened.
pub(crate) async fn until(mut happened: impl FnMut() -> bool) {
    eventually("it happens", async || happened().then_some(())).await;
}
