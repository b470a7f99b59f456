//! One look at one collection: what is new goes into the index, what was not met goes out.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

use super::changes::Changes;
use super::collection::Collection;
use super::document::{Document, DocumentId};
use super::embedded::Entry;
use super::error::IndexError;
use super::ingest::Broken;
use crate::sealing::sha256;

/// Longer titles are cut here.
const LONGEST_TITLE: usize = 200;

/// Larger metadata is left out: it is a note on a document, not another document.
const LARGEST_METADATA: usize = 16 << 10;

/// Who watches a pass: told how far it is, and able to stop it.
pub trait Observer: Send {
    /// Asked often. True ends the pass as soon as possible.
    fn is_stopping(&self) -> bool;
    /// A collection is about to be read, and its sources have this many bytes.
    fn expect(&mut self, collection: &str, bytes: u64);
    /// This many bytes of them were read, or found unchanged.
    fn advance(&mut self, bytes: u64);
    /// A file or record could not be taken. Each is told once, as long as it stays as it is.
    fn left_out(&mut self, left_out: &LeftOut<'_>);
}

/// A file or record that could not be taken: its place and the reason, never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// The path inside the folder, or the record's own id if that much is known.
    pub source: &'a str,
    /// The line, in a file of records.
    pub line: Option<u64>,
    /// Why.
    pub reason: String,
}

impl fmt::Display for LeftOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.collection)?;
        if !self.source.is_empty() {
            write!(f, " {}", self.source)?;
        }
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What is known of a document in the index.
#[derive(Clone, Copy, Debug)]
pub(in crate::knowledge) struct State {
    /// The collection's place in the settings.
    pub(in crate::knowledge) collection: usize,
    /// The pass that last met it.
    pub(in crate::knowledge) met: u64,
    pub(in crate::knowledge) stamp: u64,
    pub(in crate::knowledge) digest: u64,
}

/// The documents in the index, by id.
pub(in crate::knowledge) type States = HashMap<DocumentId, State>;

/// How one collection was found when it was last read.
#[derive(Clone, Debug, Default)]
pub(in crate::knowledge) struct Outcome {
    /// Files and records left out.
    pub(in crate::knowledge) failures: usize,
    /// True if the folder or file itself could not be read.
    pub(in crate::knowledge) unavailable: bool,
    /// The stamp of a file of records that was read to its end.
    file: u64,
    /// Hashes of the failures, so that each is told once.
    told: HashSet<u64>,
}

/// A document as its source tells it.
pub(in crate::knowledge) struct Found<'a> {
    pub(in crate::knowledge) id: DocumentId,
    /// The path inside the folder, or the record's own id.
    pub(in crate::knowledge) source: &'a str,
    pub(in crate::knowledge) title: Option<String>,
    pub(in crate::knowledge) text: String,
    /// The text without markup, where that differs.
    pub(in crate::knowledge) searchable: Option<String>,
    pub(in crate::knowledge) url: Option<String>,
    pub(in crate::knowledge) metadata: Map<String, Value>,
    pub(in crate::knowledge) stamp: u64,
    /// The line it is on, in a file of records.
    pub(in crate::knowledge) line: Option<u64>,
}

/// One look at one collection.
pub(in crate::knowledge) struct Visit<'a> {
    pub(in crate::knowledge) collection: &'a Collection,
    /// The collection's place in the settings.
    pub(in crate::knowledge) place: usize,
    /// The number of the pass.
    pub(in crate::knowledge) pass: u64,
    pub(in crate::knowledge) states: &'a mut States,
    pub(in crate::knowledge) changes: &'a mut Changes,
    pub(in crate::knowledge) observer: &'a mut dyn Observer,
    /// How it was found the last time.
    pub(in crate::knowledge) before: &'a Outcome,
    pub(in crate::knowledge) outcome: Outcome,
    /// Documents met so far.
    pub(in crate::knowledge) documents: usize,
}

