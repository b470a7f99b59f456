//! What an operator writes about upstreams.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::breaker::Breaker;
use super::credential::{CredentialKind, CredentialMistake, CredentialSettings};
use crate::outbound::{PlainHttp, is_loopback_host};

/// One MCP server behind this one. Exactly one of `http`, `sse` and `stdio.command` says how to reach it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamSettings {
    /// Its name: lower case letters, digits and hyphens, at most 32. Its tools are listed as `name__tool`. Required.
    #[schemars(example = &"billing")]
    pub name: String,
    /// The address of its MCP endpoint (Streamable HTTP): `https`, or `http` on loopback; see `allow_plain_http`. Default: none.
    #[schemars(example = "https://billing.example.com/mcp")]
    pub http: Option<String>,
    /// The address of its stream, if it speaks HTTP+SSE, the old transport of 2024-11-05, and nothing newer. As `http` otherwise;
    /// the messages to it go to the same origin only. Default: none.
    #[schemars(example = "https://old.example.com/sse")]
    pub sse: Option<String>,
    /// Audiences that a token for its own endpoint, `/mcp/` and its name, may carry besides that address. They must be
    /// nobody else's. Default none; neither `audiences` nor an issuer's own count there.
    #[schemars(example = ["api://billing"])]
    pub audiences: Vec<String>,
    /// Allows `http` off loopback, private addresses included: whoever is on the way there reads and changes calls and
    /// results. Not together with a credential. Default: false.
    pub allow_plain_http: bool,
    /// What it is shown to let this server in.
    pub credential: CredentialSettings,
    /// The command that runs it here, if it speaks over standard input and output.
    pub stdio: StdioSettings,
    /// Which MCP it speaks. Default: `auto`.
    pub era: EraSetting,
    /// How its tools and prompts are called here. Default: `prefixed`.
    pub names: Names,
    /// Believes its tools that say `readOnlyHint: true`, and that its prompts and resources only read: these take
    /// `scopes.read` in place of `scopes.write`. Default: false.
    pub trust_annotations: bool,
    /// How long a call may take, in seconds, 1 to 3600. The caller is then told, and a process too. Default: 55,
    /// a little less than `http.request_timeout_seconds`, which ends a call with less to say.
    pub call_timeout_seconds: u64,
    /// How long a call may take that tells of its progress, in seconds, 1 to 86400: each word about it begins
    /// `call_timeout_seconds` anew, up to this in all. Default: 900.
    pub max_call_seconds: u64,
    /// How long starting, the handshake and each list may take, in seconds, 1 to 300. Default: 30.
    pub start_timeout_seconds: u64,
    /// How many calls may run at once, 1 to 10000. One more is answered at once with an error that says to try again.
    /// Default: 128.
    pub max_concurrent_calls: usize,
    /// How many of these one caller may have, 1 to 10000; more are answered in the same way. Default: three quarters of
    /// `max_concurrent_calls`, rounded up.
    pub max_concurrent_calls_per_caller: Option<usize>,
    /// How many callers may have a session there at once, if it speaks a revision with a handshake and gives out session
    /// ids, 1 to 1000000. One more ends the session that was idle for longest. Default: 10000.
    pub max_sessions: usize,
    /// Seconds after which a caller's session there that no call uses is ended, 1 to 86400. Default: 900.
    pub session_idle_seconds: u64,
    /// The most bytes of one message from it, 1024 to 1073741824. A longer one ends the connection. Default: 16777216.
    pub max_message_bytes: usize,
    /// Seconds between two looks at its list of tools, 1 to 86400. Default: 300.
    pub refresh_seconds: u64,
    /// How long its tools stay listed while it cannot be reached, in seconds; calls fail meanwhile and say that a later
    /// try may work. Default: 3600.
    pub keep_listed_seconds: u64,
    /// After how many calls in a row that found no connection, lost it, or had no answer in time, further calls fail at
    /// once with an error that says when to try again, 0 to 1000; 0: never. One call then finds out whether it is back. For
    /// upstreams over HTTP: a process is watched itself. Default: 5.
    pub breaker_failures: u32,
    /// For how long calls then fail at once, in seconds, 1 to 3600. Default: 15.
    pub breaker_seconds: u64,
    /// How long `era = "auto"` waits for the answer of a process to the newest revision's question, in seconds, 1 to 300,
    /// before it shakes hands the old way besides: some old servers never answer it. Default: 3.
    pub probe_timeout_seconds: u64,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            http: None,
            sse: None,
            audiences: Vec::new(),
            allow_plain_http: false,
            credential: CredentialSettings::default(),
            stdio: StdioSettings::default(),
            era: EraSetting::Auto,
            names: Names::Prefixed,
            trust_annotations: false,
            call_timeout_seconds: 55,
            max_call_seconds: 900,
            start_timeout_seconds: 30,
            max_concurrent_calls: 128,
            max_concurrent_calls_per_caller: None,
            max_sessions: 10_000,
            session_idle_seconds: 900,
            max_message_bytes: 16 * 1024 * 1024,
            refresh_seconds: 300,
            keep_listed_seconds: 3600,
            breaker_failures: 5,
            breaker_seconds: 15,
            probe_timeout_seconds: 3,
        }
    }
}

