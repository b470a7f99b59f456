//! What is asked of an upstream, and for whom.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::CallerCredential;
use super::aside::Listener;
use super::credential::Behalf;
use super::log_level::LogMessages;

/// One request to an upstream, with nothing in it of who asks.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// What `Mcp-Name` says: the tool's or prompt's name, or the resource's URI, as the upstream knows it.
    pub name: Option<Box<str>>,
    /// The members of `params` without `_meta`, as JSON without the braces.
    pub members: Vec<u8>,
    /// The members of `params._meta` that are not the protocol's own, as JSON without the braces.
    pub meta: Vec<u8>,
    /// Headers that mirror arguments (`Mcp-Param-*`).
    pub headers: HeaderMap,
    /// The token by which progress is to be told, as JSON; nothing if none is asked for. The upstream gets one of ours in
    /// its place, and what it tells comes back with this one.
    pub progress_token: Option<Box<str>>,
}

/// For whom an upstream is asked. Never a token: a key that tells callers apart, and what yields a credential.
///
/// The default is this server itself.
#[derive(Clone, Default)]
pub struct Caller {
    /// A digest of the principal and of the resource it was verified for. All zeros: this server.
    pub key: [u8; 32],
    /// What a modern upstream is told that the caller can do: a JSON object, or empty for nothing.
    pub capabilities: Box<str>,
    /// Which log messages the caller gets.
    pub log_messages: LogMessages,
    /// The client's own session, if a legacy server over HTTP is to have one for just that; else one does for all that the
    /// caller asks for.
    pub session: Option<ClientSession>,
    /// Yields what its requests carry, where the upstream takes a credential per caller.
    pub credential: Option<Arc<dyn CallerCredential>>,
}

/// A legacy client's session at this server, or one subscription of a modern client's.
#[derive(Clone, Debug)]
pub struct ClientSession {
    /// What no other session has.
    pub key: [u8; 12],
    /// What the client can be asked, as its upstream is told: a JSON object, or empty for nothing.
    pub capabilities: Box<str>,
    /// How long it may take to answer one question.
    pub patience: Duration,
    /// Its open stream, if it has one.
    pub listener: Option<Listener>,
    /// It is over with that stream: a modern client has no session, and this stands for one of its subscriptions.
    pub is_brief: bool,
}

/// Who holds a session at a legacy server: a caller, or one session of a client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Holder {
    pub(super) caller: [u8; 32],
    pub(super) session: Option<[u8; 12]>,
}

impl Caller {
    /// Whose session its requests are part of, at a server that has some.
    pub(super) fn holder(&self) -> Holder {
        Holder {
            caller: self.key,
            session: self.session.as_ref().map(|session| session.key),
        }
    }

    /// True if nobody else asks.
    pub(super) fn is_this_server(&self) -> bool {
        self.key == [0; 32]
    }

    /// Whose credential its requests carry.
    pub(super) fn behalf(&self) -> Behalf {
        if self.is_this_server() {
            Behalf::Ours
        } else {
            Behalf::Caller(self.credential.clone())
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("capabilities", &self.capabilities)
            .field("log_messages", &self.log_messages)
            .field("session", &self.session)
            .field("has_credential", &self.credential.is_some())
            .finish_non_exhaustive()
    }
}
