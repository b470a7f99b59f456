//! What an operator writes about collections and search.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::SettingsError;

/// What `search` and `fetch` answer from, as composed by the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The collections, in the order written.
    pub collections: Vec<CollectionSettings>,
    /// How much `search` and `fetch` give.
    pub search: SearchSettings,
}

impl Settings {
    /// Everything that could not mean what was written, each with its key, such as `collection[1].url`.
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, SettingsError)> {
        let mut mistakes = self.search.mistakes();
        let mut names = BTreeSet::new();
        for (at, collection) in self.collections.iter().enumerate() {
            let name = collection.effective_name();
            let mistake = match collection.check() {
                Err(error) => Some(error),
                Ok(()) if !names.insert(name.clone()) => {
                    Some(SettingsError::DuplicateName { name })
                }
                Ok(()) => None,
            };
            mistakes.extend(mistake.map(|error| {
                let key = format!("collection[{at}].{}", error.key());
                (key, error)
            }));
        }
        mistakes
    }

    /// Refuses settings that could not mean what was written.
    pub fn check(&self) -> Result<(), SettingsError> {
        match self.mistakes().into_iter().next() {
            Some((_key, error)) => Err(error),
            None => Ok(()),
        }
    }
}

/// How much `search` and `fetch` give, and how often sources are looked through.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// How many results one `search` gives, 1 to 25. Default 10.
    pub results: usize,
    /// How many characters of a document one `fetch` gives, 1000 to 60000. A longer document comes in parts, and each part
    /// names the id of the next. Default 48000: some clients refuse a tool result of about 66000.
    pub page_characters: usize,
    /// Seconds between two full looks through all sources, 10 to 86400. Changes are normally seen within two seconds; this
    /// finds those that the operating system did not report, as on network drives. Default 300.
    pub rescan_seconds: u64,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            results: 10,
            page_characters: 48_000,
            rescan_seconds: 300,
        }
    }
}

impl SearchSettings {
    fn mistakes(&self) -> Vec<(String, SettingsError)> {
        let limits = [
            ("results", self.results as u64, 1, 25),
            (
                "page_characters",
                self.page_characters as u64,
                1_000,
                60_000,
            ),
            ("rescan_seconds", self.rescan_seconds, 10, 86_400),
        ];
        let outside = limits
            .into_iter()
            .filter(|(_, found, least, most)| !(least..=most).contains(&found));
        outside
            .map(|(key, found, least, most)| {
                let error = SettingsError::OutOfRange {
                    key,
                    found,
                    least,
                    most,
                };
                (format!("search.{key}"), error)
            })
            .collect()
    }
}

/// One `[[collection]]`: a folder of Markdown, HTML and text files, or a file of JSON Lines records.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct CollectionSettings {
    /// The name of the collection: 1 to 64 lower-case letters, digits, `-` and `_`. Document ids follow from it, so a new
    /// name gives every document a new id. Default: the last part of `path`.
    pub name: String,
    /// The folder or file. A relative path starts at the working directory. Required.
    pub path: PathBuf,
    /// What is at `path`. Default `auto`: a folder is a folder, anything else is JSON Lines.
    pub kind: Kind,
    /// Which files of a folder to take, as globs over the path inside it, such as `guides/**/*.md`. Default empty: every
    /// `.md`, `.markdown`, `.html`, `.htm`, `.txt` and `.text` file. A file with another ending is read as plain text.
    pub include: Vec<String>,
    /// Which files of a folder to leave out, as globs over the path inside it. Wins over `include`. Default empty.
    pub exclude: Vec<String>,
    /// The address people open for a document: `https://wiki.example.com/{path}`. `{path}` is the path inside the folder,
    /// `{id}` the record's own id. Default none: `{public_url}/documents/{id}`. A record's own address wins.
    pub url: Option<String>,
    /// Which field of a JSON Lines record holds what.
    pub fields: Fields,
    /// The language of the texts, for stemming and stop words. Default `english`.
    pub language: Language,
    /// What is too much.
    pub limits: Limits,
}

impl CollectionSettings {
    /// A collection with default settings over `path`.
    #[must_use]
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    /// The name written, or else the one that follows from the path.
    #[must_use]
    pub fn effective_name(&self) -> String {
        if self.name.is_empty() {
            name_of(&self.path)
        } else {
            self.name.clone()
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        let name = self.effective_name();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if name.len() > 64 || !name.chars().all(allowed) {
            return Err(SettingsError::Name { name });
        }
        if self.path.as_os_str().is_empty() {
            return Err(SettingsError::NoPath { name });
        }
        super::collection::Collection::new(self, "").map(drop)
    }
}

/// A collection name made from the last part of a path.
fn name_of(path: &Path) -> String {
    let canonical = path.canonicalize();
    let stem = canonical
        .as_deref()
        .unwrap_or(path)
        .file_stem()
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let name: String = stem
        .chars()
        .map(|c| match c {
            'a'..='z' | '0'..='9' | '-' | '_' => c,
            _ => '-',
        })
        .take(64)
        .collect();
    if name.is_empty() {
        "documents".to_owned()
    } else {
        name
    }
}

/// What is at a collection's path.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A folder if the path is one when it is read, else JSON Lines.
    #[default]
    Auto,
    /// A folder of Markdown, HTML and text files.
    Folder,
    /// A file with one JSON object per line.
    Jsonl,
}

/// The names of a record's fields.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// The record's own id, a string or a whole number, unique in the file. Default `id`.
    pub id: String,
    /// The title. Default `title`; a record without one is titled by the first line of its text.
    pub title: String,
    /// The text. Default `text`.
    pub text: String,
    /// The address people open, http or https. Default `url`.
    pub url: String,
    /// Fields that `fetch` gives as metadata. Where one holds an object, its members are given. Default `["metadata"]`.
    pub metadata: Vec<String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            id: "id".to_owned(),
            title: "title".to_owned(),
            text: "text".to_owned(),
            url: "url".to_owned(),
            metadata: vec!["metadata".to_owned()],
        }
    }
}

/// What is too much: such a file or record is logged, counted and left out.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest file of a folder, in bytes. Default 26214400 (25 MB).
    pub file_bytes: u64,
    /// The longest text of one document, and the longest line of a JSON Lines file, in bytes. Default 2097152 (2 MB).
    pub text_bytes: usize,
    /// The most documents in the collection. Default 1000000.
    pub documents: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 25 << 20,
            text_bytes: 2 << 20,
            documents: 1_000_000,
        }
    }
}

/// A language whose words are stemmed.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    JsonSchema,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    Arabic,
    Danish,
    Dutch,
    #[default]
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    /// Words are compared as written, whatever the language.
    None,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
}
