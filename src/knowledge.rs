//! What `search` and `fetch` answer from: documents in configured collections.
//!
//! Sources are the truth and the index is their mirror: it is brought up to date in the background, and questions are
//! answered from what was last committed, whatever happens to sources, disk or lock meanwhile.

mod changes;
mod collection;
mod document;
mod embedded;
mod error;
mod health;
mod ingest;
mod keep;
mod mirror;
mod offline;
mod settings;
mod visit;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

pub use document::{Document, DocumentId, Hit, InvalidDocumentId};
pub use error::{IndexError, SearchError, SettingsError};
pub use health::{Health, IndexState};
pub use mirror::{CollectionReport, Report};
pub use offline::Offline;
pub use settings::{CollectionSettings, Fields, Kind, Language, Limits, SearchSettings, Settings};
pub use visit::{LeftOut, Observer};

use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::telemetry::Metrics;
use collection::Collection;
use embedded::Index;

/// All collections. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Knowledge(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    search: SearchSettings,
    /// False without collections: then there is nothing to find, and nothing to wait for.
    configured: bool,
    /// Empty until there is an index to answer from.
    index: ArcSwapOption<Index>,
    health: health::HealthCell,
    metrics: Metrics,
}

impl Inner {
    /// Questions are answered from this index from now on.
    fn publish(&self, index: &Index) {
        self.index.store(Some(Arc::new(index.clone())));
    }
}

/// What knowledge is built from, besides its settings.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The origin in the address of a document that has no other.
    pub public_url: String,
    /// Where the index lives.
    pub state_dir: PathBuf,
    /// Where the index is kept up to date.
    pub lifecycle: Lifecycle,
    /// Where questions are counted.
    pub metrics: Metrics,
    /// The wall clock.
    pub clock: Clock,
}

impl Knowledge {
    /// Checks the settings and begins to keep the index in the background. Does not wait for it.
    pub fn open(settings: &Settings, parts: &Parts) -> Result<Self, SettingsError> {
        let collections = compile(settings, &parts.public_url)?;
        let inner = Arc::new(Inner {
            search: settings.search.clone(),
            configured: !collections.is_empty(),
            metrics: parts.metrics.clone(),
            ..Inner::default()
        });
        inner.health.change(|health| {
            health.collections = collections.iter().map(CollectionReport::unread).collect();
            if !inner.configured {
                health.state = IndexState::Current;
            }
        });
        if inner.configured {
            keep::start(&inner, collections, parts);
        }
        Ok(Self(inner))
    }

    /// The best documents for a question, best first. The question is plain words: nothing in it is an operator.
    pub fn search(&self, question: &str) -> Result<Vec<Hit>, SearchError> {
        let begun = Instant::now();
        let hits = self.ask(|index| index.search(question, self.0.search.results));
        let seconds = begun.elapsed().as_secs_f64();
        self.0.metrics.search_seconds("embedded", seconds);
        hits
    }

    /// The document with this id, if there is one.
    pub fn document(&self, id: DocumentId) -> Result<Option<Document>, SearchError> {
        self.ask(|index| index.document(id))
    }

    /// How much `search` and `fetch` give.
    #[must_use]
    pub fn search_settings(&self) -> &SearchSettings {
        &self.0.search
    }

    /// How the index is, as of the last pass.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.health.read()
    }

    /// Why no question can be answered yet, as a stable reason code. `None` once there is an index to answer from: an
    /// older one counts, and without collections there is nothing to wait for.
    #[must_use]
    pub fn not_ready(&self) -> Option<&'static str> {
        if !self.0.configured || self.0.index.load().is_some() {
            return None;
        }
        Some(match self.0.health.read().state {
            IndexState::Building | IndexState::Current => "index_not_ready",
            IndexState::Failing(error) => error.reason(),
        })
    }

    fn ask<T: Default>(
        &self,
        question: impl FnOnce(&Index) -> Result<T, IndexError>,
    ) -> Result<T, SearchError> {
        if !self.0.configured {
            return Ok(T::default());
        }
        let Some(index) = &*self.0.index.load() else {
            return Err(match self.0.health.read().state {
                IndexState::Building | IndexState::Current => SearchError::NotReady,
                IndexState::Failing(_) => SearchError::Failed,
            });
        };
        question(index).map_err(|error| {
            tracing::error!(%error, "a question to the index failed");
            SearchError::Failed
        })
    }
}

fn compile(settings: &Settings, public_url: &str) -> Result<Vec<Collection>, SettingsError> {
    settings.check()?;
    let collections = settings.collections.iter();
    collections
        .map(|collection| Collection::new(collection, public_url))
        .collect()
}
