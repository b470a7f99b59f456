//! The login, as a client does it: authorization code grant with PKCE in the browser of whoever asked, and the token that
//! comes of it, which stays in memory.

mod browser;
mod callback;
pub(in crate::doctor) mod request;
mod token;

use std::time::Duration;

use url::Url;

pub use browser::{BrowserError, may_open, open};
pub use token::Tokens;

use super::Finding;
use super::checks::issuer::{REGISTRATION_WORKS, RESPONSE_ISSUER};
use super::checks::session::{CONSENT_GRANTED, LOGIN_COMPLETES, TOKEN_ISSUED};
use super::walk::issuer::{Asked, Provider};
use super::walk::redirect;
use super::walk::registration::{self, Registered};
use crate::auth::Scopes;
use crate::outbound::{Probe, without_secrets};
use crate::secret_file::SecretText;
use callback::{Listener, Returned};
use request::{Request, Secrets, scopes_of_clients};

/// How somebody wants to log in.
pub struct Wanted {
    /// The client to log in as. Without it one is registered, if that is allowed.
    pub client_id: Option<String>,
    /// Its secret, if it has one.
    pub client_secret: Option<SecretText>,
    /// The port on loopback to which the browser comes back; any free one, if nothing is said.
    pub port: Option<u16>,
    /// How long a person may take.
    pub patience: Duration,
}

/// How a login ended: what was found, and the tokens, if there are any.
pub struct Ended {
    /// In the order in which it was found.
    pub findings: Vec<Finding>,
    /// What was bought with the code.
    pub tokens: Option<Tokens>,
    /// Where the client is noted that was registered for it.
    registered: Option<Registered>,
}

impl Ended {
    fn with(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            tokens: None,
            registered: None,
        }
    }

    /// Deletes the client that was registered for this login. To be called when the tokens are of no more use.
    pub async fn clean_up(&self, probe: &Probe) -> Option<Finding> {
        self.registered.as_ref()?.take_back(probe).await
    }
}

/// Logs in. `show` is given the address for the browser, and the one that it is to come back to. Whoever waits may give up.
pub async fn log_in(
    probe: &Probe,
    (provider, asked): (&Provider, &Asked),
    wanted: Wanted,
    show: impl Fn(&Url, &str),
    given_up: impl Future<Output = ()>,
) -> Ended {
    let skipped = |why: String| Ended::with(vec![Finding::skipped(&LOGIN_COMPLETES, why)]);
    let Some(endpoint) = provider.document.address("authorization_endpoint") else {
        return skipped("the metadata names no authorization_endpoint".to_owned());
    };
    let listener = match Listener::bind(wanted.port).await {
        Ok(listener) => listener,
        Err(error) => return skipped(format!("no port on loopback to come back to: {error}")),
    };
    let client_id = match client(probe, (provider, asked), &wanted, &listener.redirect_uri()).await
    {
        Ok(client) => client,
        Err(finding) => return Ended::with(vec![finding]),
    };
    let login = Login {
        probe,
        provider,
        asked,
        endpoint,
        client_id,
    };
    let mut findings = Vec::new();
    let tokens = match login.through((&listener, &wanted), show, given_up).await {
        Ok((returned, verifier)) => match code(returned, provider, &mut findings) {
            Some(code) => {
                let redirect_uri = listener.redirect_uri();
                let bought = login.buy(wanted.client_secret, redirect_uri, (&code, &verifier));
                let (finding, tokens) = bought.await;
                findings.push(finding);
                tokens
            }
            None => None,
        },
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    Ended {
        findings,
        tokens,
        registered: asked.registers.clone(),
    }
}

/// A login that can begin.
struct Login<'l> {
    probe: &'l Probe,
    provider: &'l Provider,
    asked: &'l Asked,
    endpoint: Url,
    client_id: String,
}

