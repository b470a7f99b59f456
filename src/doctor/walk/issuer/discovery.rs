//! Finding the metadata in all the forms that there are, and whether it is the issuer's own.
//!
//! Clients try RFC 8414 §3.1 (inserted), OpenID Connect inserted and OpenID Connect Discovery §4 (appended), in this order
//! (MCP 2025-11-25, authorization, authorization server metadata discovery). Clients of 2025-06-18 and before may know the
//! first only.

use std::fmt;

use futures_util::future::join_all;
use url::Url;

use super::Document;
use crate::doctor::Finding;
use crate::doctor::checks::challenge::METADATA_ISSUER;
use crate::doctor::checks::issuer::{
    ISSUER_EQUAL, ISSUER_METADATA_FOUND, ISSUER_METADATA_VALID, ISSUER_REACHABLE, ISSUER_TLS,
};
use crate::doctor::walk::address::without_secrets;
use crate::doctor::walk::ask;
use crate::outbound::{Heard, Probe, ProbeError};

/// One form of the address of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    OAuthInserted,
    OpenIdInserted,
    OpenIdAppended,
    /// No specification has it; Usher finds it all the same.
    OAuthAppended,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OAuthInserted => "RFC 8414, inserted",
            Self::OpenIdInserted => "OpenID Connect, inserted",
            Self::OpenIdAppended => "OpenID Connect, appended",
            Self::OAuthAppended => "RFC 8414, appended, which no specification has",
        })
    }
}

/// What is at one place.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    Document(Document),
    /// 200, and something else.
    Other(String),
    Redirect(u16, String),
    Status(u16),
    Nobody(ProbeError),
}

/// A place, and what is there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub form: Form,
    pub url: Url,
    pub seen: Seen,
    /// The `Date` of the answer.
    pub date: Option<String>,
}

/// Where clients look, in their order, each place once.
fn places(issuer: &Url) -> Vec<(Form, Url)> {
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    let path = issuer.path().trim_end_matches('/');
    let (oauth, openid) = (
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    );
    let mut places = vec![
        (Form::OAuthInserted, at(format!("{oauth}{path}"))),
        (Form::OpenIdInserted, at(format!("{openid}{path}"))),
        (Form::OpenIdAppended, at(format!("{path}{openid}"))),
        (Form::OAuthAppended, at(format!("{path}{oauth}"))),
    ];
    if path.is_empty() {
        places = vec![
            (Form::OAuthInserted, at(oauth.to_owned())),
            (Form::OpenIdAppended, at(openid.to_owned())),
        ];
    }
    places
}

/// Looks at all places side by side.
pub(super) async fn look(probe: &Probe, issuer: &Url) -> Vec<Place> {
    let look = |(form, url): (Form, Url)| async move {
        let answer = ask::get(probe, &url).await;
        let date = answer
            .as_ref()
            .ok()
            .and_then(|heard| heard.header("date").map(str::to_owned));
        Place {
            form,
            seen: seen(answer),
            url,
            date,
        }
    };
    join_all(places(issuer).into_iter().map(look)).await
}

fn seen(answer: Result<Heard, ProbeError>) -> Seen {
    let heard = match answer {
        Ok(heard) => heard,
        Err(error) => return Seen::Nobody(error),
    };
    match heard.status {
        200 => Document::parse(&heard.body)
            .map_or_else(|| Seen::Other(ask::kind(&heard)), Seen::Document),
        status @ 300..=399 => {
            let location = heard.header("location").unwrap_or("nowhere");
            Seen::Redirect(status, without_secrets(location).to_owned())
        }
        status => Seen::Status(status),
    }
}

/// The document that counts: the first in the clients' order that names this issuer, else the first.
pub(super) fn chosen<'p>(issuer: &str, places: &'p [Place]) -> Option<(&'p Place, &'p Document)> {
    let documents = || {
        places.iter().filter_map(|place| match &place.seen {
            Seen::Document(document) => Some((place, document)),
            Seen::Other(_) | Seen::Redirect(..) | Seen::Status(_) | Seen::Nobody(_) => None,
        })
    };
    let own = documents().find(|(_, document)| document.issuer() == Some(issuer));
    own.or_else(|| documents().next())
}

