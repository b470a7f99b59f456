//! What is wrong with what an operator wrote about upstreams.

use std::path::PathBuf;

use super::super::credential::{CredentialKind, CredentialMistake};
use super::{EraSetting, UpstreamSettings, endpoint, secret, secret_text};
use crate::outbound::PlainHttp;

/// A mistake in the settings of an upstream: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The address cannot be one.
    #[error(
        "{found:?} is no address of an upstream: expected https, or http on loopback (elsewhere only with `allow_plain_http = true`), without user info"
    )]
    Address {
        /// What was written.
        found: String,
    },
    /// Something is wrong with what it is shown.
    #[error(transparent)]
    Credential(#[from] CredentialMistake),
    /// A credential for something that takes none.
    #[error(
        "a process is shown no credential: name its secrets in `stdio.secret_files`, or reach it over `http`"
    )]
    CredentialWithoutHttp,
    /// Two upstreams of one name.
    #[error(
        "upstream[{first}] is called {name:?} as well; their tools could not be told apart, so give one another name"
    )]
    DuplicateName {
        /// The name.
        name: String,
        /// The place of the one that has the name as well.
        first: usize,
    },
    /// Not a name.
    #[error(
        "{found:?} is no name of an upstream: expected 1 to 32 lower case letters, digits and hyphens"
    )]
    Name {
        /// What was written.
        found: String,
    },
    /// A number outside of its range.
    #[error("expected {least} to {most}, found {found}")]
    OutOfRange {
        /// What was written.
        found: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A secret's file cannot be read, or the entry is none.
    #[error("{entry:?}: {problem}: expected NAME=file with a readable file that has text")]
    SecretFile {
        /// What was written.
        entry: String,
        /// What is wrong.
        problem: String,
    },
    /// A credential that anybody on the way could take.
    #[error(
        "a credential would travel in the clear: expected an `https` address, or one on loopback, as a proxy beside this \
         server has"
    )]
    PlainCredential,
    /// The old transport with a revision that it does not know.
    #[error(
        "no modern revision goes over `sse`: expected `auto` or `legacy`, or the address of a newer endpoint in `http`"
    )]
    OldTransport,
    /// A credential per caller on a stream that all callers share.
    #[error(
        "all callers share the one stream of `sse`: expected `header` or `client_credentials`, or a newer endpoint in `http`"
    )]
    SharedStream,
    /// Neither an address nor a command, or more than one of them.
    #[error("an upstream is reached in one way: set one of `http`, `sse` and `stdio.command`")]
    Transport,
    /// A variable with its value, or without a name. The value may be a secret.
    #[error(
        "{name:?} stands there with a value or is no name: expected the name alone, of a variable in the environment of this server; \
         a value of its own goes into a file that `stdio.secret_files` names"
    )]
    Variable {
        /// What was written for a name.
        name: String,
    },
    /// The folder it should run in is none.
    #[error("{} is no folder", path.display())]
    WorkingDir {
        /// What was written.
        path: PathBuf,
    },
}

/// Everything that is wrong with these upstreams, each with its key.
#[must_use]
pub fn mistakes(upstreams: &[UpstreamSettings]) -> Vec<(String, SettingsError)> {
    let mut mistakes = Vec::new();
    for (at, upstream) in upstreams.iter().enumerate() {
        let mut found = upstream.mistakes();
        let mut before = upstreams.iter().take(at);
        if let Some(first) = before.position(|known| known.name == upstream.name) {
            let name = upstream.name.clone();
            found.push(("name", SettingsError::DuplicateName { name, first }));
        }
        let keyed = |(key, error)| match key {
            "" => (format!("upstream[{at}]"), error),
            key => (format!("upstream[{at}].{key}"), error),
        };
        mistakes.extend(found.into_iter().map(keyed));
    }
    mistakes
}

