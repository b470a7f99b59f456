//! What is wrong with a configuration, in words: where, what was found, what was expected, what to do.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::tree::{Node, Origin, Value};
use super::{KeyPath, mask};

/// One mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// The setting it is about; the root if there is none.
    pub path: KeyPath,
    /// Where it was written; nothing if something is missing.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The file is not TOML.
    Syntax(String),
    /// There is no setting of this name.
    UnknownKey {
        /// The names that exist there.
        known: Vec<String>,
    },
    /// A value of the wrong type or outside of its set.
    Value {
        /// What was written, if it may be shown.
        found: Option<Value>,
        /// What can be written there.
        expected: String,
    },
    /// Something that must be there is not.
    Missing {
        /// What can be written there.
        expected: String,
    },
    /// A mistake in what the settings mean together.
    Meaning {
        /// What was written, if something was.
        found: Option<Value>,
        /// What is wrong, and what was expected.
        message: String,
        /// The next step.
        advice: String,
    },
}

/// All mistakes of one configuration, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistakes {
    file: Option<PathBuf>,
    list: Vec<Mistake>,
}

impl Mistakes {
    /// Sorts what was found in `file` and the environment.
    #[must_use]
    pub fn new(file: Option<PathBuf>, mut list: Vec<Mistake>) -> Self {
        keep_one_per_broken_line(&mut list);
        list.sort_by(|a, b| (&a.origin, &a.path).cmp(&(&b.origin, &b.path)));
        list.dedup();
        Self { file, list }
    }

    /// A file that cannot be read at all.
    #[must_use]
    pub fn unreadable(file: PathBuf, cause: &std::io::Error) -> Self {
        let problem = Problem::Meaning {
            found: None,
            message: format!("the configuration file cannot be read: {cause}"),
            advice: "name another one with --config or USHER_CONFIG".to_owned(),
        };
        Self::new(
            Some(file),
            vec![Mistake {
                path: KeyPath::root(),
                origin: None,
                problem,
            }],
        )
    }

    /// Each mistake, in order.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }

    /// The same, each as its own text: where it is, and then lines that say what was found and what to do.
    #[must_use]
    pub fn each(&self) -> Vec<String> {
        let alone = |mistake: &Mistake| Self {
            file: self.file.clone(),
            list: vec![mistake.clone()],
        };
        self.list
            .iter()
            .map(|mistake| alone(mistake).to_string())
            .collect()
    }

    fn place(&self, mistake: &Mistake) -> String {
        match (&mistake.origin, &self.file) {
            (Some(Origin::File { line, column }), Some(file)) => {
                format!("{}:{line}:{column}", file.display())
            }
            (Some(Origin::File { line, column }), None) => format!("line {line}, column {column}"),
            (Some(Origin::Variable(name)), _) => format!("environment variable {name}"),
            (None, Some(file)) => format!("{}", file.display()),
            (None, None) => "configuration".to_owned(),
        }
    }
}

impl std::error::Error for Mistakes {}

/// Where a line is not TOML, what else could be said of it is guesswork.
fn keep_one_per_broken_line(list: &mut Vec<Mistake>) {
    let line = |mistake: &Mistake| match mistake.origin {
        Some(Origin::File { line, .. }) => Some(line),
        Some(Origin::Variable(_)) | None => None,
    };
    let is_syntax = |mistake: &Mistake| matches!(mistake.problem, Problem::Syntax(_));
    let broken = list.iter().filter(|mistake| is_syntax(mistake));
    let broken: BTreeSet<usize> = broken.filter_map(line).collect();
    let mut told = BTreeSet::new();
    list.retain(|mistake| match line(mistake) {
        Some(line) if broken.contains(&line) => is_syntax(mistake) && told.insert(line),
        Some(_) | None => true,
    });
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, mistake) in self.list.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.place(mistake))?;
            mistake.write(f)?;
        }
        Ok(())
    }
}

impl Mistake {
    /// The same mistake with the place and the value that `root` has for its path.
    #[must_use]
    pub(super) fn located(mut self, root: &Node) -> Self {
        let node = root.at(&self.path);
        let written = self.path.outwards().find_map(|path| root.at(&path));
        self.origin = self
            .origin
            .or_else(|| written.map(|node| node.origin.clone()));
        if let Problem::Meaning {
            found: found @ None,
            ..
        } = &mut self.problem
        {
            *found = node.map(|node| node.value.clone());
        }
        self
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path == KeyPath::root() {
            f.write_str("\n")?;
        } else {
            writeln!(f, ": {}", self.path)?;
        }
        let key = self.path.last_key();
        match &self.problem {
            Problem::Syntax(message) => write!(f, "  problem:  this is not TOML: {message}"),
            Problem::UnknownKey { known } => {
                f.write_str("  found:    a key that does not exist\n")?;
                match advice_for_unknown(key, known) {
                    Some(advice) => write!(f, "  do:       {advice}"),
                    None => write!(f, "  expected: one of {}", known.join(", ")),
                }
            }
            Problem::Value { found, expected } => {
                write_found(f, key, found.as_ref())?;
                write!(f, "  expected: {expected}")
            }
            Problem::Missing { expected } => {
                write!(f, "  found:    nothing\n  expected: {expected}")
            }
            Problem::Meaning {
                found,
                message,
                advice,
            } => {
                write_found(f, key, found.as_ref())?;
                write!(
                    f,
                    "  problem:  {}",
                    mask::told(message, key, found.as_ref())
                )?;
                match advice.strip_prefix("expected ") {
                    Some(expected) => write!(f, "\n  expected: {expected}"),
                    None if advice.is_empty() => Ok(()),
                    None => write!(f, "\n  do:       {advice}"),
                }
            }
        }
    }
}

fn write_found(f: &mut fmt::Formatter<'_>, key: &str, found: Option<&Value>) -> fmt::Result {
    match found {
        Some(value) => writeln!(f, "  found:    {}", mask::shown(key, value)),
        None => Ok(()),
    }
}

/// The nearest known name, or where a secret belongs.
fn advice_for_unknown(key: &str, known: &[String]) -> Option<String> {
    let with_file = format!("{key}_file");
    if known.contains(&with_file) {
        return Some(format!(
            "put the secret into a file and name that file in `{with_file}`"
        ));
    }
    nearest(key, known).map(|name| format!("did you mean `{name}`?"))
}

/// The name most like `name`, if one is like it at all.
#[must_use]
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let likeness = |candidate: &str| strsim::jaro_winkler(name, candidate);
    known
        .iter()
        .map(|candidate| (likeness(candidate), candidate.as_str()))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
