//! Legacy sessions without memory: the id is a sealed token that says all there is to know.
//!
//! An id works on every replica that has the key, and only for the principal it was made for (issuer, subject and client
//! id, kept as a digest so that ids hold nobody's name). A session that a client ends before it expires is remembered in
//! this process, in a list of bounded length: nothing depends on it but the 404 that the specification asks for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;

use super::era::Revision;
use super::error::Error;
use super::members::Members;
use super::settings::SessionKeys;
use crate::auth::Principal;
use crate::clock::Clock;
use crate::sealing;

/// What a sealed id is authenticated with besides its key, so that no other sealed value passes for one.
const CONTEXT: &[u8] = b"usher legacy session 1";
/// The first bytes of a sealed id are its random nonce, which no other id has.
const NONCE_BYTES: usize = 12;
/// format, revision, capabilities, expiry, digest of the principal
const PLAIN_BYTES: usize = 1 + 1 + 1 + 8 + 32;
const FORMAT: u8 = 1;
/// Ended sessions that are remembered. A client that ends more loses the oldest, which then last until they expire.
const MAX_ENDED: usize = 10_000;

/// The client capabilities worth keeping: those by which a server could ask the client for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCapabilities(u8);

impl ClientCapabilities {
    const NAMES: [&'static str; 4] = ["roots", "sampling", "elicitation", "tasks"];
    /// The modes of elicitation stand behind the names.
    const FORM: u8 = 1 << 4;
    const URL: u8 = 1 << 5;
    /// And what of sampling a client has besides (MCP 2025-11-25, sampling).
    const OF_SAMPLING: [(&'static str, u8); 2] = [("tools", 1 << 6), ("context", 1 << 7)];

    /// Those that the `capabilities` of an `initialize` request name.
    pub(crate) fn of(capabilities: &Members<'_>) -> Self {
        let mut bits = Self::modes(capabilities);
        if let Some(sampling) = capabilities.get("sampling").and_then(Members::of) {
            for (name, bit) in Self::OF_SAMPLING {
                bits |= sampling.get(name).map_or(0, |_settings| bit);
            }
        }
        for (bit, name) in Self::NAMES.iter().enumerate() {
            if capabilities.get(name).is_some() {
                bits |= 1 << bit;
            }
        }
        Self(bits)
    }

    /// The modes of elicitation. An empty object means forms only (MCP 2025-11-25, elicitation).
    fn modes(capabilities: &Members<'_>) -> u8 {
        let Some(modes) = capabilities.get("elicitation").and_then(Members::of) else {
            return 0;
        };
        let bit = |mode: &str, bit: u8| modes.get(mode).map_or(0, |_settings| bit);
        match bit("form", Self::FORM) | bit("url", Self::URL) {
            0 => Self::FORM,
            modes => modes,
        }
    }

    /// True if the client said that it can show a form.
    #[must_use]
    pub fn has_forms(self) -> bool {
        self.0 & Self::FORM != 0
    }

    /// True if the client said that it can send a person to an address.
    #[must_use]
    pub fn has_urls(self) -> bool {
        self.0 & Self::URL != 0
    }

    /// What of sampling the client said that it has, besides sampling itself.
    pub fn of_sampling(self) -> impl Iterator<Item = &'static str> {
        let has = move |(name, bit)| (self.0 & bit != 0).then_some(name);
        Self::OF_SAMPLING.into_iter().filter_map(has)
    }

    /// True if the client said that it has `name`.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        Self::NAMES
            .iter()
            .position(|known| *known == name)
            .is_some_and(|bit| self.0 & (1 << bit) != 0)
    }
}

/// A live session of the principal who presented its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// What `initialize` negotiated.
    pub revision: Revision,
    /// What the client said it can do.
    pub capabilities: ClientCapabilities,
    /// Unix seconds.
    expires_at: i64,
    nonce: [u8; NONCE_BYTES],
}

/// What no other session has.
pub(super) type SessionKey = [u8; NONCE_BYTES];

impl Session {
    /// What no other session has.
    pub(super) fn key(&self) -> SessionKey {
        self.nonce
    }
}

/// Makes session ids and opens them.
#[derive(Debug)]
pub(crate) struct Sessions {
    keys: Arc<SessionKeys>,
    ttl_seconds: u32,
    clock: Clock,
    ended: Mutex<Ended>,
}

impl Sessions {
    pub(crate) fn new(keys: Arc<SessionKeys>, ttl_seconds: u32, clock: Clock) -> Self {
        Self {
            keys,
            ttl_seconds,
            clock,
            ended: Mutex::default(),
        }
    }

