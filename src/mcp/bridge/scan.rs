//! A look at one level of JSON that is known to be well-formed: where its members stand, and nothing copied.
//!
//! What an upstream answers was read once already, so this only has to find its way: a result of 250 KB costs one pass
//! over its bytes and no memory. Whatever it cannot find its way in ends the scan as [`Lost`].

use std::borrow::Cow;
use std::ops::Range;

/// The JSON is not of the form that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mcp) struct Lost;

/// One member of an object, or one item of an array, whose key is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member<'a> {
    /// The key between its quotes, as it was written.
    key: &'a [u8],
    /// The value, as it was written.
    pub(super) value: &'a [u8],
    /// Where the value stands.
    pub(super) value_at: Range<usize>,
    /// Where the member stands, with the white space around it and without the commas.
    pub(super) segment: Range<usize>,
}

impl<'a> Member<'a> {
    /// The key's text, borrowed where it has no escapes.
    pub(super) fn key(&self) -> Result<Cow<'a, str>, Lost> {
        if memchr::memchr(b'\\', self.key).is_none() {
            return std::str::from_utf8(self.key)
                .map(Cow::Borrowed)
                .map_err(|_not_utf8| Lost);
        }
        let quoted = [b"\"", self.key, b"\""].concat();
        serde_json::from_slice::<String>(&quoted)
            .map(Cow::Owned)
            .map_err(|_not_a_string| Lost)
    }
}

/// Walks over the members of an object or the items of an array.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    json: &'a [u8],
    /// Behind the last separator; nothing once all has been seen.
    at: Option<usize>,
    is_object: bool,
    is_first: bool,
}

impl<'a> Scan<'a> {
    /// Over the members of an object.
    pub(super) fn object(json: &'a [u8]) -> Result<Self, Lost> {
        Self::of(json, b'{')
    }

    /// Over the items of an array.
    pub(super) fn array(json: &'a [u8]) -> Result<Self, Lost> {
        Self::of(json, b'[')
    }

    fn of(json: &'a [u8], opening: u8) -> Result<Self, Lost> {
        let start = skip_space(json, 0);
        if json.get(start) != Some(&opening) {
            return Err(Lost);
        }
        Ok(Self {
            json,
            at: Some(start + 1),
            is_object: opening == b'{',
            is_first: true,
        })
    }

    /// The next one; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Member<'a>>, Lost> {
        let Some(from) = self.at else {
            return Ok(None);
        };
        let start = skip_space(self.json, from);
        let closing = if self.is_object { b'}' } else { b']' };
        if self.json.get(start) == Some(&closing) {
            // A comma in front of it is no JSON.
            self.at = None;
            return if self.is_first { Ok(None) } else { Err(Lost) };
        }
        self.is_first = false;
        let (key, value_start) = if self.is_object {
            let key_end = string_end(self.json, start)?;
            let colon = skip_space(self.json, key_end);
            if self.json.get(colon) != Some(&b':') {
                return Err(Lost);
            }
            let key = self.json.get(start + 1..key_end - 1).ok_or(Lost)?;
            (key, skip_space(self.json, colon + 1))
        } else {
            (&b""[..], start)
        };
        let value_end = value_end(self.json, value_start)?;
        let end = skip_space(self.json, value_end);
        self.at = match self.json.get(end) {
            Some(b',') => Some(end + 1),
            Some(found) if *found == closing => None,
            _ => return Err(Lost),
        };
        Ok(Some(Member {
            key,
            value: self.json.get(value_start..value_end).ok_or(Lost)?,
            value_at: value_start..value_end,
            segment: from..end,
        }))
    }
}

/// The member called `key`; an error if there are two of them.
pub(super) fn member<'a>(object: &'a [u8], key: &str) -> Result<Option<Member<'a>>, Lost> {
    let (mut scan, mut found) = (Scan::object(object)?, None);
    while let Some(member) = scan.next()? {
        if member.key()? == key && found.replace(member).is_some() {
            return Err(Lost);
        }
    }
    Ok(found)
}

fn skip_space(json: &[u8], from: usize) -> usize {
    let rest = json.get(from..).unwrap_or_default();
    let is_space = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    from + rest.iter().take_while(is_space).count()
}

