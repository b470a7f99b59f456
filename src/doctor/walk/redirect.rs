//! The authorization endpoint, asked as a client's user would arrive there: is the client known, is its redirect address
//! taken, are `resource` and the scopes?
//!
//! Providers say no in pages made for people. Where a page does not say why, the request is repeated without `resource`
//! and without scopes, and the difference tells.

mod page;

use http::header;
use url::Url;

use super::ask;
use super::issuer::{Asked, Provider};
use super::registration::by_client;
use crate::clients::KnownClient;
use crate::doctor::checks::issuer::{
    AUTHORIZATION_ANSWERS, REDIRECT_ACCEPTED, REGISTRATION_CLIENT_DOCUMENT, RESOURCE_PARAMETER,
    SCOPES_OFFERED,
};
use crate::doctor::checks::session::LOGIN_COMPLETES;
use crate::doctor::login::request::{Request, Secrets, scopes_of_clients};
use crate::doctor::{Check, Finding, Verdict};
use crate::outbound::{Heard, Probe, ProbeError, Question};
use page::{Answer, Refusal, Shown};

/// How many redirects are followed on the way to a login page.
const MOST_HOPS: usize = 4;
/// An id that nobody has: whatever is said of it, somebody is there.
const NOBODY: &str = "usher-doctor-asks-whether-anybody-is-there";

/// What one client's request came to.
struct Tried {
    client: KnownClient,
    redirect_uri: String,
    shown: Shown,
    /// What the refusal is about, found by leaving things out.
    refusal: Option<Refusal>,
}

/// Asks for every client that has an id.
pub(super) async fn check(
    probe: &Probe,
    asked: &Asked,
    provider: &Provider,
    ids: &[(KnownClient, String)],
) -> Vec<Finding> {
    let Some(endpoint) = provider.document.address("authorization_endpoint") else {
        let why = "the metadata names no authorization_endpoint";
        return vec![Finding::skipped(&AUTHORIZATION_ANSWERS, why)];
    };
    let scopes = scopes_of_clients(&asked.scopes, &provider.document);
    let asking = Asking {
        probe,
        asked,
        endpoint: &endpoint,
        scopes,
    };
    let tries = ids.iter().filter_map(|(client, id)| {
        let redirect_uri = redirect_uri(*client)?;
        Some(asking.try_as(*client, id, redirect_uri))
    });
    let tried = futures_util::future::join_all(tries).await;
    if tried.is_empty() {
        return asking.without_a_client(provider).await;
    }
    judge(&tried, asked, provider)
}

/// The address that is tried: the first that a web server can send somebody to.
fn redirect_uri(client: KnownClient) -> Option<String> {
    let mut all = client.redirect_uris().iter();
    all.find(|uri| uri.starts_with("http"))
        .map(|uri| (*uri).to_owned())
}

struct Asking<'a> {
    probe: &'a Probe,
    asked: &'a Asked,
    endpoint: &'a Url,
    scopes: Vec<String>,
}

impl Asking<'_> {
    async fn try_as(&self, client: KnownClient, id: &str, redirect_uri: String) -> Tried {
        let request = Request {
            endpoint: self.endpoint,
            client_id: id,
            redirect_uri: &redirect_uri,
            scopes: &self.scopes,
            resource: Some(&self.asked.resource),
        };
        let shown = self.arrive(request).await;
        let refusal = match &shown {
            Shown::Refused(Refusal::Other, _) => self.narrow(request).await,
            Shown::Refused(refusal, _) => Some(*refusal),
            Shown::SentBack { error, .. } => of_error(error),
            Shown::Login | Shown::Broken(_) => None,
        };
        Tried {
            client,
            redirect_uri,
            shown,
            refusal,
        }
    }

    /// Which part of the request the refusal is about.
    async fn narrow(&self, request: Request<'_>) -> Option<Refusal> {
        let without = Request {
            resource: None,
            ..request
        };
        if self.arrive(without).await == Shown::Login {
            return Some(Refusal::Resource);
        }
        let without = Request {
            scopes: &[],
            ..request
        };
        if self.arrive(without).await == Shown::Login {
            return Some(Refusal::Scope);
        }
        Some(Refusal::Other)
    }

    /// Follows a request until something is shown.
    async fn arrive(&self, request: Request<'_>) -> Shown {
        let mut url = request.url(&Secrets::new());
        let mut cookies = Vec::new();
        for hop in 0..MOST_HOPS {
            let heard = match open(self.probe, &url, &cookies).await {
                Ok(heard) => heard,
                // It was sent on to somewhere that is none of the doctor's business.
                Err(_) if hop > 0 => return Shown::Login,
                Err(error) => return Shown::Broken(error.to_string()),
            };
            let location = heard.header("location").and_then(|to| url.join(to).ok());
            let location = location.filter(|_| (300..400).contains(&heard.status));
            let answer = Answer {
                status: heard.status,
                location: location.as_ref(),
                body: &heard.text(),
                is_first: hop == 0,
            };
            if let Some(shown) = page::read(answer, request.redirect_uri) {
                return shown;
            }
            let Some(next) = location else {
                return Shown::Login;
            };
            cookies.retain(|_| next.origin() == url.origin());
            if next.origin() == url.origin() {
                cookies.extend(new_cookies(&heard));
            }
            url = next;
        }
        Shown::Login
    }

    /// Without a client id only one thing can be told: whether anybody is there.
    async fn without_a_client(&self, provider: &Provider) -> Vec<Finding> {
        let request = Request {
            endpoint: self.endpoint,
            client_id: NOBODY,
            redirect_uri: "http://127.0.0.1:6274/callback",
            scopes: &[],
            resource: None,
        };
        let shown = self.arrive(request).await;
        let why =
            "it takes a client id: --client-id with one that is registered there, or --register";
        let answers = match &shown {
            // Some say so of a client that they do not know.
            Shown::Broken(problem) if problem == page::NOTHING => Finding::skipped(
                &AUTHORIZATION_ANSWERS,
                format!("404 without a client id; {why}"),
            ),
            shown => answers(&[shown], self.endpoint, provider),
        };
        vec![
            answers,
            Finding::skipped(&REDIRECT_ACCEPTED, why),
            Finding::skipped(&RESOURCE_PARAMETER, why),
        ]
    }
}

