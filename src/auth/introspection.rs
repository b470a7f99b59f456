//! Asking the issuer about a token (RFC 7662): for opaque tokens, and for JWTs where a logout must count at once.
//!
//! Only where configured, and closed on doubt: an answer that does not come, or that does not say everything a token would
//! have to say, accepts nothing. The token is known to the cache by its SHA-256 only, and for 30 seconds at most.

mod answers;
mod settings;

use std::sync::Arc;

use tokio::sync::Semaphore;
use url::Url;

pub use settings::IntrospectionSettings;

use answers::Answers;

use super::claims::{self, Claims, Rules};
use super::discovery::next_step;
use super::strict_json::{Object, Value};
use super::verified_tokens::Digest;
use super::{AccessToken, TokenError};
use crate::clock::Clock;
use crate::outbound::{ClientAuthentication, Form, Outbound};

/// The largest answer that is read.
const MAX_BYTES: usize = 64 * 1024;

/// How many questions are under way at one time; one more is refused rather than queued.
const MOST_AT_ONCE: usize = 16;

/// When it is worth asking again.
const RETRY_AFTER_SECONDS: u32 = 5;

/// One issuer's introspection endpoint.
pub(super) struct Introspection {
    settings: IntrospectionSettings,
    client_secret: String,
    outbound: Outbound,
    clock: Clock,
    answers: Answers,
    under_way: Semaphore,
}

/// How a token is asked about.
#[derive(Clone, Copy)]
pub(super) struct Question<'q> {
    pub access_token: &'q AccessToken,
    pub digest: &'q Digest,
    /// What the metadata says, if the settings do not.
    pub endpoint: Option<&'q str>,
    /// The issuer that the answer may name.
    pub issuer: &'q str,
    pub rules: Rules<'q>,
}

impl Introspection {
    /// Nothing if it is not enabled. The secret was read when the settings were checked; now it counts.
    pub(super) fn start(
        settings: &IntrospectionSettings,
        outbound: Outbound,
        clock: Clock,
    ) -> Result<Option<Self>, String> {
        if !settings.enabled {
            return Ok(None);
        }
        Ok(Some(Self {
            client_secret: settings.read_secret()?,
            answers: Answers::new(settings.cache_seconds),
            settings: settings.clone(),
            outbound,
            clock,
            under_way: Semaphore::new(MOST_AT_ONCE),
        }))
    }

    /// True if JWTs are asked about too, after their signature was right.
    pub(super) fn covers_jwts(&self) -> bool {
        self.settings.jwts
    }

    /// What the issuer says of an access token: its claims, or why it is refused.
    pub(super) async fn ask(&self, question: Question<'_>) -> Result<Arc<Claims>, TokenError> {
        if let Some(known) = self.answers.get(question.digest) {
            let claims = known?;
            let (now, leeway) = (self.clock.unix_seconds(), question.rules.leeway_seconds);
            claims::check_validity(claims.expires_at, claims.not_before, now, leeway)?;
            return Ok(claims);
        }
        let Ok(_permit) = self.under_way.try_acquire() else {
            return Err(unavailable(&question, "too many questions are under way"));
        };
        let body = self.send(&question).await?;
        let answer = self.read(&question, &body).map(Arc::new);
        if !matches!(answer, Err(TokenError::IntrospectionUnavailable { .. })) {
            self.answers.put(*question.digest, answer.clone());
        }
        answer
    }

    async fn send(&self, question: &Question<'_>) -> Result<Vec<u8>, TokenError> {
        let endpoint = self.settings.url.as_deref().or(question.endpoint);
        let url = endpoint.and_then(|endpoint| Url::parse(endpoint).ok());
        let Some(url) = url else {
            let problem = "the metadata names no introspection_endpoint: set introspection.url";
            return Err(unavailable(question, problem));
        };
        let form = Form {
            url: &url,
            fields: &[
                ("token", question.access_token.expose()),
                ("token_type_hint", "access_token"),
            ],
            client_id: &self.settings.client_id,
            client_secret: &self.client_secret,
            authentication: ClientAuthentication::ClientSecretBasic,
            max_bytes: MAX_BYTES,
        };
        let reply = self.outbound.post(form).await;
        reply
            .map_err(|error| unavailable(question, &format!("{url}: {error}{}", next_step(&error))))
    }

    fn read(&self, question: &Question<'_>, body: &[u8]) -> Result<Claims, TokenError> {
        let Ok(answer) = Object::parse(body) else {
            return Err(unavailable(question, "the answer is not a JSON object"));
        };
        match answer.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Err(TokenError::Inactive),
            Some(_) | None => return Err(unavailable(question, "the answer has no `active`")),
        }
        let now = self.clock.unix_seconds();
        claims::check_answer(&answer, question.issuer, &question.rules, now)
    }
}

/// The cause goes to the log here, once; the client learns that it may try again.
fn unavailable(question: &Question<'_>, problem: &str) -> TokenError {
    let issuer = question.issuer;
    tracing::warn!(issuer, problem, "the issuer cannot be asked about a token");
    TokenError::IntrospectionUnavailable {
        retry_after_seconds: RETRY_AFTER_SECONDS,
    }
}

#[cfg(test)]
mod tests;