impl UpstreamSettings {
    fn mistakes(&self) -> Vec<(&'static str, SettingsError)> {
        let mut mistakes = Vec::new();
        let found = || self.name.clone();
        if !is_name(&self.name) {
            mistakes.push(("name", SettingsError::Name { found: found() }));
        }
        let ways = [&self.http, &self.sse, &self.stdio.command];
        if ways.into_iter().flatten().count() != 1 {
            mistakes.push(("", SettingsError::Transport));
        }
        for (key, address) in [("http", &self.http), ("sse", &self.sse)] {
            if let Some(address) = address
                && endpoint(address, self.plain_http()).is_none()
            {
                let found = without_user_info(address);
                mistakes.push((key, SettingsError::Address { found }));
            }
        }
        if self.sse.is_some() && self.era == EraSetting::Modern {
            mistakes.push(("era", SettingsError::OldTransport));
        }
        mistakes.extend(self.credential_mistakes());
        for entry in &self.stdio.secret_files {
            let problem = match secret(entry) {
                None => "no NAME=file".to_owned(),
                Some((_, path)) => match secret_text(path) {
                    Ok(_text) => continue,
                    Err(cause) => cause.to_string(),
                },
            };
            let entry = entry.clone();
            let error = SettingsError::SecretFile { entry, problem };
            mistakes.push(("stdio.secret_files", error));
        }
        for entry in &self.stdio.variables {
            let name = entry.split_once('=').map(|(name, _value)| name);
            if let Some(name) = name.or_else(|| entry.is_empty().then_some("")) {
                let name = name.to_owned();
                mistakes.push(("stdio.variables", SettingsError::Variable { name }));
            }
        }
        if let Some(path) = self.stdio.working_dir.clone().filter(|path| !path.is_dir()) {
            mistakes.push(("stdio.working_dir", SettingsError::WorkingDir { path }));
        }
        mistakes.extend(self.out_of_range());
        mistakes
    }

    fn credential_mistakes(&self) -> Vec<(&'static str, SettingsError)> {
        let mut mistakes: Vec<_> = self
            .credential
            .mistakes()
            .into_iter()
            .map(|mistake| (mistake.key, SettingsError::Credential(mistake)))
            .collect();
        if self.credential.kind == CredentialKind::None {
            return mistakes;
        }
        // RFC 6750 §5.3: never without TLS. Whoever is on the way would be let in by it as this server is.
        let is_safe = |address: &String| endpoint(address, PlainHttp::OnLoopback).is_some();
        if self.sse.is_some() && self.credential.kind == CredentialKind::TokenExchange {
            mistakes.push(("credential.kind", SettingsError::SharedStream));
        }
        match self.http.as_ref().or(self.sse.as_ref()) {
            None => mistakes.push(("credential.kind", SettingsError::CredentialWithoutHttp)),
            Some(address) if self.allow_plain_http && !is_safe(address) => {
                mistakes.push(("credential.kind", SettingsError::PlainCredential));
            }
            Some(_) => {}
        }
        mistakes
    }

    fn out_of_range(&self) -> impl Iterator<Item = (&'static str, SettingsError)> {
        let ranges = [
            ("call_timeout_seconds", self.call_timeout_seconds, 1, 3600),
            ("max_call_seconds", self.max_call_seconds, 1, 86_400),
            ("start_timeout_seconds", self.start_timeout_seconds, 1, 300),
            (
                "max_concurrent_calls",
                self.max_concurrent_calls as u64,
                1,
                10_000,
            ),
            (
                "max_concurrent_calls_per_caller",
                self.calls_of_one_caller() as u64,
                1,
                10_000,
            ),
            ("max_sessions", self.max_sessions as u64, 1, 1_000_000),
            ("session_idle_seconds", self.session_idle_seconds, 1, 86_400),
            (
                "max_message_bytes",
                self.max_message_bytes as u64,
                1024,
                1 << 30,
            ),
            ("refresh_seconds", self.refresh_seconds, 1, 86_400),
            (
                "breaker_failures",
                u64::from(self.breaker_failures),
                0,
                1000,
            ),
            ("breaker_seconds", self.breaker_seconds, 1, 3600),
            ("probe_timeout_seconds", self.probe_timeout_seconds, 1, 300),
            ("stdio.idle_seconds", self.stdio.idle_seconds, 1, 86_400),
        ];
        ranges
            .into_iter()
            .filter(|(_, found, least, most)| !(least..=most).contains(&found))
            .map(|(key, found, least, most)| {
                (key, SettingsError::OutOfRange { found, least, most })
            })
    }
}

/// No underscore, so that the name ends at the first one of `name__tool`.
fn is_name(name: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_good)
}