/// What the endpoint would refuse before anybody could log in, found without a person: a client that it does not know, or
/// a redirect address that is not that client's. Only a status that leaves a browser nothing to go on with says so for sure.
pub(in crate::doctor) async fn refused_at_once(
    probe: &Probe,
    request: Request<'_>,
    provider: &Provider,
) -> Option<Finding> {
    let heard = open(probe, &request.url(&Secrets::new()), &[]).await.ok()?;
    if !(400..500).contains(&heard.status) {
        return None;
    }
    let answer = Answer {
        status: heard.status,
        location: None,
        body: &heard.text(),
        is_first: true,
    };
    let uri = request.redirect_uri;
    match page::read(answer, uri)? {
        shown @ Shown::Refused(Refusal::Client, _) => Some(unknown_client(&shown)),
        shown @ Shown::Refused(Refusal::Redirect, _) => {
            let finding = unknown_address(&shown, uri);
            Some(finding.fix(LOGIN_COMPLETES.fix_at(provider.profile)))
        }
        Shown::Refused(Refusal::Other | Refusal::Resource | Refusal::Scope, _)
        | Shown::Broken(_)
        | Shown::Login
        | Shown::SentBack { .. } => None,
    }
}

fn unknown_client(shown: &Shown) -> Finding {
    let found = format!("the client id is not known there: {}", said(shown));
    Finding::failure(&REDIRECT_ACCEPTED, found)
        .expected("a client that is registered there")
        .fix("Check the client id at the provider: copied whole, of this very tenant or realm, and enabled.")
}

fn unknown_address(shown: &Shown, uri: &str) -> Finding {
    let expected = format!("{uri} among the redirect addresses of the client");
    Finding::failure(&REDIRECT_ACCEPTED, said(shown)).expected(expected)
}

async fn open(probe: &Probe, url: &Url, cookies: &[String]) -> Result<Heard, ProbeError> {
    let mut headers = http::HeaderMap::new();
    headers.insert(
        header::ACCEPT,
        http::HeaderValue::from_static("text/html,*/*;q=0.1"),
    );
    if let Ok(value) = http::HeaderValue::try_from(cookies.join("; "))
        && !cookies.is_empty()
    {
        headers.insert(header::COOKIE, value);
    }
    let question = Question {
        method: &http::Method::GET,
        url,
        headers: &headers,
        body: &[],
        max_bytes: ask::MOST_BYTES,
        timeout: ask::PATIENCE,
    };
    probe.ask(question).await
}

fn new_cookies(heard: &Heard) -> impl Iterator<Item = String> {
    let all = heard.headers.get_all(header::SET_COOKIE).iter();
    all.filter_map(|value| Some(value.to_str().ok()?.split(';').next()?.to_owned()))
}

/// RFC 6749 §4.1.2.1, RFC 8707 §2.
fn of_error(error: &str) -> Option<Refusal> {
    match error {
        "invalid_target" => Some(Refusal::Resource),
        "invalid_scope" => Some(Refusal::Scope),
        "unauthorized_client" => Some(Refusal::Client),
        // Nobody is logged in, and that is how some say so.
        "login_required" | "interaction_required" | "consent_required" => None,
        _ => Some(Refusal::Other),
    }
}

fn answers(shown: &[&Shown], endpoint: &Url, provider: &Provider) -> Finding {
    let broken = shown.iter().find_map(|shown| match shown {
        Shown::Broken(problem) => Some(problem),
        Shown::Login | Shown::SentBack { .. } | Shown::Refused(..) => None,
    });
    let mut endpoint = endpoint.clone();
    endpoint.set_query(None);
    match broken {
        None => Finding::ok(&AUTHORIZATION_ANSWERS, "somebody is there"),
        Some(problem) => Finding::failure(&AUTHORIZATION_ANSWERS, format!("{endpoint}: {problem}"))
            .expected("a page to log in on")
            .fix(AUTHORIZATION_ANSWERS.fix_at(provider.profile)),
    }
}

