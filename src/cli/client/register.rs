//! `usher client register`.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ArgGroup;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use url::{Host, Url};

use super::values::Values;
use crate::auth::registration::{
    AuthorizationServer, ClientMetadata, InitialAccessToken, RegistrationError,
};
use crate::auth::{IssuerSettings, Scope, Scopes};
use crate::clients::KnownClient;
use crate::config::{self, Config};
use crate::outbound::Outbound;

/// As `sysexits.h` numbers it: a service is unavailable. Trying again may help.
const EXIT_UNAVAILABLE: u8 = 69;
/// Permission denied. Somebody has to change something at the issuer first.
const EXIT_REFUSED: u8 = 77;

/// The most that is read where one token is expected.
const MOST_BYTES: u64 = 64 * 1024;

const EXAMPLES: &str = "\
Examples:
  usher client register --for claude
  usher client register --for chatgpt --redirect https://chatgpt.com/connector/oauth/abc123
  usher client register --redirect http://localhost:8123/callback --name 'Orders robot' --confidential
  usher client register --for cursor --initial-access-token-file - < token

Exit codes:
  0   registered
  69  the issuer cannot be reached, or its answer cannot be used
  77  the issuer refuses; the message says what has to change there
  78  the configuration must not run; `usher config check` says why";

/// What `usher client register` takes.
#[derive(clap::Args, Debug)]
#[command(
    after_help = EXAMPLES,
    group(ArgGroup::new("which").args(["client", "redirect"]).required(true).multiple(true)),
)]
pub(super) struct Options {
    /// The client to register, with the redirect addresses that its vendor publishes
    #[arg(
        long = "for",
        value_name = "CLIENT",
        value_parser = PossibleValuesParser::new(with_redirect_addresses()).try_map(|name| known(&name)),
    )]
    client: Option<KnownClient>,
    /// A redirect address, in addition to those of --for; several are allowed
    #[arg(long, value_name = "URI", value_parser = redirect_uri)]
    redirect: Vec<String>,
    /// What people read on the consent page [default: the client's own name, else MCP client]
    #[arg(long)]
    name: Option<String>,
    /// The scopes that the client may ask for, parted by spaces [default: the configured two, and `offline_access` where
    /// the issuer has it, because most clients ask for it]
    #[arg(long, value_parser = scopes)]
    scope: Option<Scopes>,
    /// Ask for a client with a secret. Without it: a public client, which proves itself by PKCE
    #[arg(long)]
    confidential: bool,
    /// A file with the initial access token that the issuer demands, or - for standard input
    #[arg(long, value_name = "FILE")]
    initial_access_token_file: Option<PathBuf>,
    /// Which of the configured issuers, exactly as written there [default: the only one]
    #[arg(long)]
    issuer: Option<String>,
    /// Print one JSON object, which also holds what RFC 7592 needs to change or delete the client later
    #[arg(long)]
    json: bool,
}

/// The others have none that could be registered.
fn with_redirect_addresses() -> Vec<&'static str> {
    let all = KnownClient::ALL.into_iter();
    all.filter(|client| !client.redirect_uris().is_empty())
        .map(KnownClient::name)
        .collect()
}

fn known(name: &str) -> Result<KnownClient, String> {
    KnownClient::parse(name).ok_or_else(|| "no such client".to_owned())
}

fn scopes(text: &str) -> Result<Scopes, String> {
    let problem = "expected scopes parted by single spaces";
    Scopes::parse(text).ok_or_else(|| problem.to_owned())
}

/// RFC 6749 §3.1.2 and RFC 8252 §7: an absolute address without a fragment, in clear only to this machine.
fn redirect_uri(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|cause| format!("expected an address: {cause}"))?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let problem = if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        "expected visible ASCII characters"
    } else if url.fragment().is_some() {
        "expected an address without `#`"
    } else if !url.username().is_empty() || url.password().is_some() {
        "expected an address without user and password"
    } else if url.scheme() == "http" && !is_loopback {
        "expected https, or http on 127.0.0.1, [::1] or localhost"
    } else if ["javascript", "data", "file", "blob", "about"].contains(&url.scheme()) {
        "expected https, http on loopback, or a scheme of an application's own"
    } else {
        return Ok(text.to_owned());
    };
    Err(problem.to_owned())
}

