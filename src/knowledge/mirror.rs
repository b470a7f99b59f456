//! The index as the mirror of its sources: one process owns it and brings it up to date, pass by pass.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::changes::Changes;
use super::collection::Collection;
use super::document::DocumentId;
use super::embedded::Index;
use super::error::IndexError;
use super::ingest::{self, ReadError};
use super::settings::Language;
use super::visit::{Observer, Outcome, State, States, Visit};

/// The index and what it was made from.
pub(in crate::knowledge) struct Mirror {
    collections: Vec<Collection>,
    index: Index,
    states: States,
    /// Documents of collections that are configured no more.
    orphans: Vec<DocumentId>,
    outcomes: Vec<Outcome>,
    pass: u64,
    _owner: File,
}

/// One collection's part in a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionReport {
    /// Its name.
    pub name: String,
    /// Documents in the index.
    pub documents: usize,
    /// Files and records that were left out.
    pub failures: usize,
    /// True if its folder or file could not be read. What was in the index stays.
    pub unavailable: bool,
}

impl CollectionReport {
    /// Before anything is known of it.
    pub(in crate::knowledge) fn unread(collection: &Collection) -> Self {
        Self {
            name: collection.name.clone(),
            ..Self::default()
        }
    }
}

/// What the index holds after a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One per collection, in the order of the settings.
    pub collections: Vec<CollectionReport>,
    /// Documents the pass added or replaced.
    pub written: usize,
    /// Documents the pass removed.
    pub removed: usize,
}

impl Mirror {
    /// Takes the index under `state_dir` into this process's hands, and makes one if there is none.
    pub(in crate::knowledge) fn open(
        collections: Vec<Collection>,
        state_dir: &Path,
    ) -> Result<Self, IndexError> {
        let owner = own(state_dir)?;
        let index = Index::open_or_create(&directory(state_dir), &languages(&collections))?;
        let mut mirror = Self {
            outcomes: vec![Outcome::default(); collections.len()],
            collections,
            index,
            states: States::new(),
            orphans: Vec::new(),
            pass: 0,
            _owner: owner,
        };
        mirror.recall()?;
        Ok(mirror)
    }

    pub(in crate::knowledge) fn index(&self) -> &Index {
        &self.index
    }

    /// Brings all collections up to date. On an error what was committed stays, and the next pass goes on from there.
    pub(in crate::knowledge) fn pass(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<Report, IndexError> {
        self.pass += 1;
        let mut changes = Changes::new(&self.index);
        let visited = self.visit(&mut changes, observer);
        let finished = match visited {
            Ok(()) => changes.finish(),
            Err(error) => {
                changes.abandon();
                Err(error)
            }
        };
        match finished {
            Ok((written, removed)) => Ok(Report {
                written,
                removed,
                collections: self.collections(),
            }),
            Err(error) => {
                self.recall()?;
                Err(error)
            }
        }
    }

    fn visit(
        &mut self,
        changes: &mut Changes,
        observer: &mut dyn Observer,
    ) -> Result<(), IndexError> {
        for orphan in self.orphans.drain(..) {
            changes.remove(orphan)?;
        }
        let sources = self.collections.iter().zip(&mut self.outcomes);
        for (place, (collection, before)) in sources.enumerate() {
            let mut visit = Visit {
                collection,
                place,
                pass: self.pass,
                states: &mut self.states,
                changes,
                observer,
                before,
                outcome: Outcome::default(),
                documents: 0,
            };
            match ingest::read(collection, &mut visit) {
                Ok(()) => {
                    visit.remove_unmet()?;
                    *before = visit.outcome;
                }
                Err(ReadError::Index(error)) => return Err(error),
                Err(ReadError::Unavailable(error)) => {
                    if !before.unavailable {
                        let path = collection.path.display();
                        let collection = collection.name.as_str();
                        tracing::warn!(collection, %path, %error, "the collection cannot be read; what is in the index stays, and it is looked for again");
                    }
                    before.unavailable = true;
                }
            }
        }
        Ok(())
    }

    /// Forgets what it believed of the index and asks the index.
    fn recall(&mut self) -> Result<(), IndexError> {
        self.states.clear();
        self.orphans.clear();
        for outcome in &mut self.outcomes {
            *outcome = Outcome::default();
        }
        for known in self.index.known()? {
            let mut named = self.collections.iter();
            match named.position(|collection| collection.name == known.collection) {
                Some(collection) => {
                    let state = State {
                        collection,
                        met: 0,
                        stamp: known.stamp,
                        digest: known.digest,
                    };
                    self.states.insert(known.id, state);
                }
                None => self.orphans.push(known.id),
            }
        }
        Ok(())
    }

    /// What the index holds of each collection.
    pub(in crate::knowledge) fn collections(&self) -> Vec<CollectionReport> {
        let mut reports: Vec<CollectionReport> = self
            .collections
            .iter()
            .zip(&self.outcomes)
            .map(|(collection, outcome)| CollectionReport {
                name: collection.name.clone(),
                documents: 0,
                failures: outcome.failures,
                unavailable: outcome.unavailable,
            })
            .collect();
        for state in self.states.values() {
            if let Some(report) = reports.get_mut(state.collection) {
                report.documents += 1;
            }
        }
        reports
    }
}

/// Where the index is.
pub(in crate::knowledge) fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("index")
}

/// The languages the collections are in.
pub(in crate::knowledge) fn languages(collections: &[Collection]) -> BTreeSet<Language> {
    collections.iter().map(|c| c.language).collect()
}

/// True while some process owns the index.
pub(in crate::knowledge) fn is_owned(state_dir: &Path) -> bool {
    let lock = File::open(state_dir.join(LOCK_FILE));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

const LOCK_FILE: &str = "index.lock";

/// Locks the index for this process. The operating system lets go of it however the process ends.
fn own(state_dir: &Path) -> Result<File, IndexError> {
    let path = state_dir.join(LOCK_FILE);
    let unwritable = |path: &Path, error: std::io::Error| IndexError::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    fs::create_dir_all(state_dir).map_err(|error| unwritable(state_dir, error))?;
    let file = File::create(&path).map_err(|error| unwritable(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(IndexError::OwnedElsewhere { path }),
        Err(TryLockError::Error(error)) => Err(unwritable(&path, error)),
    }
}
