//! The ledger: the refusals of late, bounded in number and in bytes, and so that a flood cannot push out what matters.
//!
//! Refusals with one reason (and the claim that it is about), issuer, client id and kind of client software are one row,
//! which counts them. The rule for what is kept when strangers invent issuers and client ids, which nobody has verified:
//!
//! 1. One reason has at most a sixteenth of the rows (62 of 1,000). What is beyond counts in that reason's *rest*, which is one row more.
//! 2. A newcomer takes the place of its reason's weakest row if it is stronger: verified before unverified, then seen more often.
//!    How often a newcomer was seen is remembered in a small table of hashes, so somebody who tries again gets in and
//!    one who never comes twice does not. A row that nobody added to for an hour is weaker than any newcomer.
//! 3. If all rows are taken, the weakest row of the reason that has the most makes way.
//!
//! So a flood fights for the places of its own reasons, with itself: whoever was there before stays, and whoever comes
//! back while it lasts finds a place. The lock is held for one look-up and a small copy, never across an `await`.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::snapshot::{AUDIENCE, Refusal, Token};
use super::software::Software;
use crate::auth::{Excerpt, Resource, Scopes, Seen, TokenError};
use crate::clock::Timestamp;

/// The part of the rows that one reason may have.
const REASONS_SHARE: usize = 16;
/// So many rows a reason may have at least.
const FEWEST: usize = 8;
/// After how long a row is weaker than any newcomer, in milliseconds.
const STALE_AFTER: i64 = 60 * 60 * 1000;
/// How many newcomers are remembered, by their hash.
const REMEMBERED: usize = 8192;

/// The most bytes of each text that others fill; what is seen of a token has its bounds in `auth::seen`.
const USER_AGENT: usize = 160;
const CLIENT_INFO: usize = 96;
const SENT: usize = 192;
const NAME: usize = 128;
const REQUEST_ID: usize = 64;

/// The most bytes of one row, all its texts included.
pub const ROW_BYTES: usize = 4 * 1024;

/// A refused request.
#[derive(Debug)]
pub struct Refused<'r> {
    /// The stable reason code.
    pub reason: &'static str,
    /// The name under which the client and the log speak of it.
    pub request_id: &'r str,
    /// The request's `User-Agent`.
    pub user_agent: Option<&'r [u8]>,
    /// What was seen of its token.
    pub seen: Option<Box<Seen>>,
    /// Why its token was refused.
    pub problem: Option<TokenError>,
    /// The resource that was asked for.
    pub resource: Option<Arc<Resource>>,
    /// What was refused by a rule: the operation, and the rule.
    pub operation: Option<String>,
    /// The rule that refused it.
    pub rule: Option<Arc<str>>,
    /// The scopes that it takes.
    pub scopes: Option<Scopes>,
    /// A `Host` or `Origin` that is not ours.
    pub sent: Option<&'r [u8]>,
    /// What the client calls itself in the body.
    pub client_info: Option<String>,
}

impl<'r> Refused<'r> {
    /// A request that was refused for this reason, of which nothing else is known.
    #[must_use]
    pub fn new(reason: &'static str, request_id: &'r str) -> Self {
        Self {
            reason,
            request_id,
            user_agent: None,
            seen: None,
            problem: None,
            resource: None,
            operation: None,
            rule: None,
            scopes: None,
            sent: None,
            client_info: None,
        }
    }
}

/// What is kept of the last refusal of a row.
#[derive(Debug)]
struct Details {
    software: Software,
    user_agent: Option<Excerpt>,
    client_info: Option<Excerpt>,
    sent: Option<Excerpt>,
    seen: Option<Box<Seen>>,
    problem: Option<TokenError>,
    resource: Option<Arc<Resource>>,
    operation: Option<Excerpt>,
    rule: Option<Excerpt>,
    scopes: Option<Excerpt>,
}

#[derive(Clone, Debug)]
struct Row {
    reason: &'static str,
    count: u64,
    /// How often it was seen since it was last a newcomer: what it counts for against others.
    weight: u64,
    first: i64,
    last: i64,
    request_id: Excerpt,
    details: Arc<Details>,
    is_verified: bool,
    is_rest: bool,
}

/// How much a row matters: the weaker one makes way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Strength {
    is_verified: bool,
    weight: u64,
}

/// The rows of one reason. They are few, so looking through their ids is quicker than hashing them.
#[derive(Debug, Default)]
struct Kind {
    ids: Vec<u64>,
    /// In the order of the ids.
    rows: Vec<Row>,
    rest: Option<Row>,
}

/// A newcomer that found no place.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    id: u64,
    times: u64,
}

#[derive(Debug)]
struct Rows {
    count: usize,
    kinds: BTreeMap<&'static str, Kind>,
    newcomers: Vec<Remembered>,
    recorded: u64,
}

