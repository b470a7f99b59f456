//! The index without a server: built, looked at and asked by the command line and by benches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::collection::Collection;
use super::embedded::Index;
use super::error::{IndexError, SettingsError};
use super::health::{Health, IndexState};
use super::mirror::{self, CollectionReport, Mirror, Report};
use super::settings::{SearchSettings, Settings};
use super::visit::Observer;
use super::{Inner, Knowledge, compile};

/// An index on disk and the collections it is made from.
#[derive(Clone, Debug)]
pub struct Offline {
    collections: Vec<Collection>,
    search: SearchSettings,
    state_dir: PathBuf,
}

impl Offline {
    /// The index of these collections under `state_dir`.
    pub fn new(
        settings: &Settings,
        public_url: &str,
        state_dir: &Path,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            collections: compile(settings, public_url)?,
            search: settings.search.clone(),
            state_dir: state_dir.to_owned(),
        })
    }

    /// Where the index is.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        mirror::directory(&self.state_dir)
    }

    /// True while a process keeps the index up to date.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        mirror::is_owned(&self.state_dir)
    }

    /// Brings the index up to date. Refused while a server does that.
    pub fn build(&self, observer: &mut dyn Observer) -> Result<Report, IndexError> {
        let mut mirror = Mirror::open(self.collections.clone(), &self.state_dir)?;
        mirror.pass(observer)
    }

    /// Answers from the index as it is, and never changes it. Its health counts what the index holds.
    pub fn read(&self) -> Result<Knowledge, IndexError> {
        let languages = mirror::languages(&self.collections);
        let index = Index::open_existing(&self.directory(), &languages)?;
        let known = index.known()?;
        let counted = self.collections.iter().map(|collection| CollectionReport {
            documents: known
                .iter()
                .filter(|known| known.collection == collection.name)
                .count(),
            name: collection.name.clone(),
            ..CollectionReport::default()
        });
        let health = Health {
            state: IndexState::Current,
            collections: counted.collect(),
            last_indexed: None,
        };
        let inner = Inner {
            search: self.search.clone(),
            configured: true,
            ..Inner::default()
        };
        inner.publish(&index);
        inner.health.change(|now| *now = health);
        Ok(Knowledge(Arc::new(inner)))
    }
}
