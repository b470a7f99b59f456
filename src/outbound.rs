//! Every outgoing HTTP request: sizes, deadlines, redirects, addresses, CA files.
//!
//! The only module that names `reqwest`, through which all goes but exchanges with upstreams over plain http: these, on
//! whose price each forwarded call depends, have connections of their own (`pool`, `connection`), under the same rules.
//!
//! Rules, none of which a caller can bend:
//! 1. `https` only, except towards loopback, and towards an upstream whose operator allows it in so many words.
//! 2. No redirects are followed.
//! 3. Link-local, metadata, unspecified and multicast addresses are never contacted, whatever name leads there; loopback
//!    only by a loopback name.
//! 4. Connecting takes at most 1 s and a whole exchange at most 3 s (settings; with an upstream, what its own
//!    settings say), a body at most what the caller allows.
//! 5. Proxies come from the settings, never from the environment.
//!
//! Rules 1, 3 and 4 are other ones for [`Probe`], which asks strangers' servers for `usher doctor`; it says which.

mod address;
mod client;
mod connection;
mod document;
mod error;
mod exchange;
mod form;
mod pool;
mod probe;
mod settings;

pub use client::{Outbound, PlainHttp};
pub use document::{Answer, Get, JsonDocument, Reply};
pub use error::OutboundError;
pub use exchange::{Destination, Exchange, Exchanged};
pub use form::{ClientAuthentication, Form};
pub use probe::{AddressClass, End, Heard, Opened, Probe, ProbeError, Question, TlsProblem};
pub use settings::{Settings, SettingsError};

pub(crate) use address::{is_loopback_host, to_ask, without_secrets};
