//! What an operator writes about the catalogue lock.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The catalogue lock: which tools of upstreams somebody has approved, and what happens to others.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct LockSettings {
    /// Whether tools of upstreams are compared with the lock. The server then does not start without its file, which
    /// `usher upstream approve` writes. A tool that is as it was approved is believed when it says `readOnlyHint: true`.
    /// Default: false.
    pub enabled: bool,
    /// The file, best kept under version control. Default: `catalogue.lock.json` in `state_dir`.
    #[schemars(example = "/etc/usher/catalogue.lock.json")]
    pub file: Option<PathBuf>,
    /// What happens to a tool that is new or not as it was approved: `quarantine` keeps it back, so that it is neither listed
    /// nor called; `warn` lists it and says so in the log. Default: `quarantine`.
    pub on_change: OnChange,
}

/// What happens to a tool that is new or not as it was approved.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// It is neither listed nor called.
    #[default]
    Quarantine,
    /// It is listed; the log says what changed.
    Warn,
}

impl LockSettings {
    /// The file.
    #[must_use]
    pub fn path(&self, state_dir: &Path) -> PathBuf {
        let in_state_dir = || state_dir.join("catalogue.lock.json");
        self.file.clone().unwrap_or_else(in_state_dir)
    }
}
