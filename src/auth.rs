//! The resource server: from an access token and the resource asked for to a verified principal, or a named refusal.
//!
//! This module knows nothing of axum; `http::authenticate` carries its decisions. A token is taken apart, judged and
//! verified in this order, each step cheaper than the next:
//! [`unverified`] (no cryptography, nothing believed) → issuer and algorithm from the settings → [`claims`] and audience
//! (they can only refuse) → [`signing_keys`] → [`verifier`]. Only then is there a [`Principal`].

pub mod access_token;
mod active;
mod advice;
pub mod algorithm;
pub mod challenge;
mod claims;
mod clocks;
mod discovery;
pub mod error;
pub mod explain;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod introspection;
mod issuer;
mod jwk;
pub mod look;
pub mod metadata;
mod offers;
mod opaque;
pub mod principal;
pub mod profiles;
pub mod published;
pub mod registration;
pub mod resource;
pub mod scope;
pub mod seen;
mod seldom;
pub mod settings;
mod signing_keys;
mod strict_json;
pub mod token_exchange;
mod unverified;
mod unverified_claims;
mod verified_tokens;
mod verifier;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use access_token::{AccessToken, names_an_access_token};
pub use challenge::{Challenge, ErrorCode};
pub use error::{AccessTokenError, TokenError};
pub use explain::{Claim, Explanation, Outcome, Requirement};
pub use introspection::IntrospectionSettings;
pub use issuer::{IssuerStatus, KeyState};
pub use look::{Differs, IssuerLook, IssuerProblem};
pub use metadata::ProtectedResourceMetadata;
pub use offers::{Offers, RegistrationOffered};
pub use principal::{CallerKeys, Principal};
pub use profiles::ProfileName;
pub use resource::{Resource, ResourceIdentifier, Resources, upstream_of};
pub use scope::{Scope, ScopePrefix, Scopes};
pub use seen::{Excerpt, RefusedToken, Seen};
pub use settings::{
    IssuerSettings, ScopeSettings, Settings, SettingsError, TokenCacheSettings, UpstreamResource,
};
pub use token_exchange::{CallerToken, ExchangeError, ExchangeSettings};
pub use unverified_claims::UnverifiedClaims;

use advice::Refused;
use claims::{check_validity, is_audience};
use clocks::Clocks;
use issuer::Issuer;
use opaque::OpaqueTokens;
use signing_keys::Store;
use strict_json::Object;
use token_exchange::TokenExchange;
use unverified::UnverifiedHeader;
use verified_tokens::{Digest, VerifiedToken, VerifiedTokens};

use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::outbound::Outbound;
use crate::sealing::sha256;
use crate::telemetry::Metrics;

/// How long the first metadata of an issuer may take before somebody is told that there is none.
const METADATA_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked for meanwhile.
const METADATA_LOOK: Duration = Duration::from_millis(50);

/// Our OAuth role (RFC 6749 §1.1): resource identifiers, issuers, key sets, verification. Cheap to clone.
#[derive(Clone)]
pub struct ResourceServer(Arc<Inner>);

struct Inner {
    settings: Settings,
    resources: Resources,
    issuers: Vec<Issuer>,
    verified: VerifiedTokens,
    opaque: OpaqueTokens,
    exchange: TokenExchange,
    clocks: Clocks,
    /// True if some issuer is asked about JWTs, so that the usual case costs nothing.
    asks_about_jwts: bool,
    clock: Clock,
    metrics: Metrics,
}

/// What a resource server is built from, besides its settings.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where discovery documents and key sets are fetched.
    pub outbound: Outbound,
    /// The wall clock.
    pub clock: Clock,
    /// Where the background refresh runs.
    pub lifecycle: Lifecycle,
    /// Where outcomes are counted.
    pub metrics: Metrics,
    /// Where the last-good key sets live. Empty: nowhere.
    pub state_dir: PathBuf,
}

/// What happens to the last-good keys on disk.
#[derive(Clone, Copy)]
enum Copies {
    /// They are read and written.
    Kept,
    /// They are read and left alone: they are those of a server that runs.
    Read,
}

impl Copies {
    fn under(self, state_dir: &Path) -> Store {
        match self {
            Self::Kept => Store::under(state_dir),
            Self::Read => Store::under(state_dir).read_only(),
        }
    }
}

impl ResourceServer {
    /// Checks the settings, loads last-good keys and starts the background refresh. Does not wait for any issuer. Needs a
    /// tokio runtime.
    pub fn start(settings: Settings, parts: Parts) -> Result<Self, SettingsError> {
        Self::build(settings, parts, Copies::Kept)
    }

    /// The same for a look at things beside a server that runs: its last-good keys are read, and none are written.
    pub fn for_a_look(settings: Settings, parts: Parts) -> Result<Self, SettingsError> {
        Self::build(settings, parts, Copies::Read)
    }