impl Options {
    pub(super) fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let config = config::load(&crate::cli::sources(file)?)?;
        let issuer = self.issuer(&config)?;
        let token = self.initial_access_token()?;
        let outbound = Outbound::new(config.outbound.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(async {
            let server = AuthorizationServer::discover(issuer, &outbound).await?;
            let asked = self.metadata(&config, &server);
            let registered = server.register(&asked, token.as_ref(), &outbound).await?;
            Ok((server, asked, registered))
        });
        let (server, asked, registered) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Ok(self.failed(&error)),
        };
        let values = Values {
            client: self.client,
            public_url: &config.auth.public_url,
            server: &server,
            asked: &asked,
            registered: &registered,
        };
        for note in values.notes() {
            eprintln!("note: {note}");
        }
        crate::cli::say(&if self.json {
            values.json()
        } else {
            values.text()
        });
        Ok(ExitCode::SUCCESS)
    }

    /// Says why, and what to type at a provider where clients are registered by hand.
    fn failed(&self, error: &RegistrationError) -> ExitCode {
        eprintln!("usher: {error}");
        if let RegistrationError::IssuerRegistersNobody { .. } = error {
            for address in self.redirect_uris() {
                eprintln!("  redirect address  {address}");
            }
        }
        ExitCode::from(if error.is_refusal() {
            EXIT_REFUSED
        } else {
            EXIT_UNAVAILABLE
        })
    }

    /// The issuer meant: with several, one has to be named.
    fn issuer<'c>(&self, config: &'c Config) -> anyhow::Result<&'c IssuerSettings> {
        let issuers = &config.auth.issuer;
        let listed = || {
            let names: Vec<&str> = issuers
                .iter()
                .map(|issuer| issuer.issuer.as_str())
                .collect();
            names.join(", ")
        };
        match (&self.issuer, issuers.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => bail!(
                "there are several issuers: choose one of {} with --issuer",
                listed()
            ),
            (Some(name), _) => issuers
                .iter()
                .find(|issuer| issuer.issuer == *name)
                .with_context(|| {
                    format!("{name:?} is not configured: expected one of {}", listed())
                }),
        }
    }

    /// Never an argument or a variable: others see those.
    fn initial_access_token(&self) -> anyhow::Result<Option<InitialAccessToken>> {
        let Some(path) = &self.initial_access_token_file else {
            return Ok(None);
        };
        let mut text = String::new();
        let (name, read) = if path.as_os_str() == "-" {
            let read = std::io::stdin().take(MOST_BYTES).read_to_string(&mut text);
            ("standard input".to_owned(), read)
        } else {
            let file = std::fs::File::open(path);
            let read = file.and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
            (path.display().to_string(), read)
        };
        let what = || format!("no initial access token in {name}");
        read.with_context(what)?;
        let token = InitialAccessToken::parse(&text);
        token
            .map(Some)
            .map_err(anyhow::Error::msg)
            .with_context(what)
    }

    /// The client's own, and those given.
    fn redirect_uris(&self) -> Vec<String> {
        let known = self.client.map_or(&[][..], KnownClient::redirect_uris);
        let mut redirect_uris: Vec<String> = known.iter().map(|uri| (*uri).to_owned()).collect();
        for uri in &self.redirect {
            if !redirect_uris.contains(uri) {
                redirect_uris.push(uri.clone());
            }
        }
        redirect_uris
    }

    fn metadata(&self, config: &Config, server: &AuthorizationServer) -> ClientMetadata {
        let name = self.client.map_or("MCP client", KnownClient::title);
        let scopes = self.scope.clone();
        ClientMetadata {
            name: self.name.clone().unwrap_or_else(|| name.to_owned()),
            redirect_uris: self.redirect_uris(),
            scopes: scopes.unwrap_or_else(|| default_scopes(config, server)),
            is_confidential: self.confidential,
        }
    }
}

/// All that a client may ever want: some issuers fix a client's scopes when it registers, and answer `invalid_scope` to one
/// that asks for another later. The official SDKs ask for `offline_access` wherever the metadata has it.
fn default_scopes(config: &Config, server: &AuthorizationServer) -> Scopes {
    let prefix = config.auth.scope_prefix();
    let own = config.policy.scopes();
    let own = own.iter().map(|scope| prefix.to_ask_for(scope));
    let mut known = server.scopes.iter();
    let offline = known.find(|scope| *scope == "offline_access");
    let offline = offline.and_then(|scope| Scope::parse(scope));
    own.chain(offline).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_address_leads_to_the_client_and_nowhere_else() {
        for good in [
            "https://chatgpt.com/connector/oauth/abc",
            "http://127.0.0.1:33418/",
            "http://localhost/callback?x=1",
            "http://[::1]:8123/cb",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "com.example.app:/cb",
        ] {
            assert_eq!(redirect_uri(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "chatgpt.com/cb",
            "http://chatgpt.com/cb",
            "http://localhost.example/cb",
            "https://chatgpt.com/cb#top",
            "https://chatgpt.com/cb#",
            "https://user@chatgpt.com/cb",
            "https://chatgpt.com/c b",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
        ] {
            assert!(redirect_uri(bad).is_err(), "{bad}");
        }
    }
}
