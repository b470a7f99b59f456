//! The changes of one pass, in batches.

use super::document::DocumentId;
use super::embedded::{Entry, Index, Writer};
use super::error::IndexError;

/// Changes are committed, and so shown, at least this often in a long pass.
const BATCH_DOCUMENTS: usize = 5_000;
/// As above, in bytes of text.
const BATCH_BYTES: usize = 64 << 20;

/// What a pass writes. The engine's writer is opened with the first change, as it costs memory.
pub(in crate::knowledge) struct Changes {
    index: Index,
    writer: Option<Writer>,
    documents: usize,
    bytes: usize,
    written: usize,
    removed: usize,
}

impl Changes {
    pub(in crate::knowledge) fn new(index: &Index) -> Self {
        Self {
            index: index.clone(),
            writer: None,
            documents: 0,
            bytes: 0,
            written: 0,
            removed: 0,
        }
    }

    pub(in crate::knowledge) fn put(&mut self, entry: &Entry) -> Result<(), IndexError> {
        self.writer()?.put(entry)?;
        self.written += 1;
        self.documents += 1;
        self.bytes += entry.document.text.len() + entry.searchable.len();
        if self.documents >= BATCH_DOCUMENTS || self.bytes >= BATCH_BYTES {
            self.writer()?.commit()?;
            self.documents = 0;
            self.bytes = 0;
        }
        Ok(())
    }

    pub(in crate::knowledge) fn remove(&mut self, id: DocumentId) -> Result<(), IndexError> {
        self.writer()?.remove(id);
        self.removed += 1;
        Ok(())
    }

    /// Commits what is left. Gives how many documents were written and removed.
    pub(in crate::knowledge) fn finish(mut self) -> Result<(usize, usize), IndexError> {
        if let Some(mut writer) = self.writer.take() {
            if let Err(error) = writer.commit() {
                writer.abandon();
                return Err(error);
            }
            writer.finish()?;
        }
        Ok((self.written, self.removed))
    }

    /// Drops what was not committed.
    pub(in crate::knowledge) fn abandon(self) {
        if let Some(writer) = self.writer {
            writer.abandon();
        }
    }

    fn writer(&mut self) -> Result<&mut Writer, IndexError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.index.writer()?,
        };
        Ok(self.writer.insert(writer))
    }
}