    fn build(settings: Settings, parts: Parts, copies: Copies) -> Result<Self, SettingsError> {
        if let Some(mistake) = settings.mistakes().into_iter().next() {
            return Err(mistake);
        }
        let store = (parts.state_dir != Path::new("")).then(|| copies.under(&parts.state_dir));
        let issuers = settings.issuer.iter().cloned();
        let kept_claims: Arc<[String]> = settings.kept_claims.clone().into();
        Ok(Self(Arc::new(Inner {
            resources: Resources::new(&settings),
            issuers: issuers
                .map(|issuer| {
                    Issuer::start(
                        issuer,
                        Arc::clone(&kept_claims),
                        settings.asked_for(),
                        store.clone(),
                        &parts,
                    )
                })
                .collect::<Result<_, _>>()?,
            verified: VerifiedTokens::new(&settings.token_cache),
            opaque: OpaqueTokens::default(),
            exchange: TokenExchange::new(&settings.exchanges, parts.outbound.clone()),
            clocks: Clocks::default(),
            asks_about_jwts: settings
                .issuer
                .iter()
                .any(|issuer| issuer.introspection.enabled && issuer.introspection.jwts),
            clock: parts.clock,
            metrics: parts.metrics,
            settings,
        })))
    }

    /// The verified principal behind `access_token`, for exactly this resource.
    pub async fn authenticate(
        &self,
        access_token: &AccessToken,
        resource: &Arc<Resource>,
    ) -> Result<Principal, TokenError> {
        let verdict = self.judge(access_token, resource).await;
        verdict.map_err(|refused| refused.error)
    }

    /// The same, and what was seen of a token that is refused.
    async fn judge(
        &self,
        access_token: &AccessToken,
        resource: &Arc<Resource>,
    ) -> Result<Principal, RefusedToken> {
        let digest = sha256(access_token.expose_bytes());
        if let Some(verdict) = self.0.recall(&digest, resource) {
            self.0.metrics.verified_token_lookup(true);
            if self.0.asks_about_jwts {
                let asked = self.0.is_still_active(verdict?, access_token, &digest);
                return Box::pin(asked).await;
            }
            return verdict;
        }
        self.0.metrics.verified_token_lookup(false);
        // Boxed, so that the future of the usual case stays small.
        Box::pin(self.0.verify(access_token, digest, resource)).await
    }

    /// The verified principal, and the token itself for exchanges, if some upstream takes an exchanged one. Else it is gone.
    /// Of a token that is refused it tells what was seen.
    pub async fn admit(
        &self,
        access_token: AccessToken,
        resource: &Arc<Resource>,
    ) -> Result<(Principal, Option<CallerToken>), RefusedToken> {
        let principal = self.judge(&access_token, resource).await?;
        let token = self.0.exchange.is_used().then(|| {
            let digest = sha256(access_token.expose_bytes());
            CallerToken::new(self.clone(), principal.clone(), access_token, digest)
        });
        Ok((principal, token))
    }

    /// The token endpoint of a configured issuer. Its metadata may still be on its way, so that is waited for a while.
    pub async fn token_endpoint(&self, issuer: &str) -> Option<url::Url> {
        let mut issuers = self.0.issuers.iter();
        let known = issuers.find(|known| known.identifier() == issuer)?;
        let until = Instant::now() + METADATA_PATIENCE;
        loop {
            let found = known.token_endpoint();
            if found.is_some() || Instant::now() >= until {
                return found;
            }
            tokio::time::sleep(METADATA_LOOK).await;
        }
    }

    /// The profile of the issuer whose tokens carry this `iss`.
    #[must_use]
    pub fn profile(&self, token_issuer: &str) -> Option<ProfileName> {
        let (_, issuer) = self.0.issuer(token_issuer).ok()?;
        Some(issuer.profile().name)
    }

    /// The protected resources of this server, by request path.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.0.resources
    }

    /// The metadata document of one of [`Self::resources`].
    #[must_use]
    pub fn metadata(&self, resource: &Resource) -> ProtectedResourceMetadata {
        ProtectedResourceMetadata::new(resource, &self.0.settings)
    }

    /// The only issuer's last validated discovery document, byte for byte, for clients that know no RFC 9728. Nothing with
    /// several issuers, or before the first was validated.
    #[must_use]
    pub fn authorization_server_metadata(&self) -> Option<Vec<u8>> {
        match self.0.issuers.as_slice() {
            [only] => only.document(),
            _ => None,
        }
    }

    /// The published identifiers of the issuers, in the order configured.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.0.issuers.iter().map(Issuer::identifier)
    }

    /// How each issuer's keys are, from memory.
    #[must_use]
    pub fn status(&self) -> Vec<IssuerStatus> {
        self.0.issuers.iter().map(Issuer::status).collect()
    }

    /// True once every issuer that is required has usable keys, stale ones included.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let mut required = self.0.issuers.iter().filter(|issuer| issuer.is_required());
        required.all(|issuer| issuer.keys.current().is_ok())
    }
}

/// A token taken apart and read.
#[derive(Clone, Copy)]
struct Read<'t> {
    parts: &'t unverified::Parts<'t>,
    header: &'t UnverifiedHeader,
    claims: &'t Object<'t>,
}

