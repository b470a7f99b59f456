//! The embedded search engine. The only module tree that names `tantivy`.
//!
//! The index is derived: the sources are the truth, and an index that another version wrote, or that is damaged, is
//! thrown away and built again. One process writes (`owner`); others on the same host may read.

mod analyzer;
mod reader;
mod schema;
mod writer;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tantivy::directory::MmapDirectory;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::{IndexReader, IndexSettings, ReloadPolicy, TantivyError};

pub(in crate::knowledge) use writer::Writer;

use super::document::{Document, DocumentId};
use super::error::IndexError;
use super::settings::Language;
use schema::Fields;

/// How many decompressed blocks of stored documents are kept per segment. A block is 16 KB, or one long document.
const CACHED_BLOCKS: usize = 8;

/// An index on disk, open for questions. Cheap to clone.
#[derive(Clone)]
pub(in crate::knowledge) struct Index {
    directory: PathBuf,
    index: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
}

/// One document as it goes into the index.
pub(in crate::knowledge) struct Entry {
    pub(in crate::knowledge) document: Document,
    /// The collection it belongs to.
    pub(in crate::knowledge) collection: String,
    /// The language of `searchable`.
    pub(in crate::knowledge) language: Language,
    /// Title and text without markup: what questions are compared with.
    pub(in crate::knowledge) searchable: String,
    /// What its source file looked like (0: look again).
    pub(in crate::knowledge) stamp: u64,
    /// A hash of everything above but the stamp.
    pub(in crate::knowledge) digest: u64,
}

/// What the index knows of one document's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::knowledge) struct Known {
    pub(in crate::knowledge) id: DocumentId,
    pub(in crate::knowledge) collection: String,
    pub(in crate::knowledge) stamp: u64,
    pub(in crate::knowledge) digest: u64,
}

impl Index {
    /// Opens the index for the process that owns it: what another version wrote, or what cannot be read, is begun anew.
    pub(in crate::knowledge) fn open_or_create(
        directory: &Path,
        languages: &BTreeSet<Language>,
    ) -> Result<Self, IndexError> {
        let version = schema::version(languages);
        let written = fs::read_to_string(directory.join(VERSION_FILE)).unwrap_or_default();
        if written == version {
            match Self::open_existing(directory, languages) {
                Ok(index) => return Ok(index),
                Err(error) => tracing::warn!(%error, "the index is damaged and is built again"),
            }
        } else if !written.is_empty() {
            tracing::info!("the index was written by another version and is built again");
        }
        Self::create(directory, languages, &version)
    }

    /// Opens what another process keeps, for questions only.
    pub(in crate::knowledge) fn open_existing(
        directory: &Path,
        languages: &BTreeSet<Language>,
    ) -> Result<Self, IndexError> {
        let written = fs::read_to_string(directory.join(VERSION_FILE)).unwrap_or_default();
        if written != schema::version(languages) {
            return Err(IndexError::Missing {
                path: directory.to_owned(),
            });
        }
        let refused = |error| classify(directory, &error);
        let mmap = MmapDirectory::open(directory).map_err(|error| refused(error.into()))?;
        let index = tantivy::Index::open(mmap).map_err(refused)?;
        Self::with(directory, index, languages).map_err(refused)
    }

    fn create(
        directory: &Path,
        languages: &BTreeSet<Language>,
        version: &str,
    ) -> Result<Self, IndexError> {
        let io = |error: std::io::Error| classify(directory, &error.into());
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(directory).map_err(io)?;
        let refused = |error| classify(directory, &error);
        let mmap = MmapDirectory::open(directory).map_err(|error| refused(error.into()))?;
        let (schema, _) = schema::build(languages);
        let settings = IndexSettings {
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let index = tantivy::Index::create(mmap, schema, settings).map_err(refused)?;
        let opened = Self::with(directory, index, languages).map_err(refused)?;
        // Last, so that an index that was only half made is not taken for one.
        fs::write(directory.join(VERSION_FILE), version).map_err(io)?;
        Ok(opened)
    }

    fn with(
        directory: &Path,
        index: tantivy::Index,
        languages: &BTreeSet<Language>,
    ) -> Result<Self, TantivyError> {
        let (_, fields) = schema::build(languages);
        for language in languages {
            index
                .tokenizers()
                .register(analyzer::name(*language), analyzer::build(*language));
        }
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(CACHED_BLOCKS)
            .try_into()?;
        Ok(Self {
            directory: directory.to_owned(),
            index,
            reader,
            fields,
        })
    }

    /// Shows what was committed since the last call.
    pub(in crate::knowledge) fn reload(&self) -> Result<(), IndexError> {
        self.reader
            .reload()
            .map_err(|error| classify(&self.directory, &error))
    }

    /// Opens the index for changes. Costs memory until it is dropped.
    pub(in crate::knowledge) fn writer(&self) -> Result<Writer, IndexError> {
        Writer::open(self)
    }
}

const VERSION_FILE: &str = "usher-version";

/// Says whose fault an engine's error is: the disk's, a permission's, or its own.
fn classify(directory: &Path, error: &TantivyError) -> IndexError {
    use std::io::ErrorKind;
    let path = directory.to_owned();
    let reason = error.to_string();
    let Some(kind) = io_kind(error) else {
        return IndexError::Engine { reason };
    };
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            IndexError::DiskFull { path }
        }
        // Files that are there and not as the engine left them.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => IndexError::Engine { reason },
        // What else a disk refuses with, such as EIO, is as much the disk's.
        _ => IndexError::Unwritable { path, reason },
    }
}

/// What the operating system refused with, if it is to blame.
fn io_kind(error: &TantivyError) -> Option<std::io::ErrorKind> {
    match error {
        TantivyError::IoError(io)
        | TantivyError::LockFailure(LockError::IoError(io), _)
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: io, .. })
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: io, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: io, .. }) => {
            io_kind_in(&io.to_string()).or_else(|| Some(io.kind()))
        }
        // Some come through the engine as text only.
        _ => io_kind_in(&error.to_string()),
    }
}

/// Reads the code that the standard library ends its texts with: `No space left on device (os error 28)`.
fn io_kind_in(text: &str) -> Option<std::io::ErrorKind> {
    let (_, code) = text.rsplit_once("(os error ")?;
    let (code, _) = code.split_once(')')?;
    code.parse()
        .ok()
        .map(|code| std::io::Error::from_raw_os_error(code).kind())
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
