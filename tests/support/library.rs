//! Collections on disk, and a `Knowledge` over them that tests can wait for.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use usher::clock::Clock;
use usher::knowledge::{
    CollectionSettings, Document, Health, Knowledge, Parts, SearchSettings, Settings,
};
use usher::lifecycle::Lifecycle;
use usher::telemetry::Metrics;

/// A folder for sources and state that is removed in the end, and what answers from it.
pub(crate) struct Library {
    pub(crate) folder: TempDir,
    pub(crate) settings: Settings,
    lifecycle: Lifecycle,
}

impl Library {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            settings: Settings {
                collections: Vec::new(),
                search: SearchSettings::default(),
            },
            lifecycle: Lifecycle::new(),
        }
    }

    /// Adds a collection over a folder or file, which need not be there yet.
    pub(crate) fn collection(&mut self, path: &str) -> &mut CollectionSettings {
        let path = self.path(path);
        let settings = CollectionSettings::from_path(path);
        self.settings.collections.push(settings);
        self.settings.collections.last_mut().expect("just added")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.path(path)).expect("a file to remove");
    }

    /// Opens the collections in this process.
    pub(crate) fn open(&self) -> Knowledge {
        self.open_with_state(&self.state_dir(), &self.lifecycle)
    }

    pub(crate) fn open_with_state(&self, state_dir: &Path, lifecycle: &Lifecycle) -> Knowledge {
        let parts = Parts {
            public_url: "https://mcp.example.com".to_owned(),
            state_dir: state_dir.to_owned(),
            lifecycle: lifecycle.clone(),
            metrics: Metrics::default(),
            clock: Clock::system(),
        };
        Knowledge::open(&self.settings, &parts).expect("good settings")
    }

    /// Opens the collections and waits until they were read once.
    pub(crate) async fn opened(&self) -> Knowledge {
        let knowledge = self.open();
        settled(&knowledge).await;
        knowledge
    }

    /// Ends everything that keeps the index, so that it can be opened again.
    pub(crate) async fn close(&mut self) {
        let lifecycle = std::mem::take(&mut self.lifecycle);
        lifecycle.stop_softly();
        lifecycle.finished().await;
    }
}

/// Waits until `wanted` gives something.
pub(crate) async fn eventually<T>(what: &str, mut wanted: impl FnMut() -> Option<T>) -> T {
    super::eventually::eventually(what, async || wanted()).await
}

/// Waits until the collections were read once, and gives how that went.
pub(crate) async fn settled(knowledge: &Knowledge) -> Health {
    use usher::knowledge::IndexState;
    eventually("the index is current", || {
        let health = knowledge.health();
        (health.state == IndexState::Current).then_some(health)
    })
    .await
}

/// The titles that a question finds, best first. Empty also while there is no index.
pub(crate) fn titles(knowledge: &Knowledge, question: &str) -> Vec<String> {
    let hits = knowledge.search(question).unwrap_or_default();
    hits.into_iter().map(|hit| hit.title).collect()
}

/// The best document for a question.
pub(crate) fn best(knowledge: &Knowledge, question: &str) -> Option<Document> {
    let hits = knowledge.search(question).ok()?;
    knowledge.document(hits.first()?.id).ok()?
}
