//! How the index is.

use std::sync::{Mutex, PoisonError};

use super::error::IndexError;
use super::mirror::CollectionReport;

/// The state of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IndexState {
    /// Never complete yet.
    #[default]
    Building,
    /// As its sources were at the last pass.
    Current,
    /// Not up to date. Answers come from what was committed before.
    Failing(IndexError),
}

impl IndexState {
    /// The stable name for health and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Current => "current",
            Self::Failing(error) => error.reason(),
        }
    }
}

/// The index in counts. The collections' names are for operators: what is public tells numbers only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The state of the index.
    pub state: IndexState,
    /// One per collection, in the order of the settings.
    pub collections: Vec<CollectionReport>,
    /// When the index was last brought up to date, in Unix seconds.
    pub last_indexed: Option<i64>,
}

impl Health {
    /// Documents in the index.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.collections.iter().map(|c| c.documents).sum()
    }

    /// Files and records that were left out.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.collections.iter().map(|c| c.failures).sum()
    }
}

/// Health, as it changes.
#[derive(Debug, Default)]
pub(in crate::knowledge) struct HealthCell(Mutex<Health>);

impl HealthCell {
    pub(in crate::knowledge) fn read(&self) -> Health {
        let health = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        health.clone()
    }

    pub(in crate::knowledge) fn change(&self, change: impl FnOnce(&mut Health)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