/// An address as it is told to people: what stands before the host may be a password.
fn without_user_info(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_user_info, rest)) => format!("…@{rest}"),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(upstreams: &[UpstreamSettings]) -> Vec<String> {
        mistakes(upstreams)
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    }

    fn over_http(name: &str) -> UpstreamSettings {
        UpstreamSettings {
            name: name.into(),
            http: Some("http://127.0.0.1:1/mcp".into()),
            ..UpstreamSettings::default()
        }
    }

    #[test]
    fn an_upstream_has_a_name_of_its_own_and_one_way_to_it() {
        assert_eq!(keys(&[over_http("a"), over_http("b-2")]), [""; 0]);
        assert_eq!(
            keys(&[over_http("a"), over_http("a")]),
            ["upstream[1].name"]
        );
        for name in ["", "A", "a_b", "a b", &"a".repeat(33)] {
            assert_eq!(keys(&[over_http(name)]), ["upstream[0].name"], "{name}");
        }
        let mut both = over_http("a");
        both.stdio.command = Some("true".into());
        assert_eq!(keys(&[both.clone()]), ["upstream[0]"]);
        both.stdio.command = None;
        both.sse = Some("http://127.0.0.1:1/sse".into());
        assert_eq!(keys(&[both.clone()]), ["upstream[0]"]);
        both.http = None;
        assert_eq!(keys(&[both.clone()]), [""; 0]);
        both.era = EraSetting::Modern;
        assert_eq!(keys(&[both.clone()]), ["upstream[0].era"]);
        both.era = EraSetting::Legacy;
        both.sse = Some("http://old.test/sse".into());
        assert_eq!(keys(&[both.clone()]), ["upstream[0].sse"]);
        both.sse = None;
        both.stdio.command = Some("true".into());
        assert_eq!(keys(&[both.clone()]), [""; 0]);
        both.stdio.command = None;
        assert_eq!(keys(&[both]), ["upstream[0]"]);
    }

    #[test]
    fn addresses_are_https_or_on_loopback() {
        let check = |address: &str, good: bool| {
            let upstream = UpstreamSettings {
                http: Some(address.into()),
                ..over_http("a")
            };
            assert_eq!(keys(&[upstream]).is_empty(), good, "{address}");
        };
        check("https://billing.test/mcp", true);
        check("http://localhost:9000/mcp", true);
        check("http://billing.test/mcp", false);
        check("https://user:secret@billing.test/", false);
        let told = mistakes(&[UpstreamSettings {
            http: Some("https://user:secret@billing.test/".into()),
            ..over_http("a")
        }]);
        assert!(format!("{told:?}").contains("…@billing.test/"), "{told:?}");
        assert!(!format!("{told:?}").contains("secret"), "{told:?}");
        check("file:///etc/passwd", false);
        check("billing.test", false);
    }

    #[test]
    fn a_secret_file_has_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        for (text, is_good) in [("", false), ("\r\n", false), ("a\nb\n", true), (" ", true)] {
            std::fs::write(&path, text).expect("a file");
            let mut upstream = over_http("a");
            upstream.stdio.secret_files = vec![format!("TOKEN={}", path.display())];
            let told = mistakes(&[upstream]);
            assert_eq!(told.is_empty(), is_good, "{text:?}");
            let is_clear = |(_, error): &(_, SettingsError)| error.to_string().contains("is empty");
            assert!(told.iter().all(is_clear), "{told:?}");
        }
    }

    #[test]
    fn files_folders_and_numbers_are_checked_before_the_start() {
        let mut upstream = over_http("a");
        upstream.stdio.secret_files = vec!["TOKEN".into(), "TOKEN=/nowhere/token".into()];
        upstream.stdio.variables = vec!["HOME".into(), "TOKEN=secret".into(), String::new()];
        upstream.stdio.working_dir = Some("/nowhere".into());
        upstream.call_timeout_seconds = 0;
        upstream.max_message_bytes = 1023;
        let told = mistakes(std::slice::from_ref(&upstream));
        assert!(!format!("{told:?}").contains("=secret"), "{told:?}");
        let secret = "upstream[0].stdio.secret_files";
        assert_eq!(
            keys(&[upstream]),
            [
                secret,
                secret,
                "upstream[0].stdio.variables",
                "upstream[0].stdio.variables",
                "upstream[0].stdio.working_dir",
                "upstream[0].call_timeout_seconds",
                "upstream[0].max_message_bytes"
            ]
        );
    }
}