/// The refusals of late.
#[derive(Debug)]
pub(super) struct Ledger {
    capacity: usize,
    /// How many rows one reason may have.
    share: usize,
    // Ids are hashes under a secret of this process: nobody can choose names that collide.
    hasher: RandomState,
    rows: Mutex<Rows>,
}

impl Ledger {
    /// A ledger with so many rows.
    pub(super) fn new(capacity: usize) -> Self {
        let rows = Rows {
            count: 0,
            kinds: BTreeMap::new(),
            newcomers: Vec::new(),
            recorded: 0,
        };
        Self {
            capacity,
            share: (capacity / REASONS_SHARE).max(FEWEST).min(capacity),
            hasher: RandomState::new(),
            rows: Mutex::new(rows),
        }
    }

    /// Counts a refusal; true if it did not find a row of its own.
    pub(super) fn record(&self, refused: Refused<'_>, now: i64) -> bool {
        if self.capacity == 0 {
            return false;
        }
        let software = Software::of(refused.user_agent);
        let id = self.id(&refused, software);
        let mut row = Row::new(refused, software, now);
        // Whatever it replaces is given back to the memory after the lock.
        let mut replaced = None;
        let mut rows = self.lock();
        rows.recorded += 1;
        let is_rest = if let Some(known) = rows.kind(row.reason).get(id) {
            replaced = Some(known.add(row));
            false
        } else if rows.has_place(&mut row, id, self) {
            rows.insert(id, row);
            false
        } else {
            rows.kind(row.reason).add_to_rest(row);
            true
        };
        drop(rows);
        drop(replaced);
        is_rest
    }

    /// All rows, last seen first, and how many refusals were recorded.
    pub(super) fn refusals(&self) -> (Vec<Refusal>, u64) {
        let rows = self.lock();
        let kinds = rows.kinds.values();
        // The texts are shared, so the copy is short.
        let mut all: Vec<_> = kinds
            .flat_map(|kind| kind.rows.iter().chain(&kind.rest))
            .cloned()
            .collect();
        let recorded = rows.recorded;
        drop(rows);
        all.sort_by_key(|row| std::cmp::Reverse(row.last));
        (all.iter().map(Row::shown).collect(), recorded)
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.lock().count
    }

    fn id(&self, refused: &Refused<'_>, software: Software) -> u64 {
        let seen = refused.seen.as_deref();
        let issuer = seen.and_then(|seen| seen.issuer.as_ref());
        let client_id = seen.and_then(|seen| seen.client_id.as_ref());
        // A token that lacks `aud` is mended in another way than one that lacks `sub`.
        let member = match &refused.problem {
            Some(
                TokenError::BadClaim(name)
                | TokenError::BadHeader(name)
                | TokenError::MissingClaim(name),
            ) => Some(*name),
            Some(_) | None => None,
        };
        self.hasher
            .hash_one((refused.reason, member, issuer, client_id, software))
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn kind(&mut self, reason: &'static str) -> &mut Kind {
        self.kinds.entry(reason).or_default()
    }

    fn insert(&mut self, id: u64, row: Row) {
        self.count += 1;
        let kind = self.kind(row.reason);
        kind.ids.push(id);
        kind.rows.push(row);
    }

    /// Finds a place for a newcomer, at another's cost if need be; false if there is none.
    fn has_place(&mut self, newcomer: &mut Row, id: u64, ledger: &Ledger) -> bool {
        let its_own = self.kind(newcomer.reason).ids.len();
        if its_own < ledger.share {
            if self.count >= ledger.capacity {
                let largest = self.kinds.values_mut().max_by_key(|kind| kind.ids.len());
                if let Some(kind) = largest
                    && let Some(weakest) = kind.weakest(newcomer.last)
                {
                    kind.make_way(weakest);
                    self.count -= 1;
                }
            }
            return true;
        }
        let place = usize::try_from(id).unwrap_or_default() % REMEMBERED;
        if self.newcomers.is_empty() {
            self.newcomers = vec![Remembered::default(); REMEMBERED];
        }
        let Some(remembered) = self.newcomers.get_mut(place) else {
            return false;
        };
        if remembered.id != id {
            *remembered = Remembered { id, times: 0 };
        }
        remembered.times += 1;
        newcomer.weight = remembered.times;
        let strength = newcomer.strength();
        let kind = self.kind(newcomer.reason);
        let Some(weakest) = kind.weakest(newcomer.last) else {
            return false;
        };
        let is_stronger = kind.rows.get(weakest).is_none_or(|row| {
            row.is_stale(newcomer.last) && strength.is_verified >= row.strength().is_verified
                || strength > row.strength()
        });
        if is_stronger {
            kind.make_way(weakest);
            self.count -= 1;
        }
        is_stronger
    }
}

impl Kind {
    /// The row of this id.
    fn get(&mut self, id: u64) -> Option<&mut Row> {
        let place = self.ids.iter().position(|known| *known == id)?;
        self.rows.get_mut(place)
    }

