//! Whether a URI can come from a template (RFC 6570): for finding out which upstream it is for.
//!
//! Templates are matched with some leniency, as servers do it: a variable stands for any characters but slashes, and with
//! the operators whose expansions may have slashes for any characters. Whether there is such a resource is the upstream's
//! to say.

/// More expressions than this no template has.
const MOST_EXPRESSIONS: usize = 32;

/// A template that URIs can be compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UriTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// These very characters.
    Literal(Box<str>),
    /// What an expression may become: nothing, or `first` and any characters, with or without slashes.
    Expansion { first: Option<u8>, slashes: bool },
}

impl UriTemplate {
    /// The template that `text` is; nothing if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut expressions = 0;
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (expression, after) = after.split_once('}')?;
            if literal.contains('}') || expressions == MOST_EXPRESSIONS {
                return None;
            }
            expressions += 1;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
            parts.push(expansion(expression)?);
            rest = after;
        }
        if rest.contains('}') {
            return None;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Some(Self(parts))
    }

    /// True if `uri` can be an expansion of it. Takes time in proportion to both lengths, whatever they hold.
    pub(super) fn matches(&self, uri: &str) -> bool {
        let uri = uri.as_bytes();
        // Most do not even begin so, and an address is compared with all templates in all its spellings.
        if let Some(Part::Literal(first)) = self.0.first()
            && !uri.starts_with(first.as_bytes())
        {
            return false;
        }
        // Where a match of the parts so far can end.
        let mut ends = vec![false; uri.len() + 1];
        if let Some(start) = ends.first_mut() {
            *start = true;
        }
        for part in &self.0 {
            ends = part.step(uri, &ends);
            if !ends.contains(&true) {
                return false;
            }
        }
        ends.last() == Some(&true)
    }
}

impl Part {
    fn step(&self, uri: &[u8], ends: &[bool]) -> Vec<bool> {
        let mut next = vec![false; ends.len()];
        match self {
            Self::Literal(literal) => {
                let reached = ends.iter().enumerate().filter(|(_, reached)| **reached);
                for (at, _) in reached {
                    let fits = uri
                        .get(at..)
                        .is_some_and(|rest| rest.starts_with(literal.as_bytes()));
                    if fits && let Some(end) = next.get_mut(at + literal.len()) {
                        *end = true;
                    }
                }
            }
            Self::Expansion { first, slashes } => {
                let mut is_open = false;
                let after = uri.iter().map(Some).chain([None]);
                for ((reached, end), byte) in ends.iter().zip(&mut next).zip(after) {
                    *end = *reached || is_open;
                    let begins = *reached && (first.is_none() || *first == byte.copied());
                    // A slash ends an expansion that has none, unless it is how it begins.
                    let goes_on = is_open && (*slashes || byte != Some(&b'/'));
                    let begins = begins && (*slashes || first.is_some() || byte != Some(&b'/'));
                    is_open = begins || goes_on;
                }
            }
        }
        next
    }
}

/// An expression without its braces (RFC 6570 §2.2): an operator, and variables with modifiers.
fn expansion(expression: &str) -> Option<Part> {
    let operator = expression.bytes().next()?;
    let (first, slashes, variables) = match operator {
        b'+' => (None, true, expression.get(1..)?),
        b'#' | b'?' | b'&' => (Some(operator), true, expression.get(1..)?),
        b'.' | b';' => (Some(operator), false, expression.get(1..)?),
        b'/' => {
            let variables = expression.get(1..)?;
            let many = variables.contains([',', '*']);
            (Some(operator), many, variables)
        }
        // Reserved for extensions.
        b'=' | b',' | b'!' | b'@' | b'|' => return None,
        _ => (None, false, expression),
    };
    let is_variable = |variable: &str| {
        let name = variable.trim_end_matches('*');
        let name = name.split_once(':').map_or(name, |(name, _length)| name);
        let is_good = |b: u8| b.is_ascii_alphanumeric() || b"_.%-".contains(&b);
        !name.is_empty() && name.bytes().all(is_good)
    };
    variables
        .split(',')
        .all(is_variable)
        .then_some(Part::Expansion { first, slashes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, matching: &[&str], others: &[&str]) {
        let parsed = UriTemplate::parse(template).expect("a template");
        for uri in matching {
            assert!(parsed.matches(uri), "{template} {uri}");
        }
        for uri in others {
            assert!(!parsed.matches(uri), "{template} {uri}");
        }
    }

    #[test]
    fn a_uri_is_matched_with_each_kind_of_expression() {
        check(
            "test://fixed",
            &["test://fixed"],
            &["test://fix", "test://fixed/", ""],
        );
        check(
            "test://{id}/data",
            &["test://1/data", "test:///data", "test://a%2Fb:c@d/data"],
            &["test://1/2/data", "test://1/data/x", "test://1"],
        );
        check("{a}{b}", &["", "x", "xyz"], &["x/y"]);
        check("file://{+path}", &["file:///a/b", "file://"], &["file:/a"]);
        check("a{#part}", &["a", "a#", "a#b/c"], &["ab"]);
        check("a{.ext}b", &["ab", "a.xb"], &["a.x/b", "axb"]);
        check("a{/one}", &["a", "a/", "a/b"], &["ab", "a/b/c"]);
        check("a{/all*}", &["a", "a/b/c"], &["ab"]);
        check("a{/one,two}", &["a/b/c"], &["ab"]);
        check("a{;x}", &["a", "a;x=1"], &["a;x=1/2", "a,x"]);
        check("a{?q,r*}", &["a", "a?q=1&r=/", "a?"], &["aq"]);
        check("a?x=1{&q}", &["a?x=1", "a?x=1&q=2"], &["a?x=12"]);
        check("{v:3}-{w}", &["abc-d", "-"], &["abc"]);
        check("é/{x}", &["é/ü"], &["e/ü"]);
    }

    #[test]
    fn what_is_no_template_matches_nothing() {
        for text in [
            "{", "}", "a{b", "a}b", "{}", "{=x}", "{|x}", "{a b}", "{a,}", "a{b}}", "{{a}}",
        ] {
            assert_eq!(UriTemplate::parse(text), None, "{text}");
        }
        assert!(UriTemplate::parse(&"{a}".repeat(MOST_EXPRESSIONS)).is_some());
        assert_eq!(
            UriTemplate::parse(&"{a}".repeat(MOST_EXPRESSIONS + 1)),
            None
        );
    }
}
