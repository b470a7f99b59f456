//! `WWW-Authenticate` as strangers write it (RFC 9110 §11.6.1): several schemes, several headers, any order.

use http::{HeaderMap, header};

/// The challenges of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::doctor) struct Challenges(Vec<(String, Vec<(String, String)>)>);

impl Challenges {
    /// Reads what can be read; never fails.
    pub(in crate::doctor) fn of(headers: &HeaderMap) -> Self {
        let mut challenges = Self::default();
        for value in headers.get_all(header::WWW_AUTHENTICATE) {
            let value = String::from_utf8_lossy(value.as_bytes());
            for part in parts(&value) {
                challenges.take(&part);
            }
        }
        challenges
    }

    fn take(&mut self, part: &str) {
        let part = part.trim();
        let before_equals = part.split('=').next().unwrap_or_default();
        let names_a_scheme = !part.contains('=') || before_equals.trim_end().contains([' ', '\t']);
        let parameter = if names_a_scheme {
            let (scheme, rest) = part.split_once([' ', '\t']).unwrap_or((part, ""));
            if !scheme.is_empty() {
                self.0.push((scheme.to_ascii_lowercase(), Vec::new()));
            }
            rest
        } else {
            part
        };
        if let (Some((name, value)), Some((_, parameters))) =
            (parameter.split_once('='), self.0.last_mut())
        {
            let name = name.trim().to_ascii_lowercase();
            parameters.push((name, unquoted(value.trim())));
        }
    }

    /// True if there is a Bearer challenge.
    pub(in crate::doctor) fn has_bearer(&self) -> bool {
        self.0.iter().any(|(scheme, _)| scheme == "bearer")
    }

    /// A parameter of the first Bearer challenge.
    pub(in crate::doctor) fn bearer(&self, name: &str) -> Option<&str> {
        let (_, parameters) = self.0.iter().find(|(scheme, _)| scheme == "bearer")?;
        let found = parameters.iter().find(|(found, _)| found == name)?;
        Some(&found.1)
    }

    /// All schemes, for messages.
    pub(in crate::doctor) fn schemes(&self) -> String {
        let schemes: Vec<&str> = self.0.iter().map(|(scheme, _)| scheme.as_str()).collect();
        schemes.join(", ")
    }
}

/// Splits at commas that are not within quotes.
fn parts(value: &str) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in value.chars() {
        if c == ',' && !quoted {
            parts.push(String::new());
            continue;
        }
        if escaped {
            escaped = false;
        } else if c == '\\' && quoted {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn unquoted(value: &str) -> String {
    let inner = value
        .strip_prefix('"')
        .map(|rest| rest.strip_suffix('"').unwrap_or(rest));
    let Some(inner) = inner else {
        return value.to_owned();
    };
    let (mut text, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Challenges {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                header::WWW_AUTHENTICATE,
                http::HeaderValue::from_static(value),
            );
        }
        Challenges::of(&headers)
    }

    #[test]
    fn a_bearer_challenge_is_found_among_others_however_it_is_written() {
        for values in [
            &[r#"Bearer scope="a b", resource_metadata="https://x/y""#][..],
            &[r#"bearer resource_metadata="https://x/y" , scope="a b""#],
            &[r#"Basic realm="a, Bearer b", Bearer scope="a b", resource_metadata=https://x/y"#],
            &[
                "Negotiate",
                r#"Bearer realm="r\"x", scope="a b",resource_metadata="https://x/y""#,
            ],
        ] {
            let challenges = read(values);
            assert!(challenges.has_bearer(), "{values:?}");
            assert_eq!(challenges.bearer("scope"), Some("a b"), "{values:?}");
            assert_eq!(
                challenges.bearer("resource_metadata"),
                Some("https://x/y"),
                "{values:?}"
            );
        }
        for values in [&[][..], &["Basic realm=\"Bearer\""], &[""], &["realm=x"]] {
            assert!(!read(values).has_bearer(), "{values:?}");
        }
    }

    #[test]
    fn a_broken_challenge_is_read_as_far_as_it_goes() {
        let challenges = read(&[r#"Bearer scope="a b"#]);
        assert_eq!(challenges.bearer("scope"), Some("a b"));
        assert_eq!(read(&["Bearer"]).bearer("scope"), None);
    }
}
