//! Whether a page may be parsed: a linear look at its tags, before a parser that is not linear.
//!
//! Parsing costs time in the square of the depth, and each block repeats every formatting element that was left open
//! before it. A few megabytes written for the purpose would take hours and all memory.

use std::collections::HashMap;

/// Deeper pages are not written by people.
const MOST_OPEN: usize = 256;

/// More elements than this are not a document.
const MOST_ELEMENTS: usize = 500_000;

/// Elements without content, and those that end by themselves where the next one begins.
const NEVER_DEEP: [&[u8]; 26] = [
    b"area",
    b"base",
    b"br",
    b"col",
    b"dd",
    b"dt",
    b"embed",
    b"hr",
    b"img",
    b"input",
    b"li",
    b"link",
    b"meta",
    b"optgroup",
    b"option",
    b"p",
    b"param",
    b"rp",
    b"rt",
    b"source",
    b"tbody",
    b"td",
    b"th",
    b"thead",
    b"tr",
    b"wbr",
];

/// Elements that a new block repeats while they are open.
const FORMATTING: [&[u8]; 14] = [
    b"a", b"b", b"big", b"code", b"em", b"font", b"i", b"nobr", b"s", b"small", b"strike",
    b"strong", b"tt", b"u",
];

/// True if parsing the page takes time and memory in proportion to its size.
pub(super) fn is_reasonable(page: &[u8]) -> bool {
    let mut open: HashMap<Vec<u8>, usize> = HashMap::new();
    let (mut depth, mut formatting, mut elements) = (0_usize, 0_usize, 0_usize);
    let mut rest = page;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = rest.get(at + 1..).unwrap_or_default();
        if rest.starts_with(b"!--") {
            rest = after(rest, b"-->");
            continue;
        }
        let (closes, tag) = match rest.strip_prefix(b"/") {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        let name = name(tag);
        if name.is_empty() || NEVER_DEEP.contains(&name.as_slice()) {
            elements += usize::from(!name.is_empty()) * (1 + formatting);
        } else if closes {
            if let Some(count) = open.get_mut(&name).filter(|count| **count > 0) {
                *count -= 1;
                depth -= 1;
                formatting -= usize::from(FORMATTING.contains(&name.as_slice()));
            }
        } else {
            elements += 1 + formatting;
            if name == b"script" || name == b"style" {
                let end = [b"</", name.as_slice()].concat();
                rest = after(rest, &end);
                continue;
            }
            depth += 1;
            formatting += usize::from(FORMATTING.contains(&name.as_slice()));
            *open.entry(name).or_default() += 1;
        }
        if depth > MOST_OPEN || elements > MOST_ELEMENTS {
            return false;
        }
    }
    true
}

/// The lower-case name at the start of a tag; empty where there is none.
fn name(tag: &[u8]) -> Vec<u8> {
    if !tag.first().is_some_and(u8::is_ascii_alphabetic) {
        return Vec::new();
    }
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'>' | b'/');
    let name = tag.split(ends).next().unwrap_or_default();
    name.iter().take(32).map(u8::to_ascii_lowercase).collect()
}

fn after<'a>(rest: &'a [u8], end: &[u8]) -> &'a [u8] {
    let found = memchr::memmem::find(rest, end);
    found
        .and_then(|at| rest.get(at + end.len()..))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_pages_from_traps() {
        for (page, reasonable) in [
            (String::new(), true),
            ("plain < text > </p> <".to_owned(), true),
            ("<p>unclosed".repeat(10_000), true),
            ("<div><b>x</b></div>".repeat(10_000), true),
            ("<br><IMG src=x>".repeat(10_000), true),
            (
                format!("<script>{}</script>", "'<div>'".repeat(1_000)),
                true,
            ),
            (format!("<!--{}-->", "<div>".repeat(1_000)), true),
            ("<div>".repeat(1_000), false),
            ("<div></x>".repeat(1_000), false),
            ("<DIV class=x><SPAN>".repeat(1_000), false),
            (
                format!(
                    "{}{}",
                    "<font color=x>".repeat(200),
                    "<p>x</p>".repeat(10_000)
                ),
                false,
            ),
        ] {
            let start: String = page.chars().take(40).collect();
            assert_eq!(is_reasonable(page.as_bytes()), reasonable, "{start}");
        }
    }
}