impl Inner {
    /// The verdict on a token that was verified before. Everything that can change is checked again.
    fn recall(
        &self,
        digest: &Digest,
        resource: &Arc<Resource>,
    ) -> Option<Result<Principal, RefusedToken>> {
        let token = self.verified.get(digest)?;
        let issuer = self.issuers.get(token.issuer)?;
        let (now, leeway) = (self.clock.unix_seconds(), issuer.leeway_seconds());
        match issuer.keys.current_at(now) {
            Ok(set) if token.is_signed_by_one_of(&set) => {}
            Ok(_) => {
                // The key is gone. The whole way again gives the right answer, perhaps by another key of that `kid`.
                self.verified.remove(digest);
                return None;
            }
            Err(error) => {
                let seen = Seen::verified(&token.claims, issuer);
                return Some(Err(RefusedToken::new(error, seen)));
            }
        }
        let claims = &token.claims;
        let verdict = check_validity(claims.expires_at, claims.not_before, now, leeway)
            .and_then(|()| issuer.check_audience(&claims.audiences, resource));
        Some(match verdict {
            Ok(()) => Ok(Principal::new(Arc::clone(claims), Arc::clone(resource))),
            Err(error) => Err(RefusedToken::new(error, Seen::verified(claims, issuer))),
        })
    }

    /// The whole way, for a token not seen before.
    async fn verify(
        &self,
        access_token: &AccessToken,
        digest: Digest,
        resource: &Arc<Resource>,
    ) -> Result<Principal, RefusedToken> {
        let parts = match unverified::Parts::parse(access_token.expose()) {
            Ok(parts) => parts,
            Err(error) => {
                return self
                    .ask_or_explain(error, access_token, &digest, resource)
                    .await;
            }
        };
        let header = UnverifiedHeader::parse(&parts.header)?;
        let object = unverified::object(&parts.claims)
            .map_err(|error| RefusedToken::new(error, Seen::header(&header)))?;
        let read = Read {
            parts: &parts,
            header: &header,
            claims: &object,
        };
        let verified = self.check(&read, digest, resource).await;
        let (principal, issuer) = verified.map_err(|error| {
            let issuer = claims::issuer(&object).and_then(|name| self.issuer(name));
            let issuer = issuer.ok().map(|(_, issuer)| issuer);
            RefusedToken::new(error, Seen::claims(&header, &object, issuer))
        })?;
        if issuer.is_asked_about_jwts() {
            return self.is_still_active(principal, access_token, &digest).await;
        }
        Ok(principal)
    }

    /// Issuer, algorithm, claims, audience, and only then the signature.
    async fn check(
        &self,
        read: &Read<'_>,
        digest: Digest,
        resource: &Arc<Resource>,
    ) -> Result<(Principal, &Issuer), TokenError> {
        let Read {
            parts,
            header,
            claims: object,
        } = *read;
        let (index, issuer) = self.issuer(claims::issuer(object)?)?;
        let algorithm = issuer.allowed(&header.algorithm);
        let algorithm = algorithm.ok_or(TokenError::AlgorithmNotAllowed)?;
        let now = self.clock.unix_seconds();
        let claims = claims::check(header, object, &issuer.rules(), now).and_then(|claims| {
            issuer.check_audience(&claims.audiences, resource)?;
            Ok(claims)
        });
        let claims = claims.inspect_err(|error| {
            let refused = Refused {
                error,
                parts,
                header,
                claims: object,
                algorithm,
                resource,
            };
            let is_genuine = || refused.is_genuine(issuer);
            self.clocks
                .explain(error, issuer.identifier(), now, is_genuine);
            issuer.advice.explain(issuer, &refused, now);
        })?;

        let found = issuer.keys.find(header.kid.as_deref(), algorithm).await?;
        let key = found.signer(algorithm, parts.signed.as_bytes(), &parts.signature)?;

        let token = VerifiedToken::new(claims, index, key.fingerprint, found.generation);
        let principal = Principal::new(Arc::clone(&token.claims), Arc::clone(resource));
        self.verified.used(digest, token);
        Ok((principal, issuer))
    }

    /// The issuer that a token names: byte for byte, and its keys are the only ones tried (RFC 8725 §3.8).
    fn issuer(&self, name: &str) -> Result<(usize, &Issuer), TokenError> {
        let mut issuers = self.issuers.iter().enumerate();
        issuers
            .find(|(_, issuer)| issuer.token_issuer() == name)
            .ok_or(TokenError::WrongIssuer)
    }
}

impl Issuer {
    /// RFC 9068 §4: the audience must be this resource, by one of its names.
    fn check_audience(&self, audiences: &[String], resource: &Resource) -> Result<(), TokenError> {
        // What an issuer calls the whole server is no name of one upstream.
        let issuers_own = match resource.upstream() {
            None => self.audiences(),
            Some(_) => &[],
        };
        check_audience(audiences, issuers_own, resource)
    }
}

/// The same for an issuer that calls this resource by these names besides.
fn check_audience(
    audiences: &[String],
    issuers_own: &[String],
    resource: &Resource,
) -> Result<(), TokenError> {
    if is_audience(audiences, [resource.accepted_audiences(), issuers_own]) {
        return Ok(());
    }
    Err(TokenError::WrongAudience)
}

#[cfg(test)]
mod tests;