/// From what was shown to the checks that it is about.
fn judge(tried: &[Tried], asked: &Asked, provider: &Provider) -> Vec<Finding> {
    let endpoint = provider.document.address("authorization_endpoint");
    let shown: Vec<_> = tried.iter().map(|tried| &tried.shown).collect();
    // An id that was typed in belongs to one client; the others' addresses need not be registered for it.
    let somebody = tried.iter().any(|tried| accepts(tried) == Some(true));
    let of_another = asked.client_id.is_some() && somebody && tried.len() > 1;
    let redirects = tried
        .iter()
        .filter_map(|tried| redirect(tried, of_another, provider));
    let redirects = by_client(redirects.collect());
    let answers = endpoint.map(|endpoint| answers(&shown, &endpoint, provider));
    let fails = |check| redirects.iter().any(|finding| finding.check == check);
    // Who is there and shows an error page to everybody is not to be told as well that all is well.
    let answers = answers.filter(|told| told.verdict != Verdict::Ok || !fails(told.check));
    let mut findings: Vec<_> = answers.into_iter().collect();
    findings.extend(redirects);
    let refused = |wanted| {
        tried
            .iter()
            .find(move |tried| tried.refusal == Some(wanted))
    };
    let failure = |check: &'static Check, tried: &Tried, expected: String| {
        let finding = Finding::failure(check, said(&tried.shown)).expected(expected);
        finding.fix(check.fix_at(provider.profile))
    };
    if let Some(tried) = refused(Refusal::Scope) {
        findings.push(failure(
            &SCOPES_OFFERED,
            tried,
            format!("the scopes {}", asked.scopes.join(" ")),
        ));
    }
    findings.push(match refused(Refusal::Resource) {
        Some(tried) => failure(
            &RESOURCE_PARAMETER,
            tried,
            format!("resource={} is taken, or ignored", asked.resource),
        ),
        None if tried.iter().any(|tried| tried.shown == Shown::Login) => Finding::ok(
            &RESOURCE_PARAMETER,
            "taken; whether tokens then name this server is seen after a login (--login)",
        ),
        None => Finding::skipped(&RESOURCE_PARAMETER, "no request came as far as a login"),
    });
    findings
}

/// Whether the redirect address was taken, if that can be told.
fn accepts(tried: &Tried) -> Option<bool> {
    match (&tried.shown, tried.refusal) {
        (Shown::Login | Shown::SentBack { .. }, _) => Some(true),
        (Shown::Refused(..), Some(Refusal::Redirect | Refusal::Client)) => Some(false),
        (Shown::Refused(..) | Shown::Broken(_), _) => None,
    }
}

fn redirect(tried: &Tried, of_another: bool, provider: &Provider) -> Option<Finding> {
    let uri = &tried.redirect_uri;
    let fix = REDIRECT_ACCEPTED.fix_at(provider.profile);
    let finding = match (&tried.shown, tried.refusal) {
        (Shown::Login | Shown::SentBack { .. }, _) => Finding::ok(&REDIRECT_ACCEPTED, uri.as_str()),
        (Shown::Broken(_), _) => return None,
        (Shown::Refused(..), Some(Refusal::Resource | Refusal::Scope)) => Finding::skipped(
            &REDIRECT_ACCEPTED,
            "another part of the request is refused first",
        ),
        (Shown::Refused(..), _) if of_another => Finding::skipped(
            &REDIRECT_ACCEPTED,
            format!("the client id is another client's: {uri} is not taken"),
        ),
        // The server could not read, or did not like, the vendor's document.
        (Shown::Refused(..), Some(Refusal::Client)) if is_document(tried.client, provider) => {
            Finding::failure(&REGISTRATION_CLIENT_DOCUMENT, said(&tried.shown))
                .expected("a login for a client whose id is the address of its document")
                .fix(REGISTRATION_CLIENT_DOCUMENT.fix_at(provider.profile))
        }
        (Shown::Refused(..), Some(Refusal::Client)) => unknown_client(&tried.shown),
        (Shown::Refused(..), Some(Refusal::Redirect)) => {
            unknown_address(&tried.shown, uri).fix(fix)
        }
        (Shown::Refused(..), Some(Refusal::Other) | None) => {
            Finding::failure(&AUTHORIZATION_ANSWERS, said(&tried.shown))
                .expected("a page to log in on")
                .fix(AUTHORIZATION_ANSWERS.fix_at(provider.profile))
        }
    };
    Some(finding.with_client(tried.client))
}

fn is_document(client: KnownClient, provider: &Provider) -> bool {
    provider.document.takes_client_documents() && !client.needs().documents.is_empty()
}

/// What the page says.
fn said(shown: &Shown) -> String {
    match shown {
        Shown::Login => "a login".to_owned(),
        Shown::SentBack { error, description } if description.is_empty() => error.clone(),
        Shown::SentBack { error, description } => format!("{error}: {description}"),
        Shown::Refused(_, said) => format!("the page says: {said}"),
        Shown::Broken(problem) => problem.clone(),
    }
}

#[cfg(test)]
mod tests;