    /// Where the row is that matters least.
    fn weakest(&self, now: i64) -> Option<usize> {
        let rows = self.rows.iter().enumerate();
        let weakest = rows.min_by_key(|(_, row)| {
            let Strength {
                is_verified,
                weight,
            } = row.strength();
            (is_verified, !row.is_stale(now), weight, row.last)
        });
        weakest.map(|(place, _)| place)
    }

    /// A row goes; what it counted stays counted.
    fn make_way(&mut self, place: usize) {
        if place < self.ids.len().min(self.rows.len()) {
            self.ids.swap_remove(place);
            let row = self.rows.swap_remove(place);
            self.add_to_rest(row);
        }
    }

    fn add_to_rest(&mut self, row: Row) {
        match &mut self.rest {
            None => {
                self.rest = Some(Row {
                    is_rest: true,
                    ..row
                });
            }
            Some(rest) if rest.last <= row.last => drop(rest.add(row)),
            Some(rest) => rest.count += row.count,
        }
    }
}

impl Row {
    fn new(refused: Refused<'_>, software: Software, now: i64) -> Self {
        let scopes = refused.scopes.map(|scopes| scopes.to_string());
        let text = |text: Option<&str>, longest| text.map(|text| Excerpt::new(text, longest));
        let bytes =
            |bytes: Option<&[u8]>, longest| bytes.map(|bytes| Excerpt::of_bytes(bytes, longest));
        Self {
            reason: refused.reason,
            count: 1,
            weight: 1,
            first: now,
            last: now,
            request_id: Excerpt::new(refused.request_id, REQUEST_ID),
            is_verified: refused.seen.as_ref().is_some_and(|seen| seen.is_verified),
            details: Arc::new(Details {
                software,
                user_agent: bytes(refused.user_agent, USER_AGENT),
                client_info: text(refused.client_info.as_deref(), CLIENT_INFO),
                sent: bytes(refused.sent, SENT),
                seen: refused.seen,
                problem: refused.problem,
                resource: refused.resource,
                operation: text(refused.operation.as_deref(), NAME),
                rule: text(refused.rule.as_deref(), NAME),
                scopes: text(scopes.as_deref(), NAME),
            }),
            is_rest: false,
        }
    }

    /// One more of the same; gives back what is kept no longer.
    fn add(&mut self, newer: Self) -> Self {
        let older = std::mem::replace(self, newer);
        self.count += older.count;
        self.weight += older.weight;
        self.first = older.first;
        self.is_rest = older.is_rest;
        older
    }

    fn strength(&self) -> Strength {
        Strength {
            is_verified: self.is_verified,
            weight: self.weight,
        }
    }

    fn is_stale(&self, now: i64) -> bool {
        now - self.last >= STALE_AFTER
    }

    fn shown(&self) -> Refusal {
        let details = &*self.details;
        let common = Refusal {
            reason: self.reason.to_owned(),
            problem: details.problem.as_ref().map(ToString::to_string),
            count: self.count,
            first_seen: Timestamp::from_unix_millis(self.first),
            last_seen: Timestamp::from_unix_millis(self.last),
            request_id: self.request_id.clone(),
            rest: self.is_rest,
            software: details.software.name().to_owned(),
            software_title: details.software.title().to_owned(),
            ..Refusal::default()
        };
        if self.is_rest {
            return common;
        }
        let resource = details.resource.as_deref();
        let problem = details.problem.as_ref();
        let is_about_it = problem.is_some_and(|problem| AUDIENCE.contains(problem));
        let audiences = resource.filter(|_| is_about_it);
        let audiences = audiences.map_or(&[][..], Resource::accepted_audiences);
        let scopes = details
            .scopes
            .iter()
            .map(|scopes| scopes.as_str().to_owned());
        Refusal {
            user_agent: details.user_agent.clone(),
            client_info: details.client_info.clone(),
            sent: details.sent.clone(),
            resource: resource.map(|resource| resource.identifier().as_str().to_owned()),
            expected: audiences.iter().cloned().chain(scopes).collect(),
            operation: details.operation.clone(),
            rule: details.rule.clone(),
            token: details.seen.as_deref().map(token),
            ..common
        }
    }
}

fn token(seen: &Seen) -> Token {
    Token {
        verified: seen.is_verified,
        issuer: seen.issuer.clone(),
        audiences: seen.audiences.clone(),
        client_id: seen.client_id.clone(),
        scope: seen.scope.clone(),
        key_id: seen.key_id.clone(),
        algorithm: seen.algorithm.clone(),
        token_type: seen.token_type.clone(),
        profile: seen.profile.map(|profile| profile.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests;