impl Login<'_> {
    /// Through the browser and back: what it brings, and the verifier that belongs to it.
    async fn through(
        &self,
        (listener, wanted): (&Listener, &Wanted),
        show: impl Fn(&Url, &str),
        given_up: impl Future<Output = ()>,
    ) -> Result<(Returned, String), Finding> {
        let secrets = Secrets::new();
        let redirect_uri = listener.redirect_uri();
        let request = Request {
            endpoint: &self.endpoint,
            client_id: &self.client_id,
            redirect_uri: &redirect_uri,
            scopes: &scopes_of_clients(&self.asked.scopes, &self.provider.document),
            resource: Some(&self.asked.resource),
        };
        let url = request.url(&secrets);
        if !may_open(&url) {
            let endpoint = without_secrets(&self.endpoint);
            let why = format!(
                "{endpoint} is neither https nor on this machine: no browser is sent there"
            );
            return Err(Finding::skipped(&LOGIN_COMPLETES, why));
        }
        // Its page would never send the browser back.
        if let Some(refused) = redirect::refused_at_once(self.probe, request, self.provider).await {
            return Err(refused.of(self.provider.issuer.as_str()));
        }
        show(&url, &redirect_uri);
        let patience = wanted.patience;
        let found = tokio::select! {
            returned = tokio::time::timeout(patience, listener.returned(&secrets.state)) => match returned {
                Ok(returned) => return Ok((returned, secrets.verifier)),
                Err(_elapsed) => format!("nobody came back within {} s", patience.as_secs()),
            },
            () = given_up => "nobody had come back when you gave up".to_owned(),
        };
        Err(Finding::failure(&LOGIN_COMPLETES, found)
            .expected(format!("the browser back at {redirect_uri}, with a code"))
            .fix(LOGIN_COMPLETES.fix_at(self.provider.profile)))
    }

    /// What the code buys.
    async fn buy(
        self,
        client_secret: Option<SecretText>,
        redirect_uri: String,
        (code, verifier): (&str, &str),
    ) -> (Finding, Option<Tokens>) {
        let purchase = token::Purchase {
            client_id: self.client_id,
            client_secret,
            redirect_uri,
            resource: self.asked.resource.clone(),
        };
        match token::buy(self.probe, self.provider, purchase, (code, verifier)).await {
            Ok(tokens) => {
                let finding = Finding::ok(&TOKEN_ISSUED, tokens.in_words());
                (finding, Some(tokens))
            }
            Err(problem) => {
                let finding =
                    Finding::failure(&TOKEN_ISSUED, problem).expected("200 and an access token");
                let fix = TOKEN_ISSUED.fix_at(self.provider.profile);
                (finding.fix(fix), None)
            }
        }
    }
}

/// The client to log in as.
async fn client(
    probe: &Probe,
    (provider, asked): (&Provider, &Asked),
    wanted: &Wanted,
    redirect_uri: &str,
) -> Result<String, Finding> {
    if let Some(id) = &wanted.client_id {
        return Ok(id.clone());
    }
    let Some(registered) = &asked.registers else {
        let why = "it takes a client: --client-id with one whose redirect address is on loopback, or --register";
        return Err(Finding::skipped(&LOGIN_COMPLETES, why));
    };
    let addresses = vec![redirect_uri.to_owned()];
    let scopes = scopes_of_clients(&asked.scopes, &provider.document).join(" ");
    let scopes = Scopes::parse(&scopes).unwrap_or_default();
    let who = "Usher's doctor";
    let asking = (probe, registered);
    let made = registration::register_one(asking, provider, who, addresses, &scopes).await;
    made.map_err(|problem| {
        Finding::failure(&REGISTRATION_WORKS, problem)
            .expected("a client for this login; or name one with --client-id")
            .fix(REGISTRATION_WORKS.fix_at(provider.profile))
    })
}

/// The code of an answer that is the issuer's own (RFC 9207 §2.4).
fn code(returned: Returned, provider: &Provider, findings: &mut Vec<Finding>) -> Option<String> {
    match (&returned.iss, provider.document.returns_issuer()) {
        (Some(iss), _) if *iss != provider.issuer => {
            let found = format!("the answer to the login names {iss}");
            let finding =
                Finding::failure(&RESPONSE_ISSUER, found).expected(provider.issuer.as_str());
            findings.push(finding.fix(RESPONSE_ISSUER.fix_at(provider.profile)));
            return None;
        }
        (None, true) => {
            let found = "the metadata says that answers carry `iss`, and this one does not";
            let finding =
                Finding::failure(&RESPONSE_ISSUER, found).expected(provider.issuer.as_str());
            findings.push(finding.fix(RESPONSE_ISSUER.fix_at(provider.profile)));
            return None;
        }
        (Some(_), _) => findings.push(Finding::ok(
            &RESPONSE_ISSUER,
            "the answer to the login names it",
        )),
        (None, false) => {}
    }
    let Some(error) = returned.error else {
        findings.push(Finding::ok(&LOGIN_COMPLETES, "a code"));
        findings.push(Finding::ok(&CONSENT_GRANTED, "agreed, or not asked"));
        return returned.code;
    };
    let said = match returned.description {
        Some(description) => format!("{error}: {description}"),
        None => error.clone(),
    };
    // RFC 6749 §4.1.2.1: "The resource owner or authorization server denied the request."
    let check = if error == "access_denied" {
        &CONSENT_GRANTED
    } else {
        &LOGIN_COMPLETES
    };
    let finding = Finding::failure(check, said).expected("a code");
    findings.push(finding.fix(check.fix_at(provider.profile)));
    None
}
