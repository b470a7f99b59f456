//! Which collections may have changed, as the operating system tells it. Hints only: a pass finds out what is true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::collection::Collection;

/// A change is acted on once nothing else has changed for this long …
const QUIET: Duration = Duration::from_millis(300);
/// … or once it has waited for this long.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Collections that may have changed, by their place in the settings. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::knowledge) struct Hints(Arc<Hinted>);

#[derive(Debug, Default)]
struct Hinted {
    places: Mutex<BTreeSet<usize>>,
    arrived: Notify,
}

impl Hints {
    fn add(&self, places: impl IntoIterator<Item = usize>) {
        self.places().extend(places);
        self.0.arrived.notify_one();
    }

    /// The collections that may have changed, once there are any and the changes have settled.
    pub(in crate::knowledge) async fn settled(&self) -> BTreeSet<usize> {
        self.0.arrived.notified().await;
        let first = Instant::now();
        while first.elapsed() < LONGEST_WAIT {
            if timeout(QUIET, self.0.arrived.notified()).await.is_err() {
                break;
            }
        }
        std::mem::take(&mut *self.places())
    }

    fn places(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder, or one file and the folder it is in.
#[derive(Clone, Debug)]
struct Source {
    place: usize,
    folder: PathBuf,
    /// Only this file of the folder counts.
    file: Option<PathBuf>,
}

impl Source {
    fn of(place: usize, collection: &Collection) -> Option<Self> {
        if collection.is_folder() {
            let folder = collection.path.canonicalize().ok()?;
            let file = None;
            return Some(Self {
                place,
                folder,
                file,
            });
        }
        // The folder, because a file that is replaced is another file.
        let name = collection.path.file_name()?;
        let parent = collection.path.parent()?;
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        let folder = parent.canonicalize().ok()?;
        let file = Some(folder.join(name));
        Some(Self {
            place,
            folder,
            file,
        })
    }

    fn concerns(&self, event: &Event) -> bool {
        event.need_rescan()
            || event.paths.iter().any(|path| match &self.file {
                Some(file) => path == file,
                None => path.starts_with(&self.folder),
            })
    }
}

/// Ends with its value.
pub(in crate::knowledge) struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches all collections. `None` where one of them cannot be watched: then the caller has to look more often.
    pub(in crate::knowledge) fn start(collections: &[Collection], hints: &Hints) -> Option<Self> {
        let sources: Option<Vec<Source>> = (0..)
            .zip(collections)
            .map(|(place, collection)| Source::of(place, collection))
            .collect();
        let sources = sources?;
        match watcher(&sources, hints.clone()) {
            Ok(watcher) => Some(Self { _watcher: watcher }),
            Err(error) => {
                tracing::warn!(%error, "changes of sources are not reported here; they are looked for instead");
                None
            }
        }
    }
}

fn watcher(sources: &[Source], hints: Hints) -> notify::Result<RecommendedWatcher> {
    let concerned = sources.to_vec();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let Ok(event) = event else {
            hints.add(concerned.iter().map(|source| source.place));
            return;
        };
        if changes_something(event.kind) {
            let concerned: Vec<usize> = concerned
                .iter()
                .filter(|source| source.concerns(&event))
                .map(|source| source.place)
                .collect();
            if !concerned.is_empty() {
                hints.add(concerned);
            }
        }
    })?;
    for source in sources {
        let mode = match source.file {
            Some(_) => RecursiveMode::NonRecursive,
            None => RecursiveMode::Recursive,
        };
        watcher.watch(&source.folder, mode)?;
    }
    Ok(watcher)
}

/// False for looks, our own included.
fn changes_something(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Other
        | EventKind::Remove(_) => true,
    }
}
