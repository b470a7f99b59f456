//! Whether a page may be parsed: a linear look at its tags, before a parser that is not linear.
//!
//! Parsing costs time in the square of the depth, and each block repeats every formatting element that was left open
//! before it, each attribute is compared with those before it in its tag, and what is misplaced in a table is moved
//! before it one by one. A few megabytes written for the purpose would take hours and all memory.

use std::collections::HashMap;

/// Deeper pages are not written by people.
const MOST_OPEN: usize = 256;

/// More elements than this are not a document.
const MOST_ELEMENTS: usize = 500_000;

/// More attributes than this on one element are not a document either.
const MOST_ATTRIBUTES: usize = 1_000;

/// More elements than this on a page with a table, not counting rows and cells, might all be misplaced in it.
const MOST_MISPLACED: usize = 50_000;

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

/// The parts of a table, which are never misplaced in one.
const TABLE: [&[u8]; 6] = [b"col", b"tbody", b"td", b"th", b"thead", b"tr"];

/// Elements that a new block repeats while they are open.
const FORMATTING: [&[u8]; 14] = [
    b"a", b"b", b"big", b"code", b"em", b"font", b"i", b"nobr", b"s", b"small", b"strike",
    b"strong", b"tt", b"u",
];

/// True if parsing the page takes time and memory in proportion to its size.
pub(super) fn is_reasonable(page: &[u8]) -> bool {
    let mut open: HashMap<Vec<u8>, usize> = HashMap::new();
    let (mut depth, mut formatting, mut elements) = (0_usize, 0_usize, 0_usize);
    // In a drawing or a formula, scripts and styles are elements like others.
    let (mut foreign, mut misplaced, mut table) = (false, 0_usize, false);
    let mut rest = page;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = rest.get(at + 1..).unwrap_or_default();
        if rest.starts_with(b"!--") {
            rest = after_comment(rest);
            continue;
        }
        let (closes, tag) = match rest.strip_prefix(b"/") {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        let name = name(tag);
        if name.is_empty() {
            continue;
        }
        let Some(after) = after_tag(tag) else {
            return false;
        };
        rest = after;
        foreign |= name == b"svg" || name == b"math";
        table |= name == b"table";
        misplaced += usize::from(!TABLE.contains(&name.as_slice()) && !closes);
        if NEVER_DEEP.contains(&name.as_slice()) {
            elements += 1 + formatting;
        } else if closes {
            if let Some(count) = open.get_mut(&name).filter(|count| **count > 0) {
                *count -= 1;
                depth -= 1;
                formatting -= usize::from(FORMATTING.contains(&name.as_slice()));
            }
        } else {
            elements += 1 + formatting;
            if !foreign && (name == b"script" || name == b"style") {
                rest = after_raw(rest, &name);
                continue;
            }
            depth += 1;
            formatting += usize::from(FORMATTING.contains(&name.as_slice()));
            *open.entry(name).or_default() += 1;
        }
        if depth > MOST_OPEN || elements > MOST_ELEMENTS || table && misplaced > MOST_MISPLACED {
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
    let start = tag.get(..32).unwrap_or(tag);
    let name = start.split(ends).next().unwrap_or_default();
    name.to_ascii_lowercase()
}

/// What follows a tag, read as a parser does (HTML standard, tokenization); nothing if it has too many attributes.
fn after_tag(tag: &[u8]) -> Option<&[u8]> {
    let ends_name = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'>');
    let mut rest = from(tag, tag.iter().position(ends_name));
    for _ in 0..=MOST_ATTRIBUTES {
        let between = |b: &u8| !b.is_ascii_whitespace() && *b != b'/';
        rest = from(rest, rest.iter().position(between));
        if rest.first().is_none_or(|first| *first == b'>') {
            return Some(from(rest, Some(1)));
        }
        // An equals sign at the start belongs to the name.
        rest = from(rest, Some(1));
        let ends = |b: &u8| ends_name(b) || *b == b'=';
        rest = from(rest, rest.iter().position(ends)).trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b"=") {
            rest = after_value(value.trim_ascii_start());
        }
    }
    None
}

fn after_value(value: &[u8]) -> &[u8] {
    match value.first() {
        Some(quote @ (b'"' | b'\'')) => {
            let value = from(value, Some(1));
            from(value, memchr::memchr(*quote, value).map(|at| at + 1))
        }
        Some(_) | None => {
            let ends = |b: &u8| b.is_ascii_whitespace() || *b == b'>';
            from(value, value.iter().position(ends))
        }
    }
}

/// What follows a comment. It ends at `-->` or, as browsers have it, at `--!>`.
fn after_comment(rest: &[u8]) -> &[u8] {
    // From the first dash on: `<!-->` is a whole comment.
    let mut dashes = memchr::memchr_iter(b'-', rest);
    let closing = dashes.find(|at| {
        let end = from(rest, Some(*at));
        end.starts_with(b"-->") || end.starts_with(b"--!>")
    });
    from(rest, closing)
}

/// What follows the content of a script or style.
fn after_raw<'a>(rest: &'a [u8], name: &[u8]) -> &'a [u8] {
    let mut ends = memchr::memmem::find_iter(rest, b"</");
    let closing = ends.find(|at| {
        let end = from(rest, Some(at + 2));
        end.get(..name.len())
            .is_some_and(|end| end.eq_ignore_ascii_case(name))
    });
    from(rest, closing.map(|at| at + 2))
}

/// What is left from there on; nothing from nowhere on.
fn from(bytes: &[u8], at: Option<usize>) -> &[u8] {
    at.and_then(|at| bytes.get(at..)).unwrap_or_default()
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
            (format!("<p {}>", "a=1 ".repeat(900)), true),
            (format!("<path d=\"{}\">", "M 1 /".repeat(9_000)), true),
            (format!("<p {}>", "a ".repeat(1_100)), false),
            (format!("<p {}>", "=/a='>'".repeat(1_100)), false),
            (format!("<p a='{}'>", "<div>".repeat(1_000)), true),
            ("<p".repeat(4_000_000), true),
            (format!("<table>{}", "<td>a".repeat(100_000)), true),
            (format!("<table>{}", "<p>a".repeat(100_000)), false),
            (format!("<!-- --!>{}", "<div>".repeat(1_000)), false),
            (format!("<!-->{}", "<div>".repeat(1_000)), false),
            (format!("<svg><style>{}", "<g>".repeat(1_000)), false),
            (format!("<script></SCRIPT>{}", "<div>".repeat(1_000)), false),
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
