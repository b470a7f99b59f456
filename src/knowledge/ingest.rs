//! From sources to documents: a folder of files, or a file of records.

mod charset;
mod folder;
mod html;
mod jsonl;
mod markdown;

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::collection::Collection;
use super::error::IndexError;
use super::visit::Visit;

/// Why a whole collection could not be read.
#[derive(Debug)]
pub(in crate::knowledge) enum ReadError {
    /// Its documents were read but could not be written.
    Index(IndexError),
    /// Its folder or file could not be read. What is in the index stays.
    Unavailable(std::io::Error),
}

impl From<IndexError> for ReadError {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

/// Why one file or record is left out. Says what, never what was in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::knowledge) enum Broken {
    #[error("its elements are too many or nested too deeply")]
    Deep,
    #[error("its id was used before in this collection")]
    DuplicateId,
    #[error("it has neither title nor text")]
    Empty,
    #[error("it leads out of the collection's folder")]
    LeadsOut,
    #[error("expected a string or a whole number in the field `{field}`")]
    NoId { field: String },
    #[error("expected one JSON object")]
    NotAnObject,
    #[error("it is not text")]
    NotText,
    #[error("expected at most {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("expected at most {limit} documents in the collection; the rest is left out")]
    TooMany { limit: usize },
    #[error("its markup cannot be rendered")]
    Unrenderable,
    #[error("it cannot be read: {kind}")]
    Unreadable { kind: std::io::ErrorKind },
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable { kind: error.kind() }
    }
}

/// How a file of a folder is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::knowledge) enum Format {
    Html,
    Markdown,
    Text,
}

impl Format {
    /// The format that a file's ending promises.
    pub(in crate::knowledge) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "htm" | "html" => Some(Self::Html),
            "markdown" | "md" => Some(Self::Markdown),
            "text" | "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Extracted {
    title: Option<String>,
    /// What `fetch` gives.
    text: String,
    /// The same without markup, where that differs.
    searchable: Option<String>,
}

/// Reads a collection from its source.
pub(in crate::knowledge) fn read(
    collection: &Collection,
    visit: &mut Visit<'_>,
) -> Result<(), ReadError> {
    if collection.is_folder() {
        folder::read(collection, visit)
    } else {
        jsonl::read(collection, visit)
    }
}

/// A file changed within this time may change again without a new modification time.
const UNSETTLED: Duration = Duration::from_secs(2);

/// A number that changes when the file does; 0 while it may still change unseen.
fn stamp(collection: &Collection, file: &Metadata) -> u64 {
    let Ok(modified) = file.modified() else {
        return 0;
    };
    let settled = SystemTime::now()
        .duration_since(modified)
        .is_ok_and(|age| age > UNSETTLED);
    if !settled {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    (collection.fingerprint(), modified, file.len()).hash(&mut hasher);
    hasher.finish().max(1)
}
