//! Why settings are refused, why the index cannot be kept, and why a question has no answer now.

use std::path::PathBuf;

/// A mistake in the settings: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Two collections would share document ids.
    #[error("two collections are named `{name}`; give each its own name")]
    DuplicateName {
        /// The name written twice.
        name: String,
    },
    /// A glob that cannot be read.
    #[error("collection `{name}`: the glob `{glob}` in `{key}` cannot be read: {reason}")]
    Glob {
        /// The collection.
        name: String,
        /// `include` or `exclude`.
        key: &'static str,
        /// What was written.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Not a name.
    #[error(
        "expected a collection name of 1 to 64 lower-case letters, digits, `-` or `_`, found `{name}`"
    )]
    Name {
        /// What was written.
        name: String,
    },
    /// Nothing to read.
    #[error("collection `{name}` has no `path`; name a folder or a JSON Lines file")]
    NoPath {
        /// The collection.
        name: String,
    },
    /// A number that is too small or too large.
    #[error("search.{key}: expected {least} to {most}, found {found}")]
    OutOfRange {
        /// The key in `[search]`.
        key: &'static str,
        /// What was written.
        found: u64,
        /// The least allowed.
        least: u64,
        /// The most allowed.
        most: u64,
    },
    /// An address template that gives no address.
    #[error(
        "collection `{name}`: expected an http or https address with `{{path}}` or `{{id}}` in it, found `{template}`"
    )]
    UrlTemplate {
        /// The collection.
        name: String,
        /// What was written.
        template: String,
    },
}

impl SettingsError {
    /// The key it is about, in its table.
    pub(in crate::knowledge) fn key(&self) -> &'static str {
        match self {
            Self::DuplicateName { .. } | Self::Name { .. } => "name",
            Self::Glob { key, .. } | Self::OutOfRange { key, .. } => key,
            Self::NoPath { .. } => "path",
            Self::UrlTemplate { .. } => "url",
        }
    }
}

/// Why the index cannot be opened or brought up to date. What was committed before stays and is answered from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The disk is full.
    #[error("the disk under {} is full; make room, the next pass will continue", path.display())]
    DiskFull {
        /// The index folder.
        path: PathBuf,
    },
    /// The engine refused, and neither the disk nor a permission explains it.
    #[error("the search engine failed: {reason}")]
    Engine {
        /// What the engine said.
        reason: String,
    },
    /// There is no index to read.
    #[error("there is no index under {}; build one with `usher index build`", path.display())]
    Missing {
        /// The index folder.
        path: PathBuf,
    },
    /// Another process keeps this index.
    #[error(
        "another usher process keeps the index under {}; give this one its own `state_dir`, or leave the work to that one",
        path.display()
    )]
    OwnedElsewhere {
        /// The lock file.
        path: PathBuf,
    },
    /// A stop was asked for.
    #[error("stopped before the index was up to date")]
    Stopped,
    /// The state directory cannot be written.
    #[error("{} cannot be written: {reason}; make it writable or set `state_dir`", path.display())]
    Unwritable {
        /// The index folder.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

impl IndexError {
    /// The stable reason code for logs, metrics and health.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::DiskFull { .. } => "index_disk_full",
            Self::Engine { .. } => "index_engine_failed",
            Self::Missing { .. } => "index_missing",
            Self::OwnedElsewhere { .. } => "index_owned_elsewhere",
            Self::Stopped => "index_stopped",
            Self::Unwritable { .. } => "index_unwritable",
        }
    }
}

/// Why a question has no answer now. The text is for the client; the cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The index failed.
    #[error("The document index failed. Try again later, or tell the operator of this server.")]
    Failed,
    /// The index has never been complete.
    #[error("The document index is still being built. Try again in a few seconds.")]
    NotReady,
}