impl UpstreamSettings {
    /// The circuit breaker of its calls. A process needs none: when it fails, its connection is gone.
    pub(super) fn breaker(&self) -> Arc<Breaker> {
        let failures = match self.stdio.command {
            Some(_) => 0,
            None => self.breaker_failures,
        };
        Breaker::new(failures, Duration::from_secs(self.breaker_seconds))
    }
}

/// A process that speaks MCP over its standard input and output. It gets no environment but what is named here.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct StdioSettings {
    /// The program, as a path or as a name in `PATH`. Default: none.
    #[schemars(example = &"npx")]
    pub command: Option<String>,
    /// Its arguments, each as it is: no shell reads them. Default none.
    #[schemars(example = ["-y", "@modelcontextprotocol/server-filesystem", "/srv/files"])]
    pub arguments: Vec<String>,
    /// The names of the variables that it gets from the environment of this server, without values. Default: `HOME` and
    /// `PATH`.
    pub variables: Vec<String>,
    /// Further variables, as `NAME=file`: the text of the file without the line break at its end. Default none.
    #[schemars(example = ["GITHUB_TOKEN=/run/secrets/github"])]
    pub secret_files: Vec<String>,
    /// The folder it runs in. Default: that of this server.
    #[schemars(example = "/srv/files")]
    pub working_dir: Option<PathBuf>,
    /// When it runs: `always`, or `on_demand`: then it is started to be listed, ended when nobody has called it for
    /// `idle_seconds`, and started again by the next call. Default: `always`.
    pub start: StartSetting,
    /// For how long a process with `start = "on_demand"` goes on without a call, in seconds, 1 to 86400. Default: 300.
    pub idle_seconds: u64,
}

impl Default for StdioSettings {
    fn default() -> Self {
        Self {
            command: None,
            arguments: Vec::new(),
            variables: ["HOME", "PATH"].map(str::to_owned).to_vec(),
            secret_files: Vec::new(),
            working_dir: None,
            start: StartSetting::Always,
            idle_seconds: 300,
        }
    }
}

impl StdioSettings {
    /// For how long the process goes on without a call; nothing if that does not matter.
    pub(super) fn idle_time(&self) -> Option<Duration> {
        match (&self.command, self.start) {
            (Some(_), StartSetting::OnDemand) => Some(Duration::from_secs(self.idle_seconds)),
            (None, _) | (Some(_), StartSetting::Always) => None,
        }
    }

    /// The secret files, each with the variable that holds its text.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.secret_files.iter().filter_map(|entry| secret(entry))
    }
}

fn secret(entry: &str) -> Option<(&str, &Path)> {
    let (name, path) = entry.split_once('=')?;
    (!name.is_empty() && !path.is_empty()).then(|| (name, Path::new(path)))
}

/// How the tools and prompts of an upstream are called here.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// With the upstream's name and `mcp.name_separator` in front: `billing__pay`.
    #[default]
    Prefixed,
    /// As the upstream calls them. A name that is taken, by a built-in tool or by an upstream configured before, or that
    /// begins as those of another upstream do, is left out with a line in the log.
    Verbatim,
}

/// Which MCP an upstream speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EraSetting {
    /// Find out when connecting: the newest first.
    #[default]
    Auto,
    /// A revision with an `initialize` handshake: 2025-11-25 and before.
    Legacy,
    /// A revision with metadata in every request: 2026-07-28 and after.
    Modern,
}

/// When the process of an upstream runs.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StartSetting {
    /// For as long as the server does.
    #[default]
    Always,
    /// When it is listed and when it is called.
    OnDemand,
}

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
    #[error("{entry:?}: {problem}: expected NAME=file with a readable file")]
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
                Some((_, path)) => match std::fs::read_to_string(path) {
                    Ok(_readable) => continue,
                    Err(cause) => cause.to_string(),
                },
            };
            let entry = entry.clone();
            let error = SettingsError::SecretFile { entry, problem };
            mistakes.push(("stdio.secret_files", error));
        }
        for entry in &self.stdio.variables {
            let name = entry.split_once('=').map(|(name, _value)| name);
            if let Some(name) = name.or(Some("").filter(|_| entry.is_empty())) {
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

    /// Where it may be reached without TLS.
    pub(super) fn plain_http(&self) -> PlainHttp {
        if self.allow_plain_http {
            PlainHttp::Anywhere
        } else {
            PlainHttp::OnLoopback
        }
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

    /// How many calls one caller may have at once.
    pub(super) fn calls_of_one_caller(&self) -> usize {
        let all = self.max_concurrent_calls;
        let most = self.max_concurrent_calls_per_caller;
        most.unwrap_or(all - all / 4)
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

/// The address, if requests may be sent there at all.
pub(super) fn endpoint(address: &str, plain_http: PlainHttp) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => plain_http == PlainHttp::Anywhere || is_loopback_host(host),
        _ => false,
    };
    (is_safe && url.username().is_empty() && url.password().is_none()).then_some(url)
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
