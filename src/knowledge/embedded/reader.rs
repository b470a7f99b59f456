//! Questions to the index.

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{DocAddress, DocSet, Searcher, TERMINATED, TantivyDocument, TantivyError, Term};

use super::{Index, IndexError, Known, analyzer, classify};
use crate::knowledge::document::{Document, DocumentId, Hit};

/// More distinct words than this add nothing to a question but time.
const MOST_WORDS: usize = 64;

impl Index {
    /// The best documents for a question, best first. The question is plain words: nothing in it is an operator.
    pub(in crate::knowledge) fn search(
        &self,
        question: &str,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        let terms = self.terms(question);
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        self.best(&BooleanQuery::union(terms), limit)
            .map_err(|error| classify(&self.directory, &error))
    }

    fn terms(&self, question: &str) -> Vec<Box<dyn Query>> {
        let mut terms: Vec<Box<dyn Query>> = Vec::new();
        for (language, field) in &self.fields.words {
            let Some(analyzer) = self.index.tokenizers().get(analyzer::name(*language)) else {
                continue;
            };
            for word in analyzer::words(analyzer, question, MOST_WORDS) {
                let term = Term::from_field_text(*field, &word);
                terms.push(Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)));
            }
        }
        terms
    }

    fn best(&self, query: &dyn Query, limit: usize) -> Result<Vec<Hit>, TantivyError> {
        let searcher = self.reader.searcher();
        let best = searcher.search(query, &TopDocs::with_limit(limit).order_by_score())?;
        let mut hits = Vec::with_capacity(best.len());
        for (_score, address) in best {
            let stored: TantivyDocument = searcher.doc(address)?;
            if let Ok(id) = first(&stored, self.fields.id).parse() {
                hits.push(Hit {
                    id,
                    title: first(&stored, self.fields.title).to_owned(),
                    url: first(&stored, self.fields.url).to_owned(),
                });
            }
        }
        Ok(hits)
    }

    /// The document with this id.
    pub(in crate::knowledge) fn document(
        &self,
        id: DocumentId,
    ) -> Result<Option<Document>, IndexError> {
        let searcher = self.reader.searcher();
        self.address(&searcher, id)
            .and_then(|address| {
                address
                    .map(|address| self.stored(&searcher, address, id))
                    .transpose()
            })
            .map_err(|error| classify(&self.directory, &error))
    }

    fn address(
        &self,
        searcher: &Searcher,
        id: DocumentId,
    ) -> Result<Option<DocAddress>, TantivyError> {
        let term = Term::from_field_text(self.fields.id, &id.to_string());
        for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
            let terms = segment.inverted_index(self.fields.id)?;
            let Some(mut found) = terms.read_postings(&term, IndexRecordOption::Basic)? else {
                continue;
            };
            while found.doc() != TERMINATED {
                if !segment.is_deleted(found.doc()) {
                    return Ok(Some(DocAddress::new(ordinal, found.doc())));
                }
                found.advance();
            }
        }
        Ok(None)
    }

    fn stored(
        &self,
        searcher: &Searcher,
        address: DocAddress,
        id: DocumentId,
    ) -> Result<Document, TantivyError> {
        let stored: TantivyDocument = searcher.doc(address)?;
        Ok(Document {
            id,
            title: first(&stored, self.fields.title).to_owned(),
            text: first(&stored, self.fields.text).to_owned(),
            url: first(&stored, self.fields.url).to_owned(),
            metadata: first(&stored, self.fields.metadata).to_owned(),
        })
    }

    /// Every document in the index with what is known of its source.
    pub(in crate::knowledge) fn known(&self) -> Result<Vec<Known>, IndexError> {
        self.read_known()
            .map_err(|error| classify(&self.directory, &error))
    }

    fn read_known(&self) -> Result<Vec<Known>, TantivyError> {
        let searcher = self.reader.searcher();
        let mut known = Vec::with_capacity(usize::try_from(searcher.num_docs()).unwrap_or(0));
        for segment in searcher.segment_readers() {
            let columns = segment.fast_fields();
            let (upper, lower) = (columns.u64("id_upper")?, columns.u64("id_lower")?);
            let (stamp, digest) = (columns.u64("stamp")?, columns.u64("digest")?);
            let Some(collection) = columns.str("collection")? else {
                continue;
            };
            let mut name = String::new();
            for doc in segment.doc_ids_alive() {
                let number = |column: &tantivy::columnar::Column<u64>| column.first(doc);
                let ordinal = collection.term_ords(doc).next().unwrap_or_default();
                name.clear();
                collection.ord_to_str(ordinal, &mut name)?;
                known.push(Known {
                    id: DocumentId::from_halves(
                        number(&upper).unwrap_or_default(),
                        number(&lower).unwrap_or_default(),
                    ),
                    collection: name.clone(),
                    stamp: number(&stamp).unwrap_or_default(),
                    digest: number(&digest).unwrap_or_default(),
                });
            }
        }
        Ok(known)
    }
}

fn first(stored: &TantivyDocument, field: Field) -> &str {
    stored
        .get_first(field)
        .and_then(|value| value.as_str())
        .unwrap_or_default()
}