impl Visit<'_> {
    pub(in crate::knowledge) fn check_stop(&self) -> Result<(), IndexError> {
        if self.observer.is_stopping() {
            return Err(IndexError::Stopped);
        }
        Ok(())
    }

    pub(in crate::knowledge) fn expect_bytes(&mut self, bytes: u64) {
        self.observer.expect(&self.collection.name, bytes);
    }

    pub(in crate::knowledge) fn advance(&mut self, bytes: u64) {
        self.observer.advance(bytes);
    }

    /// How many documents were met in this look.
    pub(in crate::knowledge) fn documents(&self) -> usize {
        self.documents
    }

    /// True if the document is in the index and its file has not changed since.
    pub(in crate::knowledge) fn is_current(&mut self, id: DocumentId, stamp: u64) -> bool {
        match self.states.get_mut(&id) {
            Some(state) if stamp != 0 && state.stamp == stamp => {
                state.met = self.pass;
                self.documents += 1;
                true
            }
            Some(_) | None => false,
        }
    }

    /// True if a file of records is as it was when it was last read to its end. Then nothing in it needs a look.
    pub(in crate::knowledge) fn is_file_current(&mut self, stamp: u64) -> bool {
        let current = stamp != 0 && self.before.file == stamp;
        if current {
            self.outcome = self.before.clone();
            self.outcome.unavailable = false;
            let (place, pass) = (self.place, self.pass);
            let own = self.states.values_mut().filter(|s| s.collection == place);
            own.for_each(|state| state.met = pass);
        }
        current
    }

    /// A file of records was read to its end.
    pub(in crate::knowledge) fn file_read(&mut self, stamp: u64) {
        self.outcome.file = stamp;
    }

    /// Puts a document into the index, unless it is there as it is.
    pub(in crate::knowledge) fn put(&mut self, found: Found<'_>) -> Result<(), IndexError> {
        let (source, line, id) = (found.source.to_owned(), found.line, found.id);
        let entry = match self.entry(found) {
            Ok(entry) => entry,
            Err(broken) => {
                self.leave_out(&source, line, &broken);
                return Ok(());
            }
        };
        let state = State {
            collection: self.place,
            met: self.pass,
            stamp: entry.stamp,
            digest: entry.digest,
        };
        match self.states.insert(id, state) {
            Some(before) if before.met == self.pass => {
                self.states.insert(id, before);
                self.leave_out(&source, line, &Broken::DuplicateId);
                return Ok(());
            }
            Some(before) if before.digest == entry.digest => {}
            Some(_) | None => self.changes.put(&entry)?,
        }
        self.documents += 1;
        Ok(())
    }

    fn entry(&self, found: Found<'_>) -> Result<Entry, Broken> {
        let title = found.title.as_deref().map(tidy).filter(|t| !t.is_empty());
        let searchable = found.searchable.as_deref().unwrap_or(&found.text);
        let first_line = || searchable.lines().map(tidy).find(|line| !line.is_empty());
        let title = title.or_else(first_line).ok_or(Broken::Empty)?;
        let url = self
            .collection
            .address(found.id, found.source, found.url.as_deref());
        let document = Document {
            id: found.id,
            url,
            metadata: self.metadata(found.metadata),
            text: found.text,
            title,
        };
        let searchable = match found.searchable {
            Some(searchable) => format!("{}\n{searchable}", document.title),
            None => format!("{}\n{}", document.title, document.text),
        };
        Ok(Entry {
            digest: digest(&document, self.collection),
            document,
            collection: self.collection.name.clone(),
            language: self.collection.language,
            searchable,
            stamp: found.stamp,
        })
    }

    fn metadata(&self, mut metadata: Map<String, Value>) -> String {
        metadata
            .entry("collection")
            .or_insert_with(|| self.collection.name.as_str().into());
        let text = Value::Object(metadata).to_string();
        if text.len() <= LARGEST_METADATA {
            return text;
        }
        serde_json::json!({ "collection": self.collection.name }).to_string()
    }

    /// Counts what could not be taken, and tells it the first time.
    pub(in crate::knowledge) fn leave_out(
        &mut self,
        source: &str,
        line: Option<u64>,
        broken: &Broken,
    ) {
        self.outcome.failures += 1;
        let left_out = LeftOut {
            collection: &self.collection.name,
            source,
            line,
            reason: broken.to_string(),
        };
        let mut hasher = DefaultHasher::new();
        (source, line, &left_out.reason).hash(&mut hasher);
        let hash = hasher.finish();
        let told = &mut self.outcome.told;
        if told.len() < MOST_TOLD && told.insert(hash) && !self.before.told.contains(&hash) {
            self.observer.left_out(&left_out);
        }
    }

    /// Removes the documents of this collection that were not met.
    pub(in crate::knowledge) fn remove_unmet(&mut self) -> Result<(), IndexError> {
        let unmet: Vec<DocumentId> = self
            .states
            .iter()
            .filter(|(_, state)| state.collection == self.place && state.met != self.pass)
            .map(|(id, _)| *id)
            .collect();
        for id in unmet {
            self.changes.remove(id)?;
            self.states.remove(&id);
        }
        Ok(())
    }
}

/// More failures than this per collection are counted, not told.
const MOST_TOLD: usize = 100;

/// One line, without runs of space, not too long.
fn tidy(title: &str) -> String {
    let mut tidy = String::with_capacity(title.len().min(LONGEST_TITLE));
    for word in title.split_whitespace() {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
        if tidy.len() > LONGEST_TITLE * 4 {
            break;
        }
    }
    match tidy.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => {
            tidy.truncate(end);
            tidy.push('…');
            tidy
        }
        None => tidy,
    }
}

/// Changes when anything that `search` or `fetch` would give does.
fn digest(document: &Document, collection: &Collection) -> u64 {
    let language = format!("{:?}", collection.language);
    let parts = [
        &document.title,
        &document.text,
        &document.url,
        &document.metadata,
        &language,
    ];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let hash = sha256(&bytes);
    hash.first_chunk().copied().map_or(0, u64::from_be_bytes)
}
