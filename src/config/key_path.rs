//! The name of one setting, as mistakes, documentation and environment variables spell it.

use std::fmt;

/// One step from the top of the configuration to a setting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// The place in a list, from 0.
    Index(usize),
}

/// The way to one setting: `issuer[0].algorithms`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(Vec<Step>);

impl KeyPath {
    /// The top of the configuration.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of these steps.
    #[must_use]
    pub fn from_steps(steps: &[Step]) -> Self {
        Self(steps.to_vec())
    }

    /// This path and then `key`.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// This path and then the item at `index`.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// `step` and then this path.
    #[must_use]
    pub fn within(mut self, step: Step) -> Self {
        self.0.insert(0, step);
        self
    }

    /// The steps from the top.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path, then what it is in, and so on, without the top.
    pub fn outwards(&self) -> impl Iterator<Item = Self> {
        (1..=self.0.len())
            .rev()
            .map(|length| Self(self.0.iter().take(length).cloned().collect()))
    }

    /// The keys alone, without the places in lists.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }

    /// The last key.
    #[must_use]
    pub fn last_key(&self) -> &str {
        self.keys().next_back().unwrap_or_default()
    }

    /// True if one of both leads through the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a == b)
    }

    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut path = Self::root();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let mut pieces = part.split('[');
            path = path.key(pieces.next().unwrap_or_default());
            for index in pieces.filter_map(|piece| piece.trim_end_matches(']').parse().ok()) {
                path = path.index(index);
            }
        }
        path
    }

    /// The environment variable that sets it: `USHER_ISSUER__0__ALGORITHMS`.
    #[must_use]
    pub fn variable(&self) -> String {
        let steps: Vec<String> = self
            .0
            .iter()
            .map(|step| match step {
                Step::Key(key) => key.to_uppercase(),
                Step::Index(index) => index.to_string(),
            })
            .collect();
        format!("USHER_{}", steps.join("__"))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_what_it_writes() {
        for text in [
            "public_url",
            "issuer[0].algorithms",
            "http.trusted_proxies[12]",
            "",
        ] {
            assert_eq!(KeyPath::parse(text).to_string(), text);
        }
        assert_eq!(
            KeyPath::parse("issuer[0].jwks_url").variable(),
            "USHER_ISSUER__0__JWKS_URL"
        );
    }

    #[test]
    fn overlapping_paths_lead_through_one_another() {
        let check = |a, b, expected| {
            assert_eq!(
                KeyPath::parse(a).overlaps(&KeyPath::parse(b)),
                expected,
                "{a} {b}"
            );
        };
        check("issuer[0]", "issuer[0].issuer", true);
        check("issuer[0].issuer", "issuer", true);
        check("issuer[0].issuer", "issuer[1].issuer", false);
        check("http", "https", false);
    }
}
