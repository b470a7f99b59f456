//! Collections on disk, from files and records to answers.

mod changes;
mod failures;
mod questions;
mod relevance;
mod sources;
