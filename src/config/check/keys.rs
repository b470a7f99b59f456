//! Which key a module's complaint is about, so that it can be told with file, line and column.

use super::super::KeyPath;
use crate::{auth, outbound};

/// The key that a complaint about issuers, resources and scopes is about.
pub(super) fn of_auth(error: &auth::SettingsError, settings: &auth::Settings) -> KeyPath {
    use auth::SettingsError as Error;
    let issuer = KeyPath::root().key("issuer");
    let named = |name: &str| {
        let place = settings
            .issuer
            .iter()
            .rposition(|issuer| issuer.issuer == name);
        place.map_or_else(|| issuer.clone(), |place| issuer.index(place))
    };
    match error {
        Error::NoIssuer => issuer,
        Error::PublicUrl { .. } => KeyPath::root().key("public_url"),
        Error::IssuerUrl { issuer, field, .. } | Error::OutOfRange { issuer, field, .. } => {
            named(issuer).key(field)
        }
        Error::DuplicateIssuer { issuer } => named(issuer).key("issuer"),
        Error::Algorithm { issuer, .. } => named(issuer).key("algorithms"),
        Error::Scope { field, .. } => KeyPath::root().key("scopes").key(field),
        Error::EmptyAudience { field } => KeyPath::parse(field),
        Error::Outbound(error) => of_outbound(error),
    }
}

/// The key that a complaint about outgoing requests is about.
pub(super) fn of_outbound(error: &outbound::SettingsError) -> KeyPath {
    let outbound = KeyPath::root().key("outbound");
    match error {
        outbound::SettingsError::CaFile { .. } => outbound.key("ca_files"),
        outbound::SettingsError::Proxy { .. } => outbound.key("proxy"),
        outbound::SettingsError::Client(_) => outbound,
    }
}
