//! What kept an answer from coming.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use super::AddressClass;
use super::tls;
use crate::outbound::error::innermost;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Not http or https, no host, or with a user's name.
    #[error("{0:?} is no address of a server: expected http or https, without user info")]
    NoAddress(String),
    /// The name does not lead to an address.
    #[error("the name {host:?} leads nowhere: {problem}")]
    NameNotFound {
        /// The name.
        host: String,
        /// What the resolver says.
        problem: String,
    },
    /// A link-local, metadata or multicast address.
    #[error("{host} is {address}, which is never contacted: a link-local or metadata address")]
    NeverContacted {
        /// The name.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// A document of a server leads into surroundings that the server is not in.
    #[error(
        "{host} is {address}, {}, but the address that was typed is {}: not followed without --allow-private",
        class.words(),
        typed.words()
    )]
    OtherClass {
        /// The name.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// Its class.
        class: AddressClass,
        /// The class of the address that was typed.
        typed: AddressClass,
    },
    /// Nothing listens there.
    #[error("the connection is refused: nothing listens there")]
    Refused,
    /// No way there.
    #[error("no way there: {0}")]
    Unreachable(String),
    /// No connection in time.
    #[error("no connection within {} s", .0.as_secs())]
    ConnectTimeout(Duration),
    /// The certificate, or the handshake.
    #[error(transparent)]
    Tls(#[from] TlsProblem),
    /// Connected, and no answer in time.
    #[error("no complete answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection broke.
    #[error("the connection broke off: {0}")]
    Broken(String),
    /// What came is no HTTP.
    #[error("what answers speaks no HTTP: another service's port?")]
    NoHttp,
    /// A token was to be sent to another origin than the typed one, or in clear.
    #[error("the token is not sent to {0}: only to the address that was typed, and only over TLS")]
    TokenElsewhere(String),
    /// A token with characters that no header takes.
    #[error("the token has characters that no header takes")]
    TokenNotSendable,
    /// The client could not be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

/// What is wrong with a certificate or a handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// Signed by itself.
    #[error("the certificate is signed by itself")]
    SelfSigned,
    /// Only the server's own certificate was sent, and its issuer is nobody that is known: usually the intermediate is missing.
    #[error(
        "the server sends its own certificate alone, and {issuer} who signed it is no authority known here"
    )]
    Incomplete {
        /// Who signed it.
        issuer: String,
    },
    /// A whole chain that ends at an authority nobody knows.
    #[error("the chain of {sent} certificates ends at {issuer}, which is no authority known here")]
    UnknownAuthority {
        /// How many certificates were sent.
        sent: usize,
        /// Who signed the last.
        issuer: String,
    },
    /// Its time is over.
    #[error("the certificate expired{}", when(" at ", *.not_after))]
    Expired {
        /// When, in seconds since the epoch.
        not_after: Option<u64>,
    },
    /// Its time has not come.
    #[error("the certificate is not valid yet{}", when(", but from ", *.not_before))]
    NotYetValid {
        /// From when, in seconds since the epoch.
        not_before: Option<u64>,
    },
    /// For other names.
    #[error("the certificate is for {}", listed(.presented))]
    WrongName {
        /// The names that it is for.
        presented: Vec<String>,
    },
    /// Revoked by who issued it.
    #[error("the certificate is revoked")]
    Revoked,
    /// Otherwise bad.
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
    /// What answers speaks no TLS.
    #[error("what answers speaks no TLS: plain http on this port?")]
    NoTls,
    /// The handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
}

fn listed(names: &[String]) -> String {
    const MOST: usize = 6;
    let shown: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    match (shown.is_empty(), names.len() > MOST) {
        (true, _) => "no name at all".to_owned(),
        (false, false) => shown.join(", "),
        (false, true) => format!("{} and {} more", shown.join(", "), names.len() - MOST),
    }
}

fn when(before: &str, seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| {
        // Past the year 9999 a date cannot be written; certificates without an end say that year.
        let at = UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799));
        format!("{before}{}", httpdate::fmt_http_date(at))
    })
}

/// What an error of the HTTP client means.
pub(super) fn of(error: &reqwest::Error, connect_timeout: Duration) -> ProbeError {
    if let Some(found) = dig(error) {
        return found;
    }
    match (error.is_timeout(), error.is_connect()) {
        (true, true) => ProbeError::ConnectTimeout(connect_timeout),
        (true, false) => ProbeError::Timeout(connect_timeout),
        (false, true) => ProbeError::Unreachable(innermost(error)),
        (false, false) => ProbeError::Broken(innermost(error)),
    }
}

/// Looks through the causes for one whose type says what it is.
fn dig(error: &(dyn Error + 'static)) -> Option<ProbeError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<ProbeError>() {
            return Some(found.clone());
        }
        if let Some(found) = error.downcast_ref::<hyper::Error>()
            && found.is_parse()
        {
            return Some(ProbeError::NoHttp);
        }
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(tls::problem_of(found).into());
        }
        if let Some(found) = error.downcast_ref::<io::Error>().and_then(of_io) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn of_io(error: &io::Error) -> Option<ProbeError> {
    // What an I/O error wraps is not its source.
    if let Some(inner) = error.get_ref() {
        return dig(inner);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(ProbeError::Refused),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(ProbeError::Unreachable(error.to_string()))
        }
        _ => None,
    }
}
