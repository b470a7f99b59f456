//! What does not stop the start and should be known.

use std::path::PathBuf;

/// One of these, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Every user of this machine can read this secret file.
    #[error(
        "every user of this machine can read the secret file {path}; take that right away with: chmod o-r {path}",
        path = .0.display()
    )]
    OpenSecret(PathBuf),
    /// A pattern of a rule matches nothing.
    #[error("{0}")]
    UnmatchedRule(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
