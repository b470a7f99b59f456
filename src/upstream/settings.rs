//! What an operator writes about upstreams.

mod check;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::check::{SettingsError, mistakes};
use super::breaker::Breaker;
use super::credential::CredentialSettings;
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

    /// Where it may be reached without TLS.
    pub(super) fn plain_http(&self) -> PlainHttp {
        if self.allow_plain_http {
            PlainHttp::Anywhere
        } else {
            PlainHttp::OnLoopback
        }
    }

    /// How many calls one caller may have at once.
    pub(super) fn calls_of_one_caller(&self) -> usize {
        let all = self.max_concurrent_calls;
        let most = self.max_concurrent_calls_per_caller;
        most.unwrap_or(all - all / 4)
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

/// The text of a secret's file, without the line break at its end.
pub(super) fn secret_text(path: &Path) -> io::Result<String> {
    let mut text = std::fs::read_to_string(path)?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() {
        return Err(io::Error::other("the secret file is empty"));
    }
    Ok(text)
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