/// Behind the closing quote of the string that begins at `start`.
fn string_end(json: &[u8], start: usize) -> Result<usize, Lost> {
    if json.get(start) != Some(&b'"') {
        return Err(Lost);
    }
    let mut at = start + 1;
    loop {
        let rest = json.get(at..).ok_or(Lost)?;
        let found = memchr::memchr2(b'"', b'\\', rest).ok_or(Lost)?;
        at += found;
        if json.get(at) == Some(&b'"') {
            return Ok(at + 1);
        }
        at += 2;
    }
}

/// Behind the value that begins at `start`.
fn value_end(json: &[u8], start: usize) -> Result<usize, Lost> {
    match json.get(start).ok_or(Lost)? {
        b'"' => string_end(json, start),
        b'{' | b'[' => nested_end(json, start),
        _ => {
            let rest = json.get(start..).ok_or(Lost)?;
            let is_scalar =
                |b: &&u8| !matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            let length = rest.iter().take_while(is_scalar).count();
            if length == 0 {
                return Err(Lost);
            }
            Ok(start + length)
        }
    }
}

fn nested_end(json: &[u8], start: usize) -> Result<usize, Lost> {
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match json.get(at).ok_or(Lost)? {
            b'"' => {
                at = string_end(json, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::any_json::{json, space};
    use crate::mcp::members::Members;

    fn scanned(json: &str) -> Result<Vec<(String, String)>, Lost> {
        let mut scan = Scan::object(json.as_bytes())?;
        let mut found = Vec::new();
        while let Some(member) = scan.next()? {
            let value = std::str::from_utf8(member.value).expect("text");
            assert_eq!(json.get(member.value_at.clone()), Some(value));
            found.push((member.key()?.into_owned(), value.to_owned()));
        }
        Ok(found)
    }

    proptest! {
        #[test]
        fn finds_the_members_that_the_parser_finds(
            members in prop::collection::vec(("[a-z]{1,8}", json()), 0..5),
            around in (space(), space(), space()),
        ) {
            let (a, b, c) = around;
            let members: Vec<_> = members
                .iter()
                .enumerate()
                .map(|(n, (key, value))| format!("{a}\"{key}{n}\"{b}:{c}{value}{a}"))
                .collect();
            let object = format!("{b}{{{}{c}}}", members.join(","));
            let raw: &RawValue = serde_json::from_str(object.trim()).expect("JSON");
            let expected: Vec<_> = Members::of(raw)
                .expect("an object")
                .iter()
                .map(|(key, value)| (key.to_owned(), value.get().to_owned()))
                .collect();
            prop_assert_eq!(scanned(&object), Ok(expected));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(prop_oneof![Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'"'), Just(b'\\'), Just(b':'), Just(b','), Just(b' '), any::<u8>()], 0..40)) {
            for scan in [Scan::object(&bytes), Scan::array(&bytes)] {
                let Ok(mut scan) = scan else { continue };
                while let Ok(Some(member)) = scan.next() {
                    drop(member.key());
                }
            }
        }
    }

    #[test]
    fn is_lost_in_what_is_no_object() {
        for json in [
            "",
            "[]",
            "1",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            r#"{"a":"#,
            r#"{"a":"x}"#,
            r#"{"a":"x\"#,
            "{1:2}",
        ] {
            assert_eq!(scanned(json), Err(Lost), "{json}");
        }
        assert_eq!(scanned(" { } "), Ok(Vec::new()));
    }

    #[test]
    fn finds_items_and_the_one_member_of_a_name_however_it_is_written() {
        let mut scan = Scan::array(b"[1, \"a\" ,[2],{}]").expect("an array");
        let mut items = Vec::new();
        while let Some(item) = scan.next().expect("JSON") {
            items.push(item.value);
        }
        assert_eq!(items, [&b"1"[..], b"\"a\"", b"[2]", b"{}"]);
        let found = |json: &'static str| {
            member(json.as_bytes(), "name").map(|found| found.map(|found| found.value))
        };
        assert_eq!(found(r#"{"x":1,"n\u0061me":2}"#), Ok(Some(&b"2"[..])));
        assert_eq!(found(r#"{"x":1}"#), Ok(None));
        assert_eq!(found(r#"{"name":1,"n\u0061me":2}"#), Err(Lost));
    }
}
