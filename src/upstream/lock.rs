//! The catalogue lock: the tools of upstreams as somebody approved them, in a file that can be reviewed.
//!
//! An upstream can change what its tools say at any time, and models read it. With the lock on, a tool that is new, or not
//! as it was approved, is kept back or warned about; one that is as it was approved is believed when it says that it only
//! reads. The server reads the file at its start, without which it does not start, and again when it has changed.

mod canonical;
mod diff;
mod schema;
mod settings;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use diff::{Change, Difference};
pub use settings::{LockSettings, OnChange};

use self::canonical::Canonical;
use super::lists::{Item, Lists};

/// The form of the file.
const VERSION: u32 = 1;

/// Why there is no lock to go by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The file cannot be read.
    #[error(
        "cannot read the catalogue lock {}: {problem}; expected the file that `usher upstream approve` writes", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// The file is not one that was written here.
    #[error(
        "the catalogue lock {} is damaged: {problem}; take an earlier version of it, or move it away and approve anew with \
         `usher upstream approve`", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The file cannot be written.
    #[error("cannot write the catalogue lock {}: {problem}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
}

/// What was approved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatalogueLock {
    upstreams: BTreeMap<String, BTreeMap<String, Approved>>,
}

/// A tool as it was approved.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Approved {
    /// Of the canonical form of `tool`.
    sha256: String,
    /// The whole description, for the next difference.
    tool: Value,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    upstreams: BTreeMap<String, BTreeMap<String, Approved>>,
}

impl CatalogueLock {
    /// Reads the file, and believes nothing in it that does not fit its own hash.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let text = std::fs::read_to_string(path).map_err(|error| LockError::Unreadable {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        Self::parse(&text).map_err(|problem| LockError::Damaged {
            path: path.to_owned(),
            problem,
        })
    }

    /// The same; where there is no file yet, nothing was approved.
    pub fn read_or_empty(path: &Path) -> Result<Self, LockError> {
        match path.try_exists() {
            Ok(false) => Ok(Self::default()),
            Ok(true) | Err(_) => Self::read(path),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if file.version != VERSION {
            return Err(format!(
                "expected version {VERSION}, found {}",
                file.version
            ));
        }
        for (upstream, tools) in &file.upstreams {
            for (name, approved) in tools {
                let canonical = Canonical::of(&approved.tool.to_string());
                if canonical.is_none_or(|canonical| canonical.sha256 != approved.sha256) {
                    return Err(format!(
                        "the hash of the tool {name:?} of {upstream:?} is another one"
                    ));
                }
            }
        }
        let upstreams = file.upstreams;
        Ok(Self { upstreams })
    }

    /// Writes the file whole or not at all, sorted, so that versions of it can be compared.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let file = File {
            version: VERSION,
            upstreams: self.upstreams.clone(),
        };
        let write = || {
            let mut text = serde_json::to_string_pretty(&file)?;
            text.push('\n');
            let beside = path.with_extension("new");
            if let Some(folder) = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
            {
                std::fs::create_dir_all(folder)?;
            }
            let mut out = std::fs::File::create(&beside)?;
            out.write_all(text.as_bytes())?;
            out.sync_all()?;
            std::fs::rename(&beside, path)
        };
        write().map_err(|error: std::io::Error| LockError::Unwritable {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    /// How the tools of an upstream are not as they were approved, by name.
    #[must_use]
    pub fn changes(&self, upstream: &str, tools: &[Item]) -> BTreeMap<String, Change> {
        let nothing = BTreeMap::new();
        let approved = self.upstreams.get(upstream).unwrap_or(&nothing);
        let gone = approved.keys().map(|name| (name.clone(), Change::Gone));
        let mut changes: BTreeMap<_, _> = gone.collect();
        for tool in tools {
            let name = String::from(&*tool.name);
            match changed(approved.get(&name), tool) {
                Some(change) => drop(changes.insert(name, change)),
                None => drop(changes.remove(&name)),
            }
        }
        changes
    }

    /// Approves the tools of an upstream as they are now, and forgets those that are gone. One that cannot be read in one way
    /// only is left out.
    pub fn approve(&mut self, upstream: &str, tools: &[Item]) {
        let approved = |tool: &Item| {
            let Canonical { value, sha256 } = Canonical::of(tool.json.get())?;
            let tool_name = String::from(&*tool.name);
            Some((
                tool_name,
                Approved {
                    sha256,
                    tool: value,
                },
            ))
        };
        let approved = tools.iter().filter_map(approved).collect();
        self.upstreams.insert(upstream.to_owned(), approved);
    }

    /// Forgets upstreams that are none any more, and says which.
    pub fn retain(&mut self, is_one: impl Fn(&str) -> bool) -> Vec<String> {
        let gone: Vec<_> = self
            .upstreams
            .keys()
            .filter(|name| !is_one(name))
            .cloned()
            .collect();
        self.upstreams.retain(|name, _| is_one(name));
        gone
    }
}

fn changed(approved: Option<&Approved>, tool: &Item) -> Option<Change> {
    let Some(now) = Canonical::of(tool.json.get()) else {
        return Some(Change::Unreadable);
    };
    match approved {
        None => Some(Change::New),
        Some(approved) if approved.sha256 == now.sha256 => None,
        Some(approved) => Some(Change::Changed(diff::differences(
            &approved.tool,
            &now.value,
        ))),
    }
}

/// The lock of a running server.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    on_change: OnChange,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    lock: Arc<CatalogueLock>,
    /// Of the file, when it was read.
    modified: Option<SystemTime>,
}

