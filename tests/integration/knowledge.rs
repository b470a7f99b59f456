//! Collections on disk, from files and records to answers.

mod relevance;
mod sources;
