//! Which key a module's complaint is about, so that it can be told with file, line and column.

use super::super::KeyPath;
use crate::{http, knowledge, mcp, outbound};

/// The key that a complaint about outgoing requests is about.
pub(super) fn of_outbound(error: &outbound::SettingsError) -> KeyPath {
    let outbound = KeyPath::root().key("outbound");
    match error {
        outbound::SettingsError::CaFile { .. } => outbound.key("ca_files"),
        outbound::SettingsError::Proxy { .. } => outbound.key("proxy"),
        outbound::SettingsError::Client(_) => outbound,
        outbound::SettingsError::OutOfRange { key, .. } => outbound.key(key),
    }
}

/// The key that a complaint about the HTTP surface is about.
pub(super) fn of_http(error: &http::SettingsError) -> KeyPath {
    let http::SettingsError::OutOfRange { key, .. } = error;
    KeyPath::root().key("http").key(key)
}

/// The key that a complaint about the protocol layer is about.
pub(super) fn of_mcp(error: &mcp::SettingsError, settings: &mcp::Settings) -> KeyPath {
    use mcp::SettingsError as Error;
    let key = match error {
        Error::AmbiguousNames { .. } | Error::NameSeparator { .. } => "name_separator",
        Error::PreviousKeyAlone => "previous_session_key_file",
        Error::SessionKey { path } | Error::SessionKeyFile { path, .. } => {
            if settings.session_key_file.as_ref() == Some(path) {
                "session_key_file"
            } else {
                "previous_session_key_file"
            }
        }
        Error::SessionTtl { .. } => "session_ttl_seconds",
    };
    KeyPath::root().key("mcp").key(key)
}

/// The key that a complaint about `[search]`, or about the collection at `place`, is about.
pub(super) fn of_knowledge(error: &knowledge::SettingsError, place: Option<usize>) -> KeyPath {
    use knowledge::SettingsError as Error;
    let collections = KeyPath::root().key("collection");
    let collection = place.map_or_else(|| collections.clone(), |place| collections.index(place));
    match error {
        Error::DuplicateName { .. } | Error::Name { .. } => collection.key("name"),
        Error::Glob { .. } => collection,
        Error::NoPath { .. } => collection.key("path"),
        Error::OutOfRange { key, .. } => KeyPath::root().key("search").key(key),
        Error::UrlTemplate { .. } => collection.key("url"),
    }
}

/// The later of two collections of one name.
pub(super) fn of_repeated_name(
    error: &knowledge::SettingsError,
    settings: &knowledge::Settings,
) -> KeyPath {
    let place = match error {
        knowledge::SettingsError::DuplicateName { name } => settings
            .collections
            .iter()
            .rposition(|other| other.effective_name() == *name),
        _ => None,
    };
    of_knowledge(error, place)
}
