//! Which key a module's complaint is about, so that it can be told with file, line and column.

use super::super::KeyPath;
use crate::outbound;

/// The key that a complaint about outgoing requests is about.
pub(super) fn of_outbound(error: &outbound::SettingsError) -> KeyPath {
    let outbound = KeyPath::root().key("outbound");
    match error {
        outbound::SettingsError::CaFile { .. } => outbound.key("ca_files"),
        outbound::SettingsError::Proxy { .. } => outbound.key("proxy"),
        outbound::SettingsError::Client(_) => outbound,
    }
}
