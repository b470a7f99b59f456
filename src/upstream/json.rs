//! JSON as upstreams write it: whether it is well-formed, and where the members of an object stand.
//!
//! Every byte that a result has is looked at here, once. Most of them stand in long texts, so these are what is fast: they
//! are searched many bytes at a time for what ends them. Nothing is copied, and nothing is decoded.

/// A walk over JSON. Each step fails where the grammar of RFC 8259 does.
#[derive(Debug)]
pub(super) struct Json<'a> {
    rest: &'a [u8],
    /// What closes the arrays and objects that are open, the innermost one last.
    open: Vec<u8>,
}

/// A text that is not over by then is worth a search.
const SHORT: usize = 16;

impl<'a> Json<'a> {
    pub(super) fn new(json: &'a [u8]) -> Self {
        Self {
            rest: json,
            open: Vec::new(),
        }
    }

    /// Hands each member of an object to `visit`, which says whether that will do: the key between its quotes and the value,
    /// both as they were written. Nothing but white space follows the object.
    pub(super) fn members(
        mut self,
        mut visit: impl FnMut(&'a [u8], &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.skip_space();
        self.take(b'{')?;
        self.skip_space();
        if self.take(b'}').is_none() {
            loop {
                let key = self.key()?;
                visit(key, self.value()?)?;
                self.skip_space();
                match self.next()? {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.skip_space();
        self.rest.is_empty().then_some(())
    }

    /// One value, without the white space around it.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let from = self.rest;
        loop {
            self.skip_space();
            if self.begins_container()? {
                continue;
            }
            if self.closes_all()? {
                return from.get(..from.len() - self.rest.len());
            }
        }
    }

    /// Takes a scalar, an empty array or object, or the beginning of one that is not empty: true for the last.
    fn begins_container(&mut self) -> Option<bool> {
        let close = match self.next()? {
            b'"' => return self.string().map(|_text| false),
            b'{' => b'}',
            b'[' => b']',
            b't' => return self.literal(b"true").map(|()| false),
            b'f' => return self.literal(b"false").map(|()| false),
            b'n' => return self.literal(b"null").map(|()| false),
            first @ (b'-' | b'0'..=b'9') => return self.number(first).map(|()| false),
            _ => return None,
        };
        self.skip_space();
        if self.take(close).is_some() {
            return Some(false);
        }
        self.open.push(close);
        if close == b'}' {
            self.key()?;
        }
        Some(true)
    }

    /// After a value: closes what ends here, or goes on to the next value. True once nothing is open any more.
    fn closes_all(&mut self) -> Option<bool> {
        while let Some(close) = self.open.last().copied() {
            self.skip_space();
            match self.next()? {
                b',' => {
                    if close == b'}' {
                        self.key()?;
                    }
                    return Some(false);
                }
                next if next == close => {
                    self.open.pop();
                }
                _ => return None,
            }
        }
        Some(true)
    }

    /// A key and its colon.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        self.take(b'"')?;
        let key = self.string()?;
        self.skip_space();
        self.take(b':')?;
        Some(key)
    }

    /// The rest of a string: all up to its closing quote.
    fn string(&mut self) -> Option<&'a [u8]> {
        let from = self.rest;
        loop {
            self.rest = after_plain(self.rest)?;
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return from.get(..from.len() - rest.len() - 1);
                }
                [b'\\', b'u', a, b, c, d, rest @ ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.rest = rest;
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    rest @ ..,
                ] => self.rest = rest,
                _ => return None,
            }
        }
    }

    /// The rest of a number that begins with `first`.
    fn number(&mut self, first: u8) -> Option<()> {
        let first = match first {
            b'-' => self.next()?,
            first => first,
        };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                rest => rest,
            };
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let first = self.next()?;
        self.skip_digits();
        first.is_ascii_digit().then_some(())
    }

    fn skip_digits(&mut self) {
        while let [b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// The rest of a word whose first letter is taken.
    fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word.get(1..)?)?;
        Some(())
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        match self.rest {
            [first, rest @ ..] if *first == wanted => {
                self.rest = rest;
                Some(())
            }
            _ => None,
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }
}

