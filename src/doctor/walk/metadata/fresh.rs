//! Is it an old copy? The same document is asked for once more in a way that no cache has an answer to.

use http::HeaderMap;
use serde_json::Value;
use url::Url;

use super::PAST_CACHES;
use crate::doctor::Finding;
use crate::doctor::checks::challenge::METADATA_FRESH;
use crate::doctor::walk::Walk;
use crate::doctor::walk::heard::json;
use crate::outbound::{Heard, ProbeError};

/// As old a copy does not matter: so long is a change of settings not told to clients.
const MOST_AGE_SECONDS: u64 = 3_600;

/// The document with a query that no cache knows.
pub(super) async fn ask_past_caches(walk: &Walk, url: &Url) -> Result<Heard, ProbeError> {
    let mut url = url.clone();
    let unknown = format!("usher-doctor={}", walk.clock.unix_millis());
    url.set_query(Some(&unknown));
    walk.get(&url, &[PAST_CACHES]).await
}

/// Compares the two.
pub(super) fn check(heard: &Heard, unstored: Result<Heard, ProbeError>) -> Option<Finding> {
    let old: Value = json(heard)?;
    let age = age(&heard.headers);
    let past_caches = unstored.ok().filter(|unstored| unstored.status == 200);
    let new = past_caches.as_ref().and_then(json);
    let how_old = age.map_or_else(String::new, |age| format!(" (Age: {age} s)"));
    Some(match new {
        Some(new) if new != old => {
            let differs = differing(&old, &new);
            let found = format!("a cache answers with an older document{how_old}: {differs}");
            Finding::failure(&METADATA_FRESH, found)
                .expected("the same document with and without caches")
        }
        _ if age.is_some_and(|age| age > MOST_AGE_SECONDS) => {
            let found = format!("a copy from a cache{how_old}");
            Finding::warning(&METADATA_FRESH, found)
                .expected(format!("no older than {MOST_AGE_SECONDS} s"))
        }
        Some(_) => Finding::ok(
            &METADATA_FRESH,
            format!("the same past all caches{how_old}"),
        ),
        None => Finding::skipped(
            &METADATA_FRESH,
            "the server does not answer the same question with a query",
        ),
    })
}

fn age(headers: &HeaderMap) -> Option<u64> {
    headers.get("age")?.to_str().ok()?.trim().parse().ok()
}

/// The members that differ, by name.
fn differing(old: &Value, new: &Value) -> String {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return "another document".to_owned();
    };
    let names = old
        .keys()
        .chain(new.keys().filter(|name| !old.contains_key(*name)));
    let names: Vec<&str> = names
        .filter(|name| old.get(*name) != new.get(*name))
        .map(String::as_str)
        .take(8)
        .collect();
    format!("it differs in {}", names.join(", "))
}
