//! `usher doctor URL --login`, and what is done with a token: its options, and the way from one step to the next.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::given;
use super::interrupt::Interrupt;
use crate::doctor::Finding;
use crate::doctor::checks::session::LOGIN_COMPLETES;
use crate::doctor::login::{self, Tokens, Wanted};
use crate::doctor::session::{self, Needed};
use crate::doctor::show::harmless;
use crate::doctor::walk::{Provider, Walk, Walked, stream};
use crate::secret_file::SecretText;

/// How long a person may take to log in.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a login and a session take.
#[derive(clap::Args, Debug)]
pub(super) struct SessionOptions {
    /// Log in with the browser, and do with the token what a client does; takes --client-id or --register
    #[arg(long, requires = "url", conflicts_with = "token_file")]
    login: bool,
    /// A client id that is registered at the authorization server; for --login with a redirect address on loopback
    #[arg(long, value_name = "ID", requires = "url", conflicts_with = "register")]
    client_id: Option<String>,
    /// A file with the secret of that client, or - for standard input
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,
    /// The port on 127.0.0.1 to which the browser comes back, at /callback [default: any free one]
    #[arg(long, value_name = "PORT", requires = "login")]
    callback_port: Option<u16>,
    /// Print the address to log in at, and open no browser
    #[arg(long, requires = "login")]
    no_browser: bool,
    /// What to search for with the token [default: words that nearly every document has]
    #[arg(long, value_name = "WORDS", requires = "url")]
    query: Option<String>,
}

impl SessionOptions {
    pub(super) fn client_id(&self) -> Option<String> {
        self.client_id.clone()
    }

    /// Goes on where the walk has ended: with a token that was handed over, or with a login.
    pub(super) async fn go_on(
        &self,
        walk: &Walk,
        walked: &mut Walked,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        if let Some(token) = &walk.token {
            let needed = self.needed(walk, walked);
            let findings = tokio::select! {
                found = session::check(&walk.probe, token, &needed) => found,
                () = interrupt.pressed() => Vec::new(),
            };
            walked.diagnosis.findings.extend(findings);
        } else if self.login {
            let findings = self.log_in(walk, walked, interrupt).await?;
            walked.diagnosis.add_later(findings);
        }
        walked.diagnosis.put_in_order();
        Ok(())
    }

    fn needed<'n>(&'n self, walk: &'n Walk, walked: &'n Walked) -> Needed<'n> {
        let mut issuers = walked.issuers.iter();
        Needed {
            clients: &walk.clients,
            issuer: issuers.find_map(|(asked, provider)| Some((asked, provider.as_ref()?))),
            query: self.query.as_deref(),
            now: walk.clock.unix_seconds(),
        }
    }

    async fn log_in(
        &self,
        walk: &Walk,
        walked: &Walked,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<Finding>> {
        let wanted = Wanted {
            client_id: self.client_id(),
            client_secret: self.secret()?,
            port: self.callback_port,
            patience: PATIENCE,
        };
        let needed = self.needed(walk, walked);
        let Some((asked, provider)) = needed.issuer else {
            let why = "no authorization server was found to log in at";
            return Ok(vec![Finding::skipped(&LOGIN_COMPLETES, why)]);
        };
        walk.progress.says("waiting for the login in the browser");
        let show = |url: &Url, back: &str| self.show(url, back);
        let given_up = interrupt.pressed();
        let ended = login::log_in(&walk.probe, (provider, asked), wanted, show, given_up);
        let mut ended = ended.await;
        let mut findings = std::mem::take(&mut ended.findings);
        if let Some(tokens) = &mut ended.tokens {
            tokio::select! {
                found = used(walk, &needed, (tokens, provider)) => findings.extend(found),
                () = interrupt.pressed() => eprintln!("what comes after the login was not looked at"),
            }
            if let Err(problem) = tokens.revoke(&walk.probe, provider).await {
                eprintln!("the token counts until it ends: {}", harmless(&problem));
            }
        }
        findings.extend(ended.clean_up(&walk.probe).await);
        Ok(findings)
    }

    /// The address is printed as well: the browser may be on another machine, with a tunnel to this one.
    fn show(&self, url: &Url, back: &str) {
        eprintln!("Log in with your browser; the doctor goes on by itself:\n\n  {url}\n");
        eprintln!(
            "If the page shows an error instead of a login, the browser never comes back: look for what it says of the\n\
             client or of its redirect address, which has to be {back}. Ctrl-C ends the wait.\n"
        );
        if !self.no_browser
            && let Err(error) = login::open(url)
        {
            eprintln!("{error}: open the address above yourself.\n");
        }
    }

    fn secret(&self) -> anyhow::Result<Option<SecretText>> {
        let path = self.client_secret_file.as_deref();
        path.map(|path| given::read(path, "a client secret"))
            .transpose()
    }
}

/// Everything that is done with the tokens of a login.
async fn used(
    walk: &Walk,
    needed: &Needed<'_>,
    (tokens, provider): (&mut Tokens, &Provider),
) -> Vec<Finding> {
    walk.progress.says("the token, the tools, a search");
    let mut findings = session::check(&walk.probe, tokens.access_token(), needed).await;
    findings.push(session::refresh(&walk.probe, tokens, provider).await);
    findings.extend(stream::check(walk, tokens.access_token()).await);
    findings
}
