//! Long documents in parts: `…#2` names the second.

use std::borrow::Cow;
use std::str::FromStr;

use crate::knowledge::DocumentId;

/// Metadata names that tell of parts. A document's own are not shown under them.
const RESERVED: [&str; 3] = ["truncated", "total_chars", "next_id"];

/// One part of one document: `1b6a…` or `1b6a…#2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageId {
    pub(super) document: DocumentId,
    /// Counted from 1.
    pub(super) page: usize,
}

impl FromStr for PageId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (document, page) = match text.split_once('#') {
            Some((document, page)) if !page.starts_with(['0', '+']) => {
                (document, page.parse().map_err(|_not_a_number| ())?)
            }
            Some(_) => return Err(()),
            None => (text, 1),
        };
        let document = document.parse().map_err(|_not_an_id| ())?;
        Ok(Self { document, page })
    }
}

/// One part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<'a> {
    part: &'a str,
    /// Counted from 1.
    number: usize,
    /// Characters before this part.
    before: usize,
    /// Characters in this part.
    length: usize,
    /// Characters in the whole text.
    total: usize,
}

impl<'a> Page<'a> {
    /// The part with this number, or how many parts there are. A part ends at the end of a line where one is near.
    pub(super) fn of(text: &'a str, number: usize, most: usize) -> Result<Self, usize> {
        if text.len() <= most {
            // Fewer bytes than that are fewer characters: the common case needs no count.
            let total = if number == 1 { text.len() } else { 0 };
            return Self::whole(text, number, total);
        }
        let total = text.chars().count();
        let (mut rest, mut before, mut at) = (text, 0, 1);
        loop {
            let (part, after) = rest.split_at(cut(rest, most));
            if at == number {
                let length = part.chars().count();
                return Ok(Self {
                    part,
                    number,
                    before,
                    length,
                    total,
                });
            }
            if after.is_empty() {
                return Err(at);
            }
            before += part.chars().count();
            rest = after;
            at += 1;
        }
    }

    fn whole(text: &'a str, number: usize, length: usize) -> Result<Self, usize> {
        let whole = Self {
            part: text,
            number,
            before: 0,
            length,
            total: length,
        };
        if number == 1 { Ok(whole) } else { Err(1) }
    }

    fn is_whole(&self) -> bool {
        self.length == self.total
    }

    fn has_next(&self) -> bool {
        self.before + self.length < self.total
    }

    /// The text with a visible mark where more follows.
    pub(super) fn text(&self, document: DocumentId) -> Cow<'a, str> {
        if !self.has_next() {
            return Cow::Borrowed(self.part);
        }
        let (first, last) = (self.before + 1, self.before + self.length);
        let next = self.number + 1;
        Cow::Owned(format!(
            "{}\n\n[Cut here: this was characters {first} to {last} of {}. Fetch \"{document}#{next}\" for the next part.]",
            self.part, self.total
        ))
    }

    /// The document's metadata, a JSON object, with what there is to say about parts.
    pub(super) fn metadata<'m>(&self, document: DocumentId, own: &'m str) -> Cow<'m, str> {
        let clashes = || RESERVED.iter().any(|name| own.contains(name));
        if self.is_whole() && !clashes() {
            return Cow::Borrowed(own);
        }
        let mut members: serde_json::Map<_, _> = serde_json::from_str(own).unwrap_or_default();
        members.retain(|name, _| !RESERVED.contains(&name.as_str()));
        if !self.is_whole() {
            members.insert("truncated".to_owned(), true.into());
            members.insert("total_chars".to_owned(), self.total.into());
        }
        if self.has_next() {
            let next = format!("{document}#{}", self.number + 1);
            members.insert("next_id".to_owned(), next.into());
        }
        Cow::Owned(serde_json::Value::Object(members).to_string())
    }
}

/// Where the next part ends: after `most` characters, or after the last line that ends in the last tenth of them.
fn cut(text: &str, most: usize) -> usize {
    let Some((end, _)) = text.char_indices().nth(most) else {
        return text.len();
    };
    let head = text.get(..end).unwrap_or(text);
    let line_end = head.rfind('\n').map(|at| at + 1);
    line_end.filter(|at| *at >= end - end / 10).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> DocumentId {
        DocumentId::of("docs", "a.md")
    }

    #[test]
    fn an_id_may_name_a_part() {
        let document = id();
        for (text, page) in [
            (format!("{document}"), Some(1)),
            (format!("{document}#1"), Some(1)),
            (format!("{document}#12"), Some(12)),
            (format!("{document}#0"), None),
            (format!("{document}#02"), None),
            (format!("{document}#+2"), None),
            (format!("{document}#"), None),
            (format!("{document}#2#3"), None),
            (format!("{document}#-1"), None),
            (format!("{document}#99999999999999999999"), None),
            ("#2".to_owned(), None),
        ] {
            let expected = page.map(|page| PageId { document, page }).ok_or(());
            assert_eq!(text.parse(), expected, "{text}");
        }
    }

    #[test]
    fn a_short_text_has_one_part_and_no_mark() {
        let page = Page::of("short ü", 1, 1000).unwrap();
        assert_eq!(page.text(id()), "short ü");
        assert_eq!(page.metadata(id(), r#"{"a":1}"#), r#"{"a":1}"#);
        assert_eq!(Page::of("short", 2, 1000), Err(1));
        assert_eq!(Page::of("", 1, 1000).unwrap().text(id()), "");
    }

    #[test]
    fn a_long_text_says_where_it_goes_on_and_where_it_ends() {
        let text = "ü".repeat(25);
        let first = Page::of(&text, 1, 10).unwrap();
        assert!(
            first
                .text(id())
                .contains(&format!("characters 1 to 10 of 25. Fetch \"{}#2\"", id()))
        );
        assert_eq!(
            first.metadata(id(), r#"{"a":1,"next_id":"forged"}"#),
            format!(
                r#"{{"a":1,"truncated":true,"total_chars":25,"next_id":"{}#2"}}"#,
                id()
            )
        );
        let last = Page::of(&text, 3, 10).unwrap();
        assert_eq!(last.text(id()), "ü".repeat(5));
        assert_eq!(
            last.metadata(id(), "{}"),
            r#"{"truncated":true,"total_chars":25}"#
        );
        assert_eq!(Page::of(&text, 4, 10), Err(3));
    }

    #[test]
    fn a_document_cannot_forge_what_is_said_about_parts() {
        let page = Page::of("short", 1, 1000).unwrap();
        assert_eq!(
            page.metadata(id(), r#"{"truncated":true,"a":1}"#),
            r#"{"a":1}"#
        );
    }

    proptest! {
        #[test]
        fn the_parts_together_are_the_text(text in "(?s).{0,300}", most in 1_usize..50) {
            let mut whole = String::new();
            let mut number = 1;
            let parts = loop {
                match Page::of(&text, number, most) {
                    Ok(page) => {
                        prop_assert!(page.part.chars().count() <= most.max(page.part.len().min(most)));
                        whole.push_str(page.part);
                    }
                    Err(parts) => break parts,
                }
                number += 1;
            };
            prop_assert_eq!(parts, number - 1);
            prop_assert_eq!(whole, text);
        }
    }
}
