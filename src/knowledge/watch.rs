//! That a source may have changed, as the operating system tells it. Hints only: a pass finds out what is true.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::collection::Collection;

/// A change is acted on once nothing else has changed for this long …
const QUIET: Duration = Duration::from_millis(200);
/// … or once it has waited for this long.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Says that some source may have changed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::knowledge) struct Hints(Arc<Notify>);

impl Hints {
    /// Resolves once something may have changed.
    pub(in crate::knowledge) async fn given(&self) {
        self.0.notified().await;
    }

    /// Resolves once no more changes come, and soon in any case.
    pub(in crate::knowledge) async fn settled(&self) {
        let settled = async { while timeout(QUIET, self.given()).await.is_ok() {} };
        // Whether they settled makes no difference.
        drop(timeout(LONGEST_WAIT, settled).await);
    }
}

/// A folder, or one file and the folder it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    folder: PathBuf,
    /// Only this file of the folder counts.
    file: Option<PathBuf>,
    /// Where that file really is, if it is a link, as Kubernetes mounts them. What happens there is not reported.
    target: Option<PathBuf>,
}

impl Source {
    /// What is to be watched for a collection, if it is there.
    fn of(collection: &Collection) -> Option<Self> {
        if collection.is_folder() {
            let folder = collection.path.canonicalize().ok()?;
            return Some(Self {
                folder,
                file: None,
                target: None,
            });
        }
        // The folder, because a file that is replaced is another file.
        let name = collection.path.file_name()?;
        let parent = collection.path.parent()?;
        let here = Path::new(".");
        let parent = if parent.as_os_str().is_empty() {
            here
        } else {
            parent
        };
        let folder = parent.canonicalize().ok()?;
        let file = folder.join(name);
        let target = file.canonicalize().ok().filter(|target| *target != file);
        Some(Self {
            folder,
            file: Some(file),
            target,
        })
    }

    fn concerns(&self, event: &Event) -> bool {
        event.need_rescan()
            || event.paths.iter().any(|path| match &self.file {
                Some(file) => path == file,
                None => path.starts_with(&self.folder),
            })
    }

    /// True if the folder itself went away: then what was watched is not what is at its path now.
    fn is_lost(&self, event: &Event) -> bool {
        let gone = matches!(
            event.kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
        );
        gone && event.paths.contains(&self.folder)
    }
}

/// What is watched for each collection, by its place in the settings. `None`: nothing.
type Watched = Arc<Mutex<Vec<Option<Source>>>>;

/// Watches the sources of all collections, and ends with its value.
#[derive(Default)]
pub(in crate::knowledge) struct Watch {
    hints: Hints,
    watched: Watched,
    watcher: Option<RecommendedWatcher>,
    told: bool,
}

impl Watch {
    pub(in crate::knowledge) fn new(hints: Hints) -> Self {
        Self {
            hints,
            ..Self::default()
        }
    }

    /// Watches what is there now. False if a source is missing or cannot be watched: its changes will not be reported.
    pub(in crate::knowledge) fn cover(&mut self, collections: &[Collection]) -> bool {
        let mut complete = true;
        for (place, collection) in collections.iter().enumerate() {
            let source = Source::of(collection);
            if source != self.watched_at(place)
                && let Err(error) = self.change(place, source)
                && !std::mem::replace(&mut self.told, true)
            {
                tracing::warn!(%error, "not all changes of sources are reported here; they are looked for instead");
            }
            complete &= self.watched_at(place).is_some();
        }
        complete
    }

    /// True if a source is where it was: no link on the way to it leads elsewhere now, and none came or went.
    pub(in crate::knowledge) fn is_in_place(&self, collections: &[Collection]) -> bool {
        let mut places = collections.iter().enumerate();
        places.all(|(place, collection)| Source::of(collection) == self.watched_at(place))
    }

    fn watched_at(&self, place: usize) -> Option<Source> {
        lock(&self.watched).get(place).cloned().flatten()
    }

    fn change(&mut self, place: usize, source: Option<Source>) -> notify::Result<()> {
        let mut watcher = match self.watcher.take() {
            Some(watcher) => watcher,
            None => watcher(Arc::clone(&self.watched), self.hints.clone())?,
        };
        let before = {
            let mut watched = lock(&self.watched);
            let enough = watched.len().max(place + 1);
            watched.resize(enough, None);
            watched.get_mut(place).and_then(Option::take)
        };
        if let Some(before) = before {
            // It may be gone already.
            drop(watcher.unwatch(&before.folder));
        }
        let outcome = match &source {
            Some(source) => {
                let mode = match source.file {
                    Some(_) => RecursiveMode::NonRecursive,
                    None => RecursiveMode::Recursive,
                };
                watcher.watch(&source.folder, mode)
            }
            None => Ok(()),
        };
        if outcome.is_ok()
            && let Some(entry) = lock(&self.watched).get_mut(place)
        {
            *entry = source;
        }
        self.watcher = Some(watcher);
        outcome
    }
}

fn watcher(watched: Watched, hints: Hints) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<Event>| {
        let mut concerned = false;
        for entry in lock(&watched).iter_mut() {
            let Some(source) = entry else { continue };
            match &event {
                Ok(event) if !changes_something(event.kind) || !source.concerns(event) => continue,
                Ok(event) if source.is_lost(event) => *entry = None,
                Ok(_) | Err(_) => {}
            }
            concerned = true;
        }
        if concerned {
            hints.0.notify_one();
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, interval};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_waits_for_quiet_and_not_for_long() {
        let hints = Hints::default();
        let begun = Instant::now();
        hints.0.notify_one();
        hints.given().await;
        hints.settled().await;
        assert_eq!(begun.elapsed(), QUIET);

        let begun = Instant::now();
        let mut writes = interval(QUIET / 2);
        let writing = async {
            loop {
                writes.tick().await;
                hints.0.notify_one();
            }
        };
        tokio::select! {
            () = writing => {}
            () = hints.settled() => {}
        }
        assert_eq!(begun.elapsed(), LONGEST_WAIT);
    }
}
