//! The protected resource metadata (RFC 9728): where it is, what it says, and whether it is the newest copy.

mod document;
mod fresh;

use http::header::{CACHE_CONTROL, HeaderName};
use url::Url;

use super::challenge::Challenged;
use super::heard::in_words;
use super::{Walk, bot_filter};
use crate::doctor::Finding;
use crate::doctor::checks::challenge::{
    CHALLENGE_METADATA_ADDRESS, CHALLENGE_SCOPE, METADATA_FOUND,
};
use crate::outbound::{Heard, ProbeError};

pub(super) use document::Document;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// One place where the metadata may be, and what is there.
struct Place {
    url: Url,
    heard: Result<Heard, ProbeError>,
}

impl Place {
    async fn look(walk: &Walk, url: Url) -> Self {
        let heard = walk.get(&url, &[]).await;
        Self { url, heard }
    }

    fn is_there(&self) -> bool {
        self.heard.as_ref().is_ok_and(|heard| heard.status == 200)
    }

    fn in_words(&self) -> String {
        match &self.heard {
            Ok(heard) => match bot_filter::signs(heard) {
                Some(signs) => format!("{}: {signs}", self.url),
                None => format!("{}: {}", self.url, in_words(heard)),
            },
            Err(error) => format!("{}: {error}", self.url),
        }
    }
}

/// Where the metadata of `resource` is: the well-known path put between host and path (RFC 9728 §3.1).
pub(super) fn at_the_path(resource: &Url) -> Url {
    let mut url = resource.clone();
    let path = resource.path().trim_end_matches('/');
    url.set_path(&format!("{WELL_KNOWN}{path}"));
    url
}

fn at_the_root(resource: &Url) -> Url {
    let mut url = resource.clone();
    url.set_path(WELL_KNOWN);
    url
}

/// Looks everywhere at once, and judges the copy that clients take.
pub(super) async fn check(
    walk: &Walk,
    challenged: &Challenged,
) -> (Option<Document>, Vec<Finding>) {
    let (path, root) = (at_the_path(walk.url()), at_the_root(walk.url()));
    let named = challenged.metadata.as_deref().map(Url::parse);
    let named_elsewhere = match &named {
        Some(Ok(url)) if *url != path && *url != root => Some(url.clone()),
        _ => None,
    };
    let look = async |url: Option<Url>| match url {
        Some(url) => Some(Place::look(walk, url).await),
        None => None,
    };
    let other_root = (root != path).then(|| root.clone());
    let (at_path, at_root, elsewhere, unstored) = tokio::join!(
        Place::look(walk, path.clone()),
        look(other_root),
        look(named_elsewhere),
        fresh::ask_past_caches(walk, &path),
    );
    let mut findings = Vec::new();
    let mut places = vec![at_path];
    places.extend(at_root);
    places.extend(elsewhere);
    let is_right = matches!(&named, Some(Ok(url)) if *url == path);
    findings.push(named_address(challenged, named.as_ref(), &places, is_right));
    findings.push(found(&places, &path, is_right));
    // As clients do: the address in the challenge, then the path, then the root.
    let is_named = |place: &&Place| matches!(&named, Some(Ok(url)) if *url == place.url);
    let taken = places
        .iter()
        .filter(is_named)
        .chain(&places)
        .find(|place| place.is_there());
    let Some((taken, heard)) = taken.and_then(|place| Some((place, place.heard.as_ref().ok()?)))
    else {
        return (None, findings);
    };
    if taken.url == path {
        findings.extend(fresh::check(heard, unstored));
    }
    let (document, judged) = Document::read(walk, heard).await;
    findings.extend(judged);
    findings.push(scopes(challenged, document.as_ref()));
    (document, findings)
}

/// Whether the address in the challenge is right, and leads to the metadata.
fn named_address(
    challenged: &Challenged,
    named: Option<&Result<Url, url::ParseError>>,
    places: &[Place],
    is_right: bool,
) -> Finding {
    let check = &CHALLENGE_METADATA_ADDRESS;
    let expected = |finding: Finding| {
        let right = places
            .first()
            .map(|place| place.url.as_str())
            .unwrap_or_default();
        finding.expected(format!("resource_metadata=\"{right}\""))
    };
    match named {
        None if !challenged.is_there => Finding::skipped(check, "there is no challenge"),
        None => {
            let found = "a challenge without resource_metadata";
            expected(Finding::warning(check, found))
        }
        Some(Err(_)) => {
            let named = challenged.metadata.as_deref().unwrap_or_default();
            expected(Finding::failure(
                check,
                format!("{named:?}, which is no address"),
            ))
        }
        Some(Ok(url)) => match places.iter().find(|place| place.url == *url) {
            // The right address where nothing is: that is not the challenge's fault.
            Some(place) if place.is_there() || is_right => Finding::ok(check, url.as_str()),
            Some(place) => expected(Finding::failure(check, place.in_words())),
            None => expected(Finding::failure(check, url.as_str())),
        },
    }
}

/// Whether it is at the path, where the challenge sends clients if `is_named`; else the root will do.
fn found(places: &[Place], path: &Url, is_named: bool) -> Finding {
    let there: Vec<&str> = places
        .iter()
        .filter(|place| place.is_there())
        .map(|place| place.url.path())
        .collect();
    let missing: Vec<String> = places
        .iter()
        .filter(|place| !place.is_there())
        .map(Place::in_words)
        .collect();
    let expected = format!("200 with JSON at {path}");
    let at_path = places.first().is_some_and(Place::is_there);
    if there.is_empty() || (is_named && !at_path) {
        Finding::failure(&METADATA_FOUND, missing.join("; ")).expected(expected)
    } else if at_path {
        Finding::ok(&METADATA_FOUND, there.join(" and "))
    } else {
        Finding::warning(&METADATA_FOUND, missing.join("; ")).expected(expected)
    }
}

/// Clients ask for the scopes of the challenge; without any, for those of the metadata.
fn scopes(challenged: &Challenged, document: Option<&Document>) -> Finding {
    let in_metadata = document.map_or(&[][..], |document| &document.scopes);
    if !challenged.is_there {
        Finding::skipped(&CHALLENGE_SCOPE, "there is no challenge")
    } else if !challenged.scopes.is_empty() {
        Finding::ok(&CHALLENGE_SCOPE, challenged.scopes.join(" "))
    } else if !in_metadata.is_empty() {
        let scopes = in_metadata.join(" ");
        Finding::ok(
            &CHALLENGE_SCOPE,
            format!("none, so that clients take those of the metadata: {scopes}"),
        )
    } else {
        let finding = Finding::warning(
            &CHALLENGE_SCOPE,
            "no scope in the challenge, none in the metadata",
        );
        finding.expected("scope=\"…\" with what the first call needs")
    }
}

/// For a question that no cache on the way may answer.
const PAST_CACHES: (HeaderName, &str) = (CACHE_CONTROL, "no-cache");