/// Everything from "it answers" to "it is the issuer's own".
pub(super) fn judge(issuer: &str, places: &[Place]) -> Vec<Finding> {
    let errors = places.iter().filter_map(|place| match &place.seen {
        Seen::Nobody(error) => Some(error),
        Seen::Document(_) | Seen::Other(_) | Seen::Redirect(..) | Seen::Status(_) => None,
    });
    let errors: Vec<_> = errors.collect();
    if let Some(first) = errors.first()
        && errors.len() == places.len()
    {
        return vec![unreachable(first)];
    }
    if let Some(down) = down(places) {
        return vec![down];
    }
    let mut findings = vec![Finding::ok(&ISSUER_REACHABLE, "it answers")];
    findings.push(match issuer.starts_with("https:") {
        true => Finding::ok(&ISSUER_TLS, "trusted, in date, and for its name"),
        false => Finding::skipped(&ISSUER_TLS, "plain http"),
    });
    findings.push(found(issuer, places));
    if let Some((place, document)) = chosen(issuer, places) {
        findings.push(valid(place, document));
        findings.extend(equal(issuer, place, document));
        findings.extend(foreign(issuer, places));
    } else if let Some(finding) = not_json(places) {
        findings.push(finding);
    }
    findings
}

/// A proxy that answers for a provider that does not, in every place.
fn down(places: &[Place]) -> Option<Finding> {
    let status = |place: &Place| match place.seen {
        Seen::Status(status) if matches!(status, 502..=504) => Some(status),
        Seen::Status(_)
        | Seen::Nobody(_)
        | Seen::Document(_)
        | Seen::Other(_)
        | Seen::Redirect(..) => None,
    };
    let first = places.first().and_then(status)?;
    let found = format!("{first}: a proxy answers, the provider behind it does not");
    let finding = Finding::failure(&ISSUER_REACHABLE, found).expected("an answer of the provider");
    places
        .iter()
        .all(|place| status(place).is_some())
        .then_some(finding)
}

fn unreachable(error: &ProbeError) -> Finding {
    match error {
        // Usually a name that only the provider's own network knows.
        ProbeError::NameNotFound { .. } => Finding::failure(&METADATA_ISSUER, error.to_string())
            .expected("an authorization server whose name leads somewhere, from where clients are"),
        ProbeError::Tls(problem) => Finding::failure(&ISSUER_TLS, problem.to_string())
            .expected("a certificate from a known authority, in date, and for this name"),
        other => Finding::failure(&ISSUER_REACHABLE, other.to_string())
            .expected("an answer at the issuer's address, from where clients and this machine are"),
    }
}

fn found(issuer: &str, places: &[Place]) -> Finding {
    if let Some((place, _)) = chosen(issuer, places) {
        let at = format!("{} ({})", place.url, place.form);
        return match place.form {
            Form::OAuthAppended => {
                Finding::failure(&ISSUER_METADATA_FOUND, format!("only at {at}"))
                    .expected("metadata at one of the places where clients look")
            }
            Form::OpenIdAppended if places.len() > 2 => Finding::ok(
                &ISSUER_METADATA_FOUND,
                format!(
                    "{at}; clients of revision 2025-06-18 and before may look in the inserted form only"
                ),
            ),
            Form::OAuthInserted | Form::OpenIdInserted | Form::OpenIdAppended => {
                Finding::ok(&ISSUER_METADATA_FOUND, at)
            }
        };
    }
    let words = places
        .iter()
        .map(|place| format!("{}: {}", place.url.path(), in_words(&place.seen)));
    let words = words.collect::<Vec<_>>().join("; ");
    if places
        .iter()
        .any(|place| matches!(place.seen, Seen::Other(_)))
    {
        return Finding::ok(&ISSUER_METADATA_FOUND, words);
    }
    let mut finding = Finding::failure(&ISSUER_METADATA_FOUND, words)
        .expected("200 and a JSON document at one of these places");
    if places
        .iter()
        .all(|place| matches!(place.seen, Seen::Status(401 | 403)))
    {
        finding = finding.fix(
            "Something in front of the authorization server refuses strangers: let everybody read /.well-known/ without \
             a login or a bot filter.",
        );
    }
    finding
}