impl Guard {
    /// Reads the lock; nothing if none is wanted.
    pub fn open(settings: &LockSettings, state_dir: &Path) -> Result<Option<Arc<Self>>, LockError> {
        if !settings.enabled {
            return Ok(None);
        }
        let path = settings.path(state_dir);
        let modified = modified(&path);
        let lock = Arc::new(CatalogueLock::read(&path)?);
        Ok(Some(Arc::new(Self {
            path,
            on_change: settings.on_change,
            held: Mutex::new(Held { lock, modified }),
        })))
    }

    /// The lock as it is now. A file that has become unreadable changes nothing: what was approved before stays so.
    fn lock(&self) -> Arc<CatalogueLock> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = modified(&self.path);
        if now != held.modified {
            held.modified = now;
            match CatalogueLock::read(&self.path) {
                Ok(lock) => held.lock = Arc::new(lock),
                Err(error) => tracing::warn!(%error, "upstream: the lock as it was before holds"),
            }
        }
        Arc::clone(&held.lock)
    }

    /// Marks what was approved, and takes out of `lists` what is to be kept back.
    pub(super) fn apply(&self, upstream: &str, lists: &mut Lists) {
        let changes = self.lock().changes(upstream, &lists.tools);
        let (tools, quarantined) = self.sort(&changes, &lists.tools);
        (lists.tools, lists.quarantined) = (tools.into(), quarantined.into());
        lists.changes = changes;
        // Models read it as well, and nobody has approved it.
        if self.on_change != OnChange::Warn {
            lists.instructions = None;
        }
    }

    /// The tools of `upstream` that a server would list, marked if they were approved, and the names of those it would keep
    /// back.
    #[must_use]
    pub fn would_list(&self, upstream: &str, tools: &[Item]) -> (Vec<Item>, Vec<Box<str>>) {
        self.sort(&self.lock().changes(upstream, tools), tools)
    }

    fn sort(
        &self,
        changes: &BTreeMap<String, Change>,
        tools: &[Item],
    ) -> (Vec<Item>, Vec<Box<str>>) {
        let mut quarantined = Vec::new();
        let mut listed = Vec::with_capacity(tools.len());
        for tool in tools {
            let is_approved = !changes.contains_key(&*tool.name);
            if is_approved || self.on_change == OnChange::Warn {
                listed.push(Item {
                    is_approved,
                    ..tool.clone()
                });
            } else {
                quarantined.push(tool.name.clone());
            }
        }
        (listed, quarantined)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|file| file.modified())
        .ok()
}

/// Says once what was found.
pub(super) fn tell(upstream: &str, lists: &Lists) {
    for (tool, change) in &lists.changes {
        let effect = match lists.quarantined.iter().any(|name| **name == **tool) {
            true => "kept back",
            false => "not as approved",
        };
        tracing::warn!(
            upstream,
            tool,
            change = %change,
            breaks = change.breaks(),
            "upstream: a tool is {effect}; see `usher upstream diff`, then `usher upstream approve`"
        );
    }
}

#[cfg(test)]
mod tests;
