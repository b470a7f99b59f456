//! A caller's token in exchange for one that an upstream accepts (RFC 8693): the same person, another audience.
//!
//! Here alone a caller's token is held after the check, and it goes to one place: the token endpoint in the validated
//! metadata of the issuer that issued it. What comes out is the value of another `Authorization` header. At Microsoft's
//! providers, which have no RFC 8693, the same is asked for as "on behalf of".

mod advice;
mod grant;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use settings::ExchangeSettings;

use self::grant::Grant;
use super::issuer::Issuer;
use super::verified_tokens::Digest;
use super::{AccessToken, Principal, ResourceServer};
use crate::outbound::{Outbound, OutboundError};
use crate::secret_file::SecretText;
use crate::token_endpoint::{self, Client, Code, Issued, Kept, TokenEndpointError, TokenRequest};

/// How many exchanged tokens are kept.
const MOST: usize = 4096;
/// How many exchanges are under way at one time; one more is told to try again rather than queued.
const MOST_AT_ONCE: usize = 32;
/// While the token endpoint cannot be reached or refuses this server itself, nobody's token is sent there.
const PAUSE: Duration = Duration::from_secs(2);

/// Why there is no token for an upstream. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The issuer gives this caller none, or is not the one that could.
    #[error("the issuer gives this caller no token for that upstream")]
    Denied,
    /// Settings, here or at the issuer, are wrong.
    #[error("the exchange of tokens is not set up as the issuer wants it")]
    Misconfigured,
    /// The issuer cannot be asked now.
    #[error("the issuer's token endpoint cannot be reached now")]
    Unavailable,
}

/// A caller's verified token, for exchanges and nothing else. No `Debug`, nothing that gives it away; its memory is
/// overwritten when the last clone is dropped.
#[derive(Clone)]
pub struct CallerToken(Arc<Held>);

struct Held {
    server: ResourceServer,
    principal: Principal,
    token: SecretText,
    digest: Digest,
}

impl CallerToken {
    pub(super) fn new(
        server: ResourceServer,
        principal: Principal,
        token: AccessToken,
        digest: Digest,
    ) -> Self {
        let token = SecretText::new(token.into_text());
        Self(Arc::new(Held {
            server,
            principal,
            token,
            digest,
        }))
    }

    /// The value of `Authorization` for that upstream. `refused` is the value that it has just refused, if it did.
    pub async fn exchanged_for(
        &self,
        upstream: &str,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, ExchangeError> {
        self.0
            .server
            .0
            .exchange
            .get(&self.0, upstream, refused)
            .await
    }
}

/// The hash of the caller's token, and which of the targets.
type Key = (Digest, usize);

/// All upstreams that take an exchanged token, and the tokens.
pub(super) struct TokenExchange {
    targets: Vec<Target>,
    kept: Mutex<HashMap<Key, Arc<Kept<ExchangeError>>>>,
    under_way: Semaphore,
    outbound: Outbound,
}

struct Target {
    settings: ExchangeSettings,
    client: Client,
    /// Why nobody's token is exchanged now, until when.
    down: Mutex<Option<(Instant, ExchangeError)>>,
}

impl TokenExchange {
    pub(super) fn new(settings: &[ExchangeSettings], outbound: Outbound) -> Self {
        let target = |settings: &ExchangeSettings| Target {
            client: Client::new(
                &settings.client_id,
                &settings.secret_file,
                settings.client_authentication,
            ),
            settings: settings.clone(),
            down: Mutex::new(None),
        };
        Self {
            targets: settings.iter().map(target).collect(),
            kept: Mutex::default(),
            under_way: Semaphore::new(MOST_AT_ONCE),
            outbound,
        }
    }

    /// True if some upstream takes an exchanged token: else no token is held.
    pub(super) fn is_used(&self) -> bool {
        !self.targets.is_empty()
    }

    async fn get(
        &self,
        caller: &Held,
        upstream: &str,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, ExchangeError> {
        let mut targets = self.targets.iter().enumerate();
        let target = targets.find(|(_, target)| target.settings.upstream == upstream);
        let (at, target) = target.ok_or(ExchangeError::Misconfigured)?;
        let kept = self.place((caller.digest, at));
        kept.get(refused, async || self.exchange(caller, target).await)
            .await
    }

    /// Where the token for this key is kept. Forgetting one costs an exchange; remembering all would cost memory.
    fn place(&self, key: Key) -> Arc<Kept<ExchangeError>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.contains_key(&key) && kept.len() >= MOST {
            // Those that somebody waits at stay.
            let is_idle = |place: &Arc<Kept<_>>| Arc::strong_count(place) == 1;
            kept.retain(|_, place| !is_idle(place) || place.is_worth_keeping());
            let mut surplus = kept.len().saturating_sub(MOST * 3 / 4);
            kept.retain(|_, place| {
                let goes = surplus > 0 && is_idle(place);
                surplus -= usize::from(goes);
                !goes
            });
        }
        Arc::clone(kept.entry(key).or_default())
    }

