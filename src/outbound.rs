//! Every outgoing HTTP request: sizes, deadlines, redirects, addresses, CA files. The only module that names `reqwest`.
//!
//! Rules, none of which a caller can bend:
//! 1. `https` only, except towards loopback.
//! 2. No redirects are followed.
//! 3. Link-local, metadata, unspecified and multicast addresses are never contacted, whatever name leads there; loopback
//!    only by a loopback name.
//! 4. Connecting takes at most 1 s and a whole exchange at most 3 s (settings; with an upstream, what its own
//!    settings say), a body at most what the caller allows.
//! 5. Proxies come from the settings, never from the environment.

mod address;
mod client;
mod exchange;
mod settings;

pub use client::{Answer, Form, Get, JsonDocument, Outbound, OutboundError, Reply};
pub use exchange::{Exchange, Exchanged};
pub use settings::{Settings, SettingsError};

pub(crate) use address::is_loopback_host;
