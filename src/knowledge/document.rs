//! Documents, their ids, and the short form in which `search` names them.

use std::fmt;
use std::str::FromStr;

use crate::sealing::sha256;

/// Names one document: the first 96 bits of a SHA-256 over collection and source, as 24 hexadecimal digits.
///
/// The source is the path inside a folder, or a record's own id. So an id is the same on every replica and after every
/// rebuild, unique across collections, safe in a URL, and grants nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(u128);

impl DocumentId {
    const DIGITS: usize = 24;

    /// The id of what `source` names in `collection`.
    #[must_use]
    pub fn of(collection: &str, source: &str) -> Self {
        let digest = sha256(
            [collection.as_bytes(), &[0], source.as_bytes()]
                .concat()
                .as_slice(),
        );
        let (first, _) = digest
            .split_first_chunk::<16>()
            .expect("invariant: SHA-256 gives 32 bytes");
        Self(u128::from_be_bytes(*first) >> 32)
    }

    /// The upper and lower half, as the index keeps them.
    #[must_use]
    pub(in crate::knowledge) fn halves(self) -> (u64, u64) {
        let lower = self.0 & u128::from(u64::MAX);
        (
            u64::try_from(self.0 >> 64).unwrap_or_default(),
            u64::try_from(lower).unwrap_or_default(),
        )
    }

    /// The id with these halves.
    #[must_use]
    pub(in crate::knowledge) fn from_halves(upper: u64, lower: u64) -> Self {
        Self(u128::from(upper) << 64 | u128::from(lower))
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:024x}", self.0)
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for DocumentId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Not a document id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a document id of 24 hexadecimal digits")]
pub struct InvalidDocumentId;

impl FromStr for DocumentId {
    type Err = InvalidDocumentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != Self::DIGITS || !text.bytes().all(digit) {
            return Err(InvalidDocumentId);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_not_hexadecimal| InvalidDocumentId)
    }
}

/// One document, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// What people call it.
    pub title: String,
    /// The whole text: Markdown as written, HTML as plain text, a record's text field.
    pub text: String,
    /// Where people open it: http or https, never empty.
    pub url: String,
    /// A JSON object, serialised.
    pub metadata: String,
}

/// What `search` tells of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its id.
    pub id: DocumentId,
    /// What people call it.
    pub title: String,
    /// Where people open it.
    pub url: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_never_changes() {
        // Clients and bookmarks keep ids: a change here breaks them all.
        let id = DocumentId::of("handbook", "guides/start.md").to_string();
        assert_eq!(id, "0d4ae2939aeefcca00159f64");
    }

    #[test]
    fn the_same_source_in_two_collections_has_two_ids() {
        assert_ne!(DocumentId::of("a", "1"), DocumentId::of("b", "1"));
        assert_ne!(DocumentId::of("a", "b1"), DocumentId::of("ab", "1"));
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for text in [
            "",
            "1",
            "1B6A1B2E3A1C0F5F7D3E2C4B",
            "1b6a1b2e3a1c0f5f7d3e2c4b0",
            "+b6a1b2e3a1c0f5f7d3e2c4b",
            "../../etc/passwd00000000",
        ] {
            assert_eq!(text.parse::<DocumentId>(), Err(InvalidDocumentId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_survives_printing_and_halving(collection in "[a-z]{1,8}", source in ".*") {
            let id = DocumentId::of(&collection, &source);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            let (upper, lower) = id.halves();
            prop_assert_eq!(DocumentId::from_halves(upper, lower), id);
        }
    }
}
