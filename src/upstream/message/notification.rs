//! What an upstream says that has no answer: which of these there are, what they are about, and where they say so.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::upstream::log_level::LogLevel;

/// A notification of an upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its method.
    pub method: Box<str>,
    /// The value of `params`, an object, as the upstream wrote it; empty if there is none.
    pub params: Bytes,
}

/// A notification about the progress of a request of ours.
pub(in crate::upstream) const PROGRESS: &str = "notifications/progress";
/// A request is not to be answered any more.
pub(in crate::upstream) const CANCELLED: &str = "notifications/cancelled";
/// Somebody has done what an address was for (MCP 2025-11-25, elicitation).
pub(in crate::upstream) const ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
/// A resource that somebody subscribed to is another one.
pub(in crate::upstream) const UPDATED: &str = "notifications/resources/updated";
/// A subscription was taken (MCP 2026-07-28, subscriptions).
pub(in crate::upstream) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// A log message.
pub(in crate::upstream) const LOG_MESSAGE: &str = "notifications/message";

/// True if this notification says that a list is another one.
pub(in crate::upstream) fn is_list_changed(method: &str) -> bool {
    const LISTS: [&str; 3] = ["tools", "prompts", "resources"];
    let list = method
        .strip_prefix("notifications/")
        .and_then(|rest| rest.strip_suffix("/list_changed"));
    list.is_some_and(|list| LISTS.contains(&list))
}

impl Notification {
    /// A copy: a piece of a message keeps the whole buffer that the message was read into, so what waits is none.
    pub(in crate::upstream) fn copied(&self) -> Self {
        Self {
            method: self.method.clone(),
            params: Bytes::copy_from_slice(&self.params),
        }
    }

    /// Of which of our requests this tells progress, and where its `params` say so.
    pub(in crate::upstream) fn progress_of(&self) -> Option<(u64, Range<usize>)> {
        #[derive(Deserialize)]
        struct Progress<'a> {
            #[serde(borrow, rename = "progressToken")]
            token: &'a RawValue,
        }
        if self.method.as_ref() != PROGRESS {
            return None;
        }
        let Progress { token } = serde_json::from_slice(&self.params).ok()?;
        Some((token.get().parse().ok()?, place_in(&self.params, token)?))
    }

    /// True if it is a log message.
    #[must_use]
    pub fn is_log_message(&self) -> bool {
        self.method.as_ref() == LOG_MESSAGE
    }

    /// How grave this log message is.
    #[must_use]
    pub fn log_level(&self) -> Option<LogLevel> {
        #[derive(Deserialize)]
        struct Log<'a> {
            #[serde(borrow)]
            level: Cow<'a, str>,
        }
        let Log { level } = serde_json::from_slice(&self.params).ok()?;
        LogLevel::parse(&level)
    }

    /// Of which of our subscriptions this is, if it is of one.
    pub(in crate::upstream) fn subscription(&self) -> Option<u64> {
        #[derive(Deserialize)]
        struct Told<'a> {
            #[serde(borrow, rename = "_meta")]
            meta: Meta<'a>,
        }
        #[derive(Deserialize)]
        struct Meta<'a> {
            #[serde(borrow, rename = "io.modelcontextprotocol/subscriptionId")]
            id: &'a RawValue,
        }
        if !matches!(self.method.as_ref(), ACKNOWLEDGED | UPDATED) {
            return None;
        }
        let told: Told<'_> = serde_json::from_slice(&self.params).ok()?;
        told.meta.id.get().parse().ok()
    }

    /// What tells that this resource was updated.
    pub(in crate::upstream) fn of_update(uri: &str) -> Self {
        let params = format!(r#"{{"uri":{}}}"#, serde_json::Value::from(uri));
        Self {
            method: UPDATED.into(),
            params: Bytes::from(params),
        }
    }

    /// The resource that it says was updated, and where its `params` say so.
    #[must_use]
    pub fn updated(&self) -> Option<(String, Range<usize>)> {
        #[derive(Deserialize)]
        struct Updated<'a> {
            #[serde(borrow)]
            uri: &'a RawValue,
        }
        if self.method.as_ref() != UPDATED {
            return None;
        }
        let Updated { uri } = serde_json::from_slice(&self.params).ok()?;
        let text = serde_json::from_str(uri.get()).ok()?;
        Some((text, place_in(&self.params, uri)?))
    }

    /// Which request of its own the upstream does not want answered any more, and where its `params` say so.
    pub(in crate::upstream) fn cancels(&self) -> Option<Range<usize>> {
        #[derive(Deserialize)]
        struct Cancelled<'a> {
            #[serde(borrow, rename = "requestId")]
            id: &'a RawValue,
        }
        if self.method.as_ref() != CANCELLED {
            return None;
        }
        let Cancelled { id } = serde_json::from_slice(&self.params).ok()?;
        place_in(&self.params, id)
    }

    /// The value at `place` of its `params`.
    pub(in crate::upstream) fn at(&self, place: &Range<usize>) -> &[u8] {
        self.params.get(place.clone()).unwrap_or_default()
    }

    /// The same with another value at `place`; every other byte stays.
    #[must_use]
    pub fn with_value(mut self, place: Range<usize>, value: &str) -> Self {
        let mut params = Vec::with_capacity(self.params.len() + value.len());
        params.extend_from_slice(self.params.get(..place.start).unwrap_or_default());
        params.extend_from_slice(value.as_bytes());
        params.extend_from_slice(self.params.get(place.end..).unwrap_or_default());
        self.params = Bytes::from(params);
        self
    }
}

/// Where in `params` this value, which was read from it, stands.
fn place_in(params: &[u8], value: &RawValue) -> Option<Range<usize>> {
    let start = value.get().as_ptr().addr();
    let start = start.checked_sub(params.as_ptr().addr())?;
    Some(start..start + value.get().len())
}