fn in_words(seen: &Seen) -> String {
    match seen {
        Seen::Document(_) => "metadata".to_owned(),
        Seen::Other(kind) => format!("200 with {kind}"),
        Seen::Redirect(status, location) => {
            format!("{status} to {location}, which is not followed")
        }
        Seen::Status(status) => status.to_string(),
        Seen::Nobody(error) => error.to_string(),
    }
}

fn not_json(places: &[Place]) -> Option<Finding> {
    places.iter().find_map(|place| match &place.seen {
        Seen::Other(kind) => Some(
            Finding::failure(&ISSUER_METADATA_VALID, format!("{}: {kind}", place.url))
                .expected("a JSON document with issuer, authorization_endpoint and token_endpoint"),
        ),
        Seen::Document(_) | Seen::Redirect(..) | Seen::Status(_) | Seen::Nobody(_) => None,
    })
}

fn valid(place: &Place, document: &Document) -> Finding {
    let needed = [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
    ];
    let is_missing = |name: &&str| match *name {
        "issuer" => document.issuer().is_none(),
        name => document.address(name).is_none(),
    };
    let missing: Vec<_> = needed.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Finding::ok(
            &ISSUER_METADATA_VALID,
            "issuer, authorization_endpoint, token_endpoint and jwks_uri",
        );
    }
    let missing = missing.join(", ");
    Finding::failure(
        &ISSUER_METADATA_VALID,
        format!("{}: {missing} missing, or no address", place.url),
    )
    .expected("issuer, authorization_endpoint, token_endpoint and jwks_uri")
}

/// "The `issuer` value returned MUST be identical to the authorization server's issuer identifier value" (RFC 8414 §3.3).
fn equal(issuer: &str, place: &Place, document: &Document) -> Option<Finding> {
    let found = document.issuer()?;
    if found == issuer {
        return Some(Finding::ok(&ISSUER_EQUAL, found));
    }
    let finding = Finding::failure(&ISSUER_EQUAL, format!("{} names {found}", place.url)).expected(
        format!("{issuer}, as the resource metadata has it, byte for byte"),
    );
    let fix = if found.trim_end_matches('/') == issuer.trim_end_matches('/') {
        format!("Only the slash at the end differs: write `issuer = {found:?}` in Usher.")
    } else if found.replacen("http:", "https:", 1) == issuer {
        "The provider believes that it is reached by plain http: tell it its public address, or let the proxy in front of it \
         send X-Forwarded-Proto: https and the provider trust it."
            .to_owned()
    } else {
        let profile = document.profile(found);
        return Some(finding.fix(ISSUER_EQUAL.fix_at(profile)));
    };
    Some(finding.fix(fix))
}

/// A document of another issuer, in a place where clients look earlier or later: some take the first they find.
fn foreign(issuer: &str, places: &[Place]) -> Option<Finding> {
    let (own, document) = chosen(issuer, places)?;
    if document.issuer() != Some(issuer) {
        return None;
    }
    let before = places.iter().take_while(|place| place.form != own.form);
    let mut before = before.filter_map(|place| match &place.seen {
        Seen::Document(document) => Some((place, document)),
        Seen::Other(_) | Seen::Redirect(..) | Seen::Status(_) | Seen::Nobody(_) => None,
    });
    let (place, document) = before.next()?;
    let other = document.issuer().unwrap_or("nobody");
    Some(
        Finding::warning(&ISSUER_EQUAL, format!("{} is another issuer's: it names {other}", place.url))
            .expected(format!("the metadata of {issuer} at every place where clients look, or nothing"))
            .fix(
                "Clients that take the first document they find go to the wrong authorization server. If the provider cannot \
                 be changed there, let a proxy answer that address with 404, or with the right document.",
            ),
    )
}

#[cfg(test)]
mod tests;
