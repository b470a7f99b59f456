//! Changes to the index, in batches that show all at once.

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{IndexWriter, TantivyDocument, TantivyError, Term};

use super::{Entry, Index, IndexError, classify};
use crate::knowledge::document::DocumentId;

/// The least the engine accepts. More makes fewer and larger segments, and is memory taken from the server.
const MEMORY_BYTES: usize = 15_000_000;

/// A segment in which more than this share of documents is deleted is written again without them.
const DELETED_SHARE: f32 = 0.3;

/// The one writer of an index.
pub(in crate::knowledge) struct Writer {
    index: Index,
    writer: IndexWriter,
}

impl Writer {
    pub(super) fn open(index: &Index) -> Result<Self, IndexError> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(MEMORY_BYTES)
            .build();
        let writer: IndexWriter = index
            .index
            .writer_with_options(options)
            .map_err(|error| classify(&index.directory, &error))?;
        let mut merges = LogMergePolicy::default();
        merges.set_del_docs_ratio_before_merge(DELETED_SHARE);
        writer.set_merge_policy(Box::new(merges));
        Ok(Self {
            index: index.clone(),
            writer,
        })
    }

    /// Adds a document, or replaces the one with its id.
    pub(in crate::knowledge) fn put(&mut self, entry: &Entry) -> Result<(), IndexError> {
        let id = entry.document.id;
        self.remove(id);
        let (upper, lower) = id.halves();
        let fields = &self.index.fields;
        let mut document = TantivyDocument::new();
        // Short fields first: a reader that wants no text can stop before it.
        document.add_text(fields.id, id.to_string());
        document.add_text(fields.title, &entry.document.title);
        document.add_text(fields.url, &entry.document.url);
        document.add_text(fields.metadata, &entry.document.metadata);
        document.add_text(fields.text, &entry.document.text);
        document.add_u64(fields.id_upper, upper);
        document.add_u64(fields.id_lower, lower);
        document.add_text(fields.collection, &entry.collection);
        document.add_u64(fields.stamp, entry.stamp);
        document.add_u64(fields.digest, entry.digest);
        let words = fields
            .words
            .iter()
            .find(|(language, _)| *language == entry.language);
        if let Some((_, words)) = words {
            document.add_text(*words, &entry.searchable);
        }
        match self.writer.add_document(document) {
            Ok(_) => Ok(()),
            // A thread that writes has ended. Why is told where it is joined.
            Err(ended) => {
                let cause = self.writer.prepare_commit().err().unwrap_or(ended);
                Err(self.refused(&cause))
            }
        }
    }

    /// Removes a document.
    pub(in crate::knowledge) fn remove(&self, id: DocumentId) {
        let term = Term::from_field_text(self.index.fields.id, &id.to_string());
        self.writer.delete_term(term);
    }

    /// Makes all changes since the last commit durable, and shows them.
    pub(in crate::knowledge) fn commit(&mut self) -> Result<(), IndexError> {
        self.writer.commit().map_err(|error| self.refused(&error))?;
        self.index.reload()
    }

    /// Ends once pending merges have, and shows their result.
    pub(in crate::knowledge) fn finish(self) -> Result<(), IndexError> {
        let Self { index, writer } = self;
        writer
            .wait_merging_threads()
            .map_err(|error| classify(&index.directory, &error))?;
        index.reload()
    }

    /// Drops everything since the last commit, and the files it left.
    pub(in crate::knowledge) fn abandon(self) {
        let Self { index, writer } = self;
        drop(writer);
        let collected: Result<_, TantivyError> = index
            .index
            .writer_with_options::<TantivyDocument>(IndexWriterOptions::builder().build())
            .and_then(|writer| writer.garbage_collect_files().wait());
        if let Err(error) = collected {
            tracing::debug!(%error, "left-over index files stay until the next commit");
        }
    }

    fn refused(&self, error: &TantivyError) -> IndexError {
        classify(&self.index.directory, error)
    }
}