    async fn exchange(&self, caller: &Held, target: &Target) -> Result<Issued, ExchangeError> {
        let ExchangeSettings {
            issuer, upstream, ..
        } = &target.settings;
        let known = caller.server.0.issuers.iter();
        let mut known = known.filter(|known| known.identifier() == issuer);
        // Its own issuer and no other: whoever else got this token could use it here.
        let own = known.find(|known| known.token_issuer() == caller.principal.issuer());
        let Some(own) = own else {
            let (found, subject) = (caller.principal.issuer(), caller.principal.subject());
            let advice =
                "an upstream takes the callers of one issuer: the one in its `credential.issuer`";
            tracing::warn!(
                upstream,
                found,
                expected = issuer,
                subject,
                advice,
                "token exchange: another issuer's caller"
            );
            return Err(ExchangeError::Denied);
        };
        if let Some((until, error)) = target.down()
            && Instant::now() < until
        {
            return Err(error);
        }
        let Ok(_permit) = self.under_way.try_acquire() else {
            tracing::warn!(
                upstream,
                issuer,
                "token exchange: {MOST_AT_ONCE} are under way already"
            );
            return Err(ExchangeError::Unavailable);
        };
        self.send(caller, target, own).await
    }

    async fn send(
        &self,
        caller: &Held,
        target: &Target,
        issuer: &Issuer,
    ) -> Result<Issued, ExchangeError> {
        let (upstream, name) = (&target.settings.upstream, issuer.identifier());
        let Some(url) = issuer.token_endpoint() else {
            tracing::warn!(
                upstream,
                issuer = name,
                "token exchange: the issuer's metadata is not at hand yet, or names no token_endpoint that is https"
            );
            return Err(ExchangeError::Unavailable);
        };
        let grant = Grant::of(issuer.profile().name);
        let scope = target.settings.scope();
        let asked = (caller.token.expose(), scope.as_deref());
        let fields = grant.fields(&target.settings, asked);
        let request = TokenRequest {
            url: &url,
            client: &target.client,
            fields: &fields,
            issued_token_type: grant.issued_token_type(&target.settings),
        };
        match token_endpoint::ask(&self.outbound, request).await {
            Ok(mut issued) => {
                // The exchanged one ends no later than the caller's own.
                let now = caller.server.0.clock.unix_seconds();
                let left = caller.principal.expires_at().saturating_sub(now);
                let left = Duration::from_secs(u64::try_from(left).unwrap_or_default());
                issued.lives = issued.lives.min(left);
                Ok(issued)
            }
            Err(error) => {
                let subject = caller.principal.subject();
                let client_id = &target.client.id;
                let advice = advice::of(issuer.profile().name, &error);
                tracing::warn!(upstream, issuer = name, client_id, subject, %error, advice, "token exchange: no token");
                Err(target.failed(&error))
            }
        }
    }
}

impl Target {
    fn down(&self) -> Option<(Instant, ExchangeError)> {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a failure means. One that no other token would change counts for all callers for a moment; one that a token
    /// may have caused counts for that token alone, so that nobody can lock out the others.
    fn failed(&self, error: &TokenEndpointError) -> ExchangeError {
        let (meaning, is_everybodys) = match error {
            TokenEndpointError::Outbound(
                OutboundError::Connection(_) | OutboundError::Timeout(_),
            ) => (ExchangeError::Unavailable, true),
            TokenEndpointError::Outbound(OutboundError::Status(429 | 500..)) => {
                (ExchangeError::Unavailable, false)
            }
            TokenEndpointError::Secret(_) => (ExchangeError::Misconfigured, true),
            TokenEndpointError::Outbound(_) | TokenEndpointError::Invalid(_) => {
                (ExchangeError::Misconfigured, false)
            }
            TokenEndpointError::Refused(refusal) => match refusal.code {
                Code::AccessDenied
                | Code::InteractionRequired
                | Code::InvalidGrant
                | Code::InvalidRequest
                | Code::InvalidToken => (ExchangeError::Denied, false),
                Code::InvalidClient
                | Code::InvalidScope
                | Code::InvalidTarget
                | Code::UnauthorizedClient
                | Code::UnsupportedGrantType
                | Code::Other => (ExchangeError::Misconfigured, refusal.status == 401),
            },
        };
        if is_everybodys {
            let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
            *down = Some((Instant::now() + PAUSE, meaning));
        }
        meaning
    }
}
