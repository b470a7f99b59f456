//! What an operator writes about the protocol layer.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sealing::SealingKey;

/// The settings of the protocol layer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What a `tools/call` without the needed scope is answered with. Default: `http`.
    pub denied_call: DeniedCall,
    /// What clients may tell their model about this server. Empty: nothing. Default: how `search` and `fetch` go together.
    pub instructions: String,
    /// How many response streams may be open at once; one more is answered with 503. Unit: streams. Default: 10000.
    pub max_open_streams: usize,
    /// How many of them one subject of one issuer may have open, over all its clients; one more is answered with 429, so
    /// that nobody takes all of them. Unit: streams. Default: 2000.
    pub max_open_streams_per_subject: usize,
    /// What stands between the name of an upstream and the name of its tool or prompt: 1 to 8 letters, digits, `_` and
    /// `-`, which all clients and model providers allow in names. Default: `__`.
    pub name_separator: String,
    /// A file with the key that sealed session ids before `session_key_file` changed; ids under it stay valid.
    /// Default: none.
    pub previous_session_key_file: Option<PathBuf>,
    /// How long a person has for each question of an upstream's that is put to a legacy client (elicitation); then the call
    /// ends with an error. Unit: seconds. Default: 300 (five minutes).
    pub question_timeout_seconds: u64,
    /// How long a call may be continued with the answers to what its upstream asked (`requestState`). Unit: seconds.
    /// Default: 900 (a quarter of an hour).
    pub request_state_ttl_seconds: u32,
    /// A file with the key that seals session ids of legacy clients: 32 bytes in base64, the same on every replica.
    /// Default: none; then each start makes a key of its own, and clients initialize again after a restart or on another
    /// replica.
    pub session_key_file: Option<PathBuf>,
    /// How long a legacy session lasts before the client has to initialize again. Unit: seconds. Default: 86400 (a day).
    pub session_ttl_seconds: u32,
    /// After how long without a word from its upstream the answer to a call begins as a stream, so that its client and the
    /// proxies on the way see that it is alive; clients that take JSON alone wait on. Unit: seconds. Default: 10.
    pub stream_after_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            denied_call: DeniedCall::Http,
            instructions: "Use search to find documents and fetch to read one of them by its id."
                .to_owned(),
            max_open_streams: 10_000,
            max_open_streams_per_subject: 2_000,
            name_separator: "__".to_owned(),
            previous_session_key_file: None,
            question_timeout_seconds: 300,
            request_state_ttl_seconds: 900,
            session_key_file: None,
            session_ttl_seconds: 86_400,
            stream_after_seconds: 10,
        }
    }
}

/// How a call without the needed scope is answered. The body is the same in both: a tool error that carries the
/// challenge in `_meta["mcp/www_authenticate"]`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeniedCall {
    /// With 403 and a `WWW-Authenticate` challenge, as the authorization specification says.
    #[default]
    Http,
    /// With 200, for clients that read challenges from tool results only.
    ToolError,
}

/// A mistake in these settings: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Names of upstreams could be mistaken for one another.
    #[error(
        "with the separator {separator:?} the names of the upstreams {first:?} and {second:?} cannot be told apart; call \
         one of them otherwise, or choose a separator that is in no name, as `__`"
    )]
    AmbiguousNames {
        /// The separator.
        separator: String,
        /// The one whose prefix begins the other's.
        first: String,
        /// The other one.
        second: String,
    },
    /// The separator cannot be part of names.
    #[error("{found:?} is no separator: expected 1 to 8 letters, digits, `_` and `-`")]
    NameSeparator {
        /// What was written.
        found: String,
    },
    /// There is a previous key, but no current one.
    #[error(
        "previous_session_key_file is set without session_key_file; name the current key's file too"
    )]
    PreviousKeyAlone,
    /// The session key's file holds something else.
    #[error("{} must hold 32 bytes in base64 and nothing else; write one with: openssl rand -base64 32", path.display())]
    SessionKey {
        /// The file.
        path: PathBuf,
    },
    /// The session key's file cannot be read.
    #[error("cannot read the session key in {}: {cause}", path.display())]
    SessionKeyFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// A session that lasts no time is none.
    #[error("session_ttl_seconds must be at least 60, found {found}")]
    SessionTtl {
        /// What was written.
        found: u32,
    },
}

/// The keys that seal session ids.
#[derive(Debug)]
pub(crate) struct SessionKeys {
    pub(crate) current: SealingKey,
    pub(crate) previous: Option<SealingKey>,
}

