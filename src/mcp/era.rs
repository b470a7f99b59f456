//! Which revision of MCP a message speaks. The only place that compares versions.
//!
//! A *modern* message carries its version, and everything else it needs, in its own `_meta`; a *legacy* one relies on an
//! earlier `initialize` (MCP 2026-07-28, versioning). Both are served at the same endpoint, each message decided by itself.

use std::borrow::Cow;

use super::envelope::Call;
use super::error::Error;
use super::headers::{self, Field, Headers};
use crate::upstream::LogLevel;

/// The key of a modern message's version in its `_meta`.
pub(super) const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// The key of a modern message's client capabilities in its `_meta`.
pub(super) const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
/// The key of the log level that a modern request asks for.
pub(super) const LOG_LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";

/// The first revision without a handshake.
const FIRST_MODERN: &str = "2026-07-28";
/// The modern revisions served: what `server/discover` and `-32022` tell. Legacy ones are left out, because a client
/// that read one here would retry with it in `_meta`, which no legacy revision knows.
pub(crate) const MODERN_REVISIONS: [&str; 1] = [FIRST_MODERN];

/// Every revision served, newest first.
#[must_use]
pub fn revisions() -> Vec<&'static str> {
    let legacy = Revision::ALL.iter().rev().map(|revision| revision.as_str());
    MODERN_REVISIONS.into_iter().chain(legacy).collect()
}

/// How a message is served: the specification's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Era {
    /// A revision with an `initialize` handshake: 2025-11-25 and before.
    Legacy,
    /// A revision with per-request metadata: 2026-07-28 and after.
    Modern,
}

/// The revisions with an `initialize` handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revision {
    /// 2024-11-05, HTTP+SSE.
    V2024_11_05,
    /// 2025-03-26, the only one with batches.
    V2025_03_26,
    /// 2025-06-18.
    V2025_06_18,
    /// 2025-11-25.
    V2025_11_25,
}

impl Revision {
    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
    ];

    /// The revision as it is written in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
        }
    }

    /// The revision with exactly this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == name)
    }

    /// What `initialize` answers to a client that asks for `requested`: the same, or else the newest.
    #[must_use]
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested).unwrap_or(Self::V2025_11_25)
    }

    /// True for the one revision in which a body may be a JSON array.
    #[must_use]
    pub fn has_batches(self) -> bool {
        self == Self::V2025_03_26
    }
}

/// Decides how `call` is served, and refuses a modern message whose version cannot be served or whose metadata is not
/// complete. What the message's method needs beyond that is checked by [`headers::check`].
pub(crate) fn of_call(call: &Call<'_>, headers: &Headers<'_>) -> Result<Era, Error> {
    let said = match call.meta.get(VERSION_KEY) {
        None => None,
        Some(raw) => Some(super::members::text(raw).ok_or(Error::IncompleteMeta(
            "the protocol version in _meta is a string",
        ))?),
    };
    if said.is_none() && !is_modern(&headers.version, &call.method, headers) {
        return of_legacy(&headers.version).map(|_revision| Era::Legacy);
    }
    agree(&headers.version, said.as_ref())?;
    if call.id.is_some() {
        complete(call, said.is_some())?;
    }
    let version = said
        .as_deref()
        .or_else(|| headers.version.value())
        .unwrap_or_default();
    if MODERN_REVISIONS.contains(&version) {
        Ok(Era::Modern)
    } else {
        Err(Error::UnsupportedVersion {
            requested: version.to_owned(),
        })
    }
}

/// The era that `call` claims for itself, whether or not it can be served: for refusals before anything is checked.
pub(crate) fn claimed(call: &Call<'_>) -> Era {
    if call.meta.get(VERSION_KEY).is_some() {
        Era::Modern
    } else {
        Era::Legacy
    }
}

/// The era of a message without `_meta` (a posted response, a `GET`, a `DELETE`): the header alone tells.
pub(crate) fn of_header(version: &Field<'_>) -> Result<Era, Error> {
    match version {
        Field::Value(version) if at_least_first_modern(version) => Ok(Era::Modern),
        Field::Absent | Field::Value(_) | Field::Unreadable => {
            of_legacy(version).map(|_revision| Era::Legacy)
        }
    }
}

/// The revision that a legacy message's header names. Without one the specification says to assume 2025-03-26.
pub(crate) fn of_legacy(version: &Field<'_>) -> Result<Revision, Error> {
    match version {
        Field::Absent => Ok(Revision::V2025_03_26),
        Field::Value(version) => Revision::parse(version).ok_or(Error::Invalid(
            "MCP-Protocol-Version names a revision that is not served",
        )),
        Field::Unreadable => Err(Error::HeaderMismatch(headers::Fault::Unreadable(
            headers::VERSION_NAME,
        ))),
    }
}

/// Without a version in `_meta`, the header tells; without either, a method that only modern revisions have.
fn is_modern(version: &Field<'_>, method: &str, headers: &Headers<'_>) -> bool {
    match version {
        Field::Value(version) => at_least_first_modern(version),
        Field::Absent => {
            matches!(method, "server/discover" | "subscriptions/listen")
                && headers.session == Field::Absent
        }
        Field::Unreadable => false,
    }
}

fn at_least_first_modern(version: &str) -> bool {
    let is_date = version.len() == FIRST_MODERN.len()
        && version.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_date && version >= FIRST_MODERN
}

/// The header is on every POST and says what `_meta` says (streamable HTTP, protocol version header).
fn agree(header: &Field<'_>, said: Option<&Cow<'_, str>>) -> Result<(), Error> {
    let fault = match (header, said) {
        (Field::Value(header), Some(said)) if said == header => return Ok(()),
        (Field::Value(_), None) => return Ok(()),
        (Field::Value(_), Some(_)) => headers::Fault::Mismatch(headers::VERSION_NAME),
        (Field::Absent, _) => headers::Fault::Missing(headers::VERSION_NAME),
        (Field::Unreadable, _) => headers::Fault::Unreadable(headers::VERSION_NAME),
    };
    Err(Error::HeaderMismatch(fault))
}

/// Version and client capabilities are required of every request; client information is not.
fn complete(call: &Call<'_>, has_version: bool) -> Result<(), Error> {
    if !has_version {
        return Err(Error::IncompleteMeta(
            "_meta lacks io.modelcontextprotocol/protocolVersion",
        ));
    }
    if !call
        .meta
        .get(CAPABILITIES_KEY)
        .is_some_and(super::members::is_object)
    {
        return Err(Error::IncompleteMeta(
            "_meta lacks io.modelcontextprotocol/clientCapabilities",
        ));
    }
    let level_is_known = call.meta.get(LOG_LEVEL_KEY).is_none_or(|raw| {
        super::members::text(raw).is_some_and(|level| LogLevel::parse(&level).is_some())
    });
    if level_is_known {
        Ok(())
    } else {
        Err(Error::IncompleteMeta("the log level in _meta is not known"))
    }
}
