//! Reads a `WWW-Authenticate: Bearer` challenge as a client does (RFC 9110 §11.6.1, RFC 6750 §3).

/// The parameters of a Bearer challenge, in the order they came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge(Vec<(String, String)>);

impl Challenge {
    /// `None` if this is no Bearer challenge, or not well-formed.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (scheme, mut rest) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut parameters = Vec::new();
        loop {
            let (name, after) = rest.trim_start().split_once("=\"")?;
            let (value, after) = quoted(after)?;
            parameters.push((name.to_ascii_lowercase(), value));
            match after.trim_start() {
                "" => return Some(Self(parameters)),
                more => rest = more.strip_prefix(',')?,
            }
        }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The content of a quoted string, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_parameters() {
        let challenge = Challenge::parse(r#"Bearer resource_metadata="https://a/b", scope="x y", error_description="a \"b\", c""#).unwrap();
        assert_eq!(
            challenge.parameter("resource_metadata"),
            Some("https://a/b")
        );
        assert_eq!(challenge.parameter("scope"), Some("x y"));
        assert_eq!(challenge.parameter("error_description"), Some("a \"b\", c"));
        assert_eq!(challenge.parameter("error"), None);
    }

    #[test]
    fn refuses_what_is_no_bearer_challenge() {
        for value in [
            "",
            "Bearer",
            "Basic realm=\"x\"",
            "Bearer scope=\"x",
            "Bearer scope=\"x\" error=\"y\"",
            "Bearer scope=x",
        ] {
            assert_eq!(Challenge::parse(value), None, "{value}");
        }
    }
}