/// What begins with the first byte of `text` that does not stand for itself in a string.
fn after_plain(text: &[u8]) -> Option<&[u8]> {
    let is_plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | ..0x20);
    let short = text.iter().take(SHORT).take_while(is_plain).count();
    let rest = text.get(short..)?;
    if short < SHORT {
        return Some(rest);
    }
    let long = memchr::memchr2(b'"', b'\\', rest)?;
    let (long, rest) = rest.split_at_checked(long)?;
    // The least of them in one go, which is how processors do this for many bytes at once.
    let least = long.iter().fold(u8::MAX, |least, byte| least.min(*byte));
    (least >= 0x20).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// The members of the object, or nothing if it is none.
    fn members(json: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        Json::new(json.as_bytes()).members(|key, value| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
            found.push((text(key), text(value)));
            Some(())
        })?;
        Some(found)
    }

    fn is_well_formed(value: &str) -> bool {
        members(&format!("{{\"a\":{value}}}")).is_some()
    }

    fn is_well_formed_elsewhere(value: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(&format!("{{\"a\":{value}}}")).is_ok()
    }

    #[test]
    fn members_stand_as_they_were_written() {
        let check = |json: &str, expected: &[(&str, &str)]| {
            let expected = expected.iter().map(|(k, v)| ((*k).into(), (*v).into()));
            assert_eq!(members(json), Some(expected.collect()), "{json}");
        };
        check(" {\t} \r\n", &[]);
        check(r#"{"a":1}"#, &[("a", "1")]);
        check(
            r#"{ "a" : [ 1 , {"b":[]} ] , "a":"x\"\u00e9" ,"\u0061":{"c":null}}"#,
            &[
                ("a", r#"[ 1 , {"b":[]} ]"#),
                ("a", r#""x\"\u00e9""#),
                ("\\u0061", r#"{"c":null}"#),
            ],
        );
        for bad in [
            "",
            "{",
            "[]",
            "{}{}",
            "{} x",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{,"a":1}"#,
            r#"{a:1}"#,
            r#"{"a":1 "b":2}"#,
        ] {
            assert_eq!(members(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_well_formed_is_what_others_find_well_formed() {
        let long = "lemon cupcakes for Ada, delivered on Friday";
        let values = [
            "0",
            "-0",
            "01",
            "-",
            "1.",
            ".5",
            "1.50",
            "1e5",
            "1E+05",
            "1e",
            "1e-",
            "-1.2e-3",
            "+1",
            "true",
            "tru",
            "truex",
            "false",
            "null",
            "nul",
            "[",
            "]",
            "[]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[[[[]]]]",
            "[{]}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "\"",
            "\"a",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\b\\f\\n\\r\\t\\/\\\\\"",
            "\"\u{7f}\u{e9}\u{1f34b}\"",
            "\"\u{1}\"",
            "\u{a0}1",
            "1\u{c}",
            "NaN",
            "'a'",
            "",
        ];
        let texts = [
            format!("\"{long}\""),
            format!("\"{long}"),
            format!("\"{long}\n{long}\""),
            format!("\"{long}\\n{long}\\\"{long}\""),
            format!("\"{long}\\q{long}\""),
            format!("\"{long}\u{1f}\""),
            "[".repeat(10_000),
            "[".repeat(10_000) + &"]".repeat(10_000),
        ];
        for value in values.into_iter().map(String::from).chain(texts) {
            let expected = is_well_formed_elsewhere(&value);
            assert_eq!(is_well_formed(&value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_another_reader(
            value in "[\\[\\]{},:\" 01a]{0,12}|[-0-9.eE+]{1,6}|\"([a-z \\\\\"u0-9\\n]|\\\\u[0-9a-f]{4}){0,40}\"",
        ) {
            prop_assert_eq!(is_well_formed(&value), is_well_formed_elsewhere(&value));
        }

        #[test]
        fn one_other_byte_is_judged_as_by_another_reader(
            at in 0..80_usize,
            byte in prop::sample::select(b"\"\\{}[],:0e-. nt\n\x1fz".to_vec()),
        ) {
            let mut json = br#"[{"a":"lemon cupcakes for Ada\u00e9, on Friday","b":[1.5e3,-0,true]},null,"",{}]"#.to_vec();
            if let Some(place) = json.get_mut(at) {
                *place = byte;
            }
            let json = String::from_utf8(json).expect("text");
            prop_assert_eq!(is_well_formed(&json), is_well_formed_elsewhere(&json));
        }
    }
}