    /// A new session's id, for the header of an `initialize` answer.
    pub(crate) fn mint(
        &self,
        principal: &Principal,
        revision: Revision,
        capabilities: ClientCapabilities,
    ) -> HeaderValue {
        let expires_at = self.clock.unix_seconds() + i64::from(self.ttl_seconds);
        let mut plain = Vec::with_capacity(PLAIN_BYTES);
        plain.extend_from_slice(&[FORMAT, revision as u8, capabilities.0]);
        plain.extend_from_slice(&expires_at.to_be_bytes());
        plain.extend_from_slice(&digest(principal));
        let id = URL_SAFE_NO_PAD.encode(self.keys.current.seal(CONTEXT, &plain));
        HeaderValue::try_from(id).expect("invariant: base64url is visible ASCII")
    }

    /// The live session with this id, if it is the principal's.
    pub(crate) fn open(&self, id: &str, principal: &Principal) -> Result<Session, Error> {
        let sealed = URL_SAFE_NO_PAD
            .decode(id)
            .map_err(|_not_base64| Error::UnknownSession)?;
        let keys = [Some(&self.keys.current), self.keys.previous.as_ref()];
        let plain = keys
            .into_iter()
            .flatten()
            .find_map(|key| key.open(CONTEXT, &sealed))
            .ok_or(Error::UnknownSession)?;
        let (session, owner) = read(&sealed, &plain).ok_or(Error::UnknownSession)?;
        if !sealing::equal_in_constant_time(&owner, &digest(principal)) {
            return Err(Error::ForeignSession);
        }
        if self.is_over(&session) {
            return Err(Error::UnknownSession);
        }
        Ok(session)
    }

    /// True once the session has expired or was ended.
    pub(crate) fn is_over(&self, session: &Session) -> bool {
        session.expires_at <= self.clock.unix_seconds()
            || self
                .ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .expiries
                .contains_key(&session.nonce)
    }

    /// Ends a session before its time.
    pub(crate) fn end(&self, session: &Session) {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(session, self.clock.unix_seconds());
    }
}

/// The sessions that were ended and have not expired yet.
#[derive(Debug, Default)]
struct Ended {
    expiries: HashMap<[u8; NONCE_BYTES], i64>,
    oldest_first: VecDeque<[u8; NONCE_BYTES]>,
}

impl Ended {
    fn add(&mut self, session: &Session, now: i64) {
        if self
            .expiries
            .insert(session.nonce, session.expires_at)
            .is_none()
        {
            self.oldest_first.push_back(session.nonce);
        }
        while let Some(oldest) = self.oldest_first.front() {
            let has_expired = self
                .expiries
                .get(oldest)
                .is_none_or(|expiry| *expiry <= now);
            if !has_expired && self.oldest_first.len() <= MAX_ENDED {
                break;
            }
            self.expiries.remove(oldest);
            self.oldest_first.pop_front();
        }
    }
}

fn read(sealed: &[u8], plain: &[u8]) -> Option<(Session, [u8; 32])> {
    let (&nonce, _) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (&[format, revision, capabilities], rest) = plain.split_first_chunk::<3>()?;
    let (&expires_at, rest) = rest.split_first_chunk::<8>()?;
    let owner = <[u8; 32]>::try_from(rest).ok()?;
    let revision = Revision::ALL
        .into_iter()
        .find(|known| *known as u8 == revision)?;
    let session = Session {
        revision,
        capabilities: ClientCapabilities(capabilities),
        expires_at: i64::from_be_bytes(expires_at),
        nonce,
    };
    (format == FORMAT).then_some((session, owner))
}

/// Whose session it is, and at which resource: the whole server, or one upstream.
fn digest(principal: &Principal) -> [u8; 32] {
    let caller = [
        Some(principal.issuer()),
        Some(principal.subject()),
        principal.client_id(),
    ];
    match principal.resource().upstream() {
        None => digest_of(&caller),
        Some(upstream) => {
            let [issuer, subject, client_id] = caller;
            digest_of(&[issuer, subject, client_id, Some(upstream)])
        }
    }
}

/// Tells callers apart, and the same caller at two resources. Never all zeros.
pub(super) fn caller_key(principal: &Principal) -> [u8; 32] {
    digest_of(&[
        Some(principal.issuer()),
        Some(principal.subject()),
        principal.client_id(),
        Some(principal.resource().identifier().as_str()),
    ])
}

/// Lengths go in as well, so that no two callers give the same bytes.
fn digest_of(parts: &[Option<&str>]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(192);
    for part in parts {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part.unwrap_or_default().as_bytes());
    }
    sealing::sha256(&bytes)
}

#[cfg(test)]
impl Session {
    /// A session that nobody minted.
    pub(super) fn for_test(revision: Revision, capabilities: ClientCapabilities) -> Self {
        Self {
            revision,
            capabilities,
            expires_at: i64::MAX,
            nonce: [7; NONCE_BYTES],
        }
    }
}

#[cfg(test)]
mod tests;
