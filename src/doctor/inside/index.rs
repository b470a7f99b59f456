//! The collections and the index that `search` and `fetch` answer from.

use std::fs;

use super::Inside;
use crate::doctor::Finding;
use crate::doctor::checks::inside::{COLLECTION_READABLE, INDEX_FILLED};
use crate::knowledge::{CollectionSettings, Offline};

pub(super) fn findings(inside: &Inside) -> Vec<Finding> {
    let collections = &inside.knowledge.collections;
    if collections.is_empty() {
        let why = "no collection is configured";
        let filled = match inside.upstreams {
            0 => Finding::warning(&INDEX_FILLED, "no collection is configured, and no upstream: there is nothing to use")
                .fix("name a folder in [[collection]], as `path = \"/srv/handbook\"`, or an MCP server in [[upstream]]"),
            _ => Finding::skipped(&INDEX_FILLED, why),
        };
        return vec![Finding::skipped(&COLLECTION_READABLE, why), filled];
    }
    let mut found: Vec<_> = collections.iter().map(readable).collect();
    found.push(filled(inside));
    found
}

/// Whether its folder can be listed, or its file opened.
fn readable(collection: &CollectionSettings) -> Finding {
    let path = &collection.path;
    let subject = path.display().to_string();
    let read = fs::metadata(path).and_then(|found| match found.is_dir() {
        true => fs::read_dir(path).map(drop),
        false => fs::File::open(path).map(drop),
    });
    let finding = match read {
        Ok(()) => Finding::ok(&COLLECTION_READABLE, "it can be read"),
        Err(error) => {
            let failure = Finding::failure(&COLLECTION_READABLE, error.to_string());
            failure.expected("a folder or a file that this user can read")
        }
    };
    finding.of(subject)
}

fn filled(inside: &Inside) -> Finding {
    let check = &INDEX_FILLED;
    let public_url = &inside.auth.public_url;
    let offline = match Offline::new(&inside.knowledge, public_url, &inside.state_dir) {
        Ok(offline) => offline,
        Err(error) => return Finding::failure(check, error.to_string()),
    };
    let Ok(knowledge) = offline.read() else {
        let is_empty = inside.knowledge.collections.iter().all(is_empty);
        let found = format!("there is no index in {} yet", offline.directory().display());
        return match is_empty {
            true => Finding::failure(check, format!("{found}, and the collections hold nothing")),
            false => Finding::warning(check, found)
                .fix("the first start builds it, or `usher index build` does now"),
        };
    };
    let health = knowledge.health();
    let documents: usize = health.collections.iter().map(|known| known.documents).sum();
    if documents == 0 {
        let failure = Finding::failure(check, "the index holds no document");
        return failure.expected("at least one");
    }
    let empty = health
        .collections
        .iter()
        .filter(|known| known.documents == 0);
    let empty: Vec<_> = empty.map(|known| known.name.as_str()).collect();
    if empty.is_empty() {
        return Finding::ok(check, format!("{documents} documents"));
    }
    let found = format!("{documents} documents, and none of {}", empty.join(", "));
    Finding::warning(check, found)
}

fn is_empty(collection: &CollectionSettings) -> bool {
    match fs::read_dir(&collection.path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => fs::metadata(&collection.path).map_or(true, |file| file.len() == 0),
    }
}