impl Settings {
    /// Whether the names of these upstreams, with the separator between them and those of tools, are told apart.
    pub fn check_names(&self, upstreams: &[&str]) -> Result<(), SettingsError> {
        let separator = self.name_separator.clone();
        let is_good = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if !(1..=8).contains(&separator.len()) || !separator.bytes().all(is_good) {
            return Err(SettingsError::NameSeparator { found: separator });
        }
        for first in upstreams {
            let prefix = format!("{first}{separator}");
            let others = upstreams.iter().filter(|other| *other != first);
            let mut others = others.map(|other| (other, format!("{other}{separator}")));
            if let Some((second, _)) = others.find(|(_, other)| other.starts_with(&prefix)) {
                return Err(SettingsError::AmbiguousNames {
                    separator,
                    first: (*first).to_owned(),
                    second: (*second).to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Reads the session keys, or makes one.
    pub(crate) fn session_keys(&self) -> Result<SessionKeys, SettingsError> {
        if self.session_ttl_seconds < 60 {
            return Err(SettingsError::SessionTtl {
                found: self.session_ttl_seconds,
            });
        }
        let previous = self.previous_session_key_file.as_deref();
        let Some(current) = self.session_key_file.as_deref() else {
            if previous.is_some() {
                return Err(SettingsError::PreviousKeyAlone);
            }
            tracing::warn!(
                "no session_key_file is set: session ids hold until this process ends, and on this replica only; \
                 replicas need a shared key"
            );
            return Ok(SessionKeys {
                current: SealingKey::random(),
                previous: None,
            });
        };
        Ok(SessionKeys {
            current: read_key(current)?,
            previous: previous.map(read_key).transpose()?,
        })
    }
}

fn read_key(path: &Path) -> Result<SealingKey, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|cause| SettingsError::SessionKeyFile {
        path: path.to_owned(),
        cause: cause.to_string(),
    })?;
    let text = text.trim();
    let bytes = STANDARD
        .decode(text)
        .or_else(|_not_standard| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .ok_or_else(|| SettingsError::SessionKey {
            path: path.to_owned(),
        })?;
    Ok(SealingKey::new(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-_ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn check(settings: Settings) -> Result<(), SettingsError> {
        settings.session_keys().map(|_keys| ())
    }

    fn with_key(text: &str) -> Result<(), SettingsError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("session.key");
        std::fs::write(&path, text).expect("a file");
        let checked = check(Settings {
            session_key_file: Some(path.clone()),
            previous_session_key_file: Some(path.clone()),
            ..Settings::default()
        });
        if let Err(error) = &checked {
            assert_eq!(error, &SettingsError::SessionKey { path });
        }
        checked
    }

    #[test]
    fn a_key_is_32_bytes_in_either_base64() {
        let standard = KEY.replace('-', "+").replace('_', "/");
        for good in [
            KEY.to_owned(),
            format!("{KEY}="),
            format!("{standard}="),
            format!("  {standard}=\n"),
        ] {
            assert_eq!(with_key(&good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "secret",
            "AAEC",
            &format!("{KEY}{KEY}"),
            &format!("{KEY} {KEY}"),
        ] {
            assert!(with_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_separator_tells_names_of_upstreams_apart() {
        let check = |separator: &str, upstreams: &[&str]| {
            let settings = Settings {
                name_separator: separator.to_owned(),
                ..Settings::default()
            };
            settings.check_names(upstreams)
        };
        assert_eq!(check("__", &["a", "a-b", "ab"]), Ok(()));
        assert_eq!(check("-", &["a", "ab"]), Ok(()));
        let ambiguous = check("-", &["a-b", "a"])
            .expect_err("the same prefix")
            .to_string();
        assert!(ambiguous.contains("\"a\" and \"a-b\""), "{ambiguous}");
        for bad in ["", ".", "/", " ", "é", "123456789"] {
            let found = bad.to_owned();
            assert_eq!(check(bad, &[]), Err(SettingsError::NameSeparator { found }));
        }
    }

    #[test]
    fn mistakes_stop_the_start_and_name_the_file() {
        let missing = PathBuf::from("/nowhere/session.key");
        let refused = check(Settings {
            session_key_file: Some(missing.clone()),
            ..Settings::default()
        });
        let refused = refused.expect_err("no file").to_string();
        assert!(refused.contains("/nowhere/session.key"), "{refused}");
        let alone = check(Settings {
            previous_session_key_file: Some(missing),
            ..Settings::default()
        });
        assert_eq!(alone, Err(SettingsError::PreviousKeyAlone));
        let short = check(Settings {
            session_ttl_seconds: 59,
            ..Settings::default()
        });
        assert_eq!(short, Err(SettingsError::SessionTtl { found: 59 }));
        assert_eq!(check(Settings::default()), Ok(()));
    }
}
