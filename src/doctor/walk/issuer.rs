//! The authorization server, as clients find it, read it, register at it and send their users to it.
//!
//! What is asked side by side is asked side by side; what it means is judged by pure functions, in the order in which a
//! client meets it.

mod discovery;
mod document;
mod offers;

use futures_util::future::OptionFuture;
use http::header;
use url::Url;

pub use document::Document;

use super::{Registered, ask, keys, redirect, registration};
use crate::auth::ProfileName;
use crate::clients::{INSPECTOR_ORIGIN, KnownClient};
use crate::doctor::checks::issuer::{ISSUER_CLOCK, ISSUER_CORS, ISSUER_REACHABLE};
use crate::doctor::defaults::LEEWAY_SECONDS;
use crate::doctor::{Diagnosis, Finding};
use crate::outbound::Probe;

/// What is asked of one authorization server.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its identifier, as the resource metadata has it.
    pub issuer: String,
    /// True if the resource metadata names it first: some clients look at no other.
    pub is_first: bool,
    /// The resource that tokens are for, as the resource metadata has it.
    pub resource: String,
    /// The scopes that clients are told to ask for.
    pub scopes: Vec<String>,
    /// As which clients.
    pub clients: Vec<KnownClient>,
    /// True if they were named one by one, so that what only they need is needed.
    pub named: bool,
    /// A client id that somebody has registered.
    pub client_id: Option<String>,
    /// Where clients are noted that are registered for real; without it none is.
    pub registers: Option<Registered>,
    /// What time it is, in Unix seconds.
    pub now: i64,
}

/// An authorization server whose metadata was found: what a login needs of it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its identifier, as the resource metadata has it.
    pub issuer: String,
    /// Which provider it looks like.
    pub profile: ProfileName,
    /// Its metadata.
    pub document: Document,
}

/// Walks through one authorization server. Nothing if there is no metadata to go on with.
pub async fn check(probe: &Probe, asked: &Asked, diagnosis: &mut Diagnosis) -> Option<Provider> {
    let asked = &asked.of_its_clients();
    let mut add = |finding: Finding| diagnosis.add(finding.of(asked.issuer.as_str()));
    let Ok(issuer) = Url::parse(&asked.issuer) else {
        add(
            Finding::failure(&ISSUER_REACHABLE, "its name is no address")
                .expected("an https address"),
        );
        return None;
    };
    let places = discovery::look(probe, &issuer).await;
    discovery::judge(&asked.issuer, &places)
        .into_iter()
        .for_each(&mut add);
    let (place, document) = discovery::chosen(&asked.issuer, &places)?;
    let provider = Provider {
        issuer: asked.issuer.clone(),
        profile: document.profile(&asked.issuer),
        document: document.clone(),
    };
    let reads_in_a_browser = |client: &KnownClient| client.needs().reads_in_a_browser;
    let cors = asked
        .clients
        .iter()
        .any(reads_in_a_browser)
        .then(|| cors(probe, &place.url));
    let (cors, keys, clients) = futures_util::join!(
        OptionFuture::from(cors),
        keys::check(probe, &provider),
        registration::check(probe, asked, &provider),
    );
    let redirects = redirect::check(probe, asked, &provider, &clients.ids).await;
    let deleted = match &asked.registers {
        Some(registered) => registered.take_back_of(probe, &asked.issuer).await,
        None => None,
    };
    offers::judge(document, asked, provider.profile)
        .into_iter()
        .for_each(&mut add);
    unless_shown(clients.findings, &redirects)
        .chain(deleted)
        .for_each(&mut add);
    redirects.into_iter().chain(keys).for_each(&mut add);
    add(clock(place.date.as_deref(), asked.now));
    cors.into_iter().for_each(&mut add);
    Some(provider)
}

/// What the metadata lets expect, but for what an endpoint has shown for the same check and client: that counts more.
fn unless_shown(expected: Vec<Finding>, shown: &[Finding]) -> impl Iterator<Item = Finding> {
    let is_shown = |expected: &Finding| {
        shown.iter().any(|shown| {
            let is_its = shown.client.is_none() || shown.client == expected.client;
            shown.check == expected.check && is_its
        })
    };
    expected.into_iter().filter(move |one| !is_shown(one))
}

impl Asked {
    /// Without the clients that never look at this one.
    fn of_its_clients(&self) -> Self {
        let looks = |client: &KnownClient| self.is_first || !client.needs().takes_first_issuer_only;
        Self {
            clients: self.clients.iter().copied().filter(looks).collect(),
            ..self.clone()
        }
    }
}

/// A client in a browser needs the metadata readable from its page.
async fn cors(probe: &Probe, url: &Url) -> Finding {
    let headers = [
        (header::ACCEPT, "application/json"),
        (header::ORIGIN, INSPECTOR_ORIGIN),
    ];
    let answer = ask::get_with(probe, url, &headers).await;
    let allowed = answer
        .as_ref()
        .ok()
        .and_then(|heard| heard.header("access-control-allow-origin"));
    judge_cors(allowed).with_client(KnownClient::Inspector)
}

fn judge_cors(allowed: Option<&str>) -> Finding {
    match allowed {
        Some(origin) if origin == "*" || origin == INSPECTOR_ORIGIN => {
            Finding::ok(&ISSUER_CORS, origin)
        }
        Some(other) => Finding::warning(&ISSUER_CORS, format!("it allows {other} alone")).expected(
            format!("Access-Control-Allow-Origin: * or {INSPECTOR_ORIGIN}"),
        ),
        None => Finding::warning(&ISSUER_CORS, "no Access-Control-Allow-Origin").expected(format!(
            "Access-Control-Allow-Origin: * or {INSPECTOR_ORIGIN}"
        )),
    }
}

/// Tokens carry the issuer's time.
fn clock(date: Option<&str>, now: i64) -> Finding {
    let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Finding::skipped(&ISSUER_CLOCK, "its answer has no date");
    };
    let date = date
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let apart = i64::try_from(date.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_sub(now);
    let seconds = apart.abs();
    let side = if apart > 0 { "ahead of" } else { "behind" };
    if seconds <= 5 {
        return Finding::ok(&ISSUER_CLOCK, "agrees with the clock of this machine");
    }
    let found = format!("{seconds} s {side} the clock of this machine");
    let finding = match seconds > LEEWAY_SECONDS {
        true => Finding::failure(&ISSUER_CLOCK, found),
        false => Finding::warning(&ISSUER_CLOCK, found),
    };
    finding.expected(format!("less than {LEEWAY_SECONDS} s apart"))
}

#[cfg(test)]
mod tests;
