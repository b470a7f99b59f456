//! Reads the repository as text: which files there are, what is code in them and what is comment or literal.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// One Rust file below a crate's `src`.
pub(crate) struct Source {
    /// Relative to the repository.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text before `#[cfg(test)] mod`, with comments and the contents of literals blanked out.
    pub(crate) code: String,
    /// How many lines stand before the inline tests.
    pub(crate) lines: usize,
}

impl Source {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a source file is readable");
        let blanked = code_only(&text);
        let end = blanked.find("#[cfg(test)]\nmod ").unwrap_or(blanked.len());
        let code = blanked[..end].to_owned();
        Self {
            path: relative(path),
            lines: code.trim_end().lines().count(),
            text,
            code,
        }
    }

    /// `auth/verifier` for `src/auth/verifier.rs`.
    pub(crate) fn module(&self) -> &str {
        let path = self
            .path
            .rsplit_once("src/")
            .map_or(&*self.path, |(_, inside)| inside);
        path.trim_end_matches(".rs")
    }

    pub(crate) fn is_test(&self) -> bool {
        self.module().ends_with("/tests") || self.module().contains("/tests/")
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn relative(path: &Path) -> String {
    let inside = path
        .strip_prefix(root())
        .expect("the file is in the repository");
    inside.to_string_lossy().replace('\\', "/")
}

/// Every file of the repository, without what git ignores.
pub(crate) fn repository() -> Vec<PathBuf> {
    let ignored = ["target", ".cache", ".git", "node_modules", "artifacts"];
    WalkDir::new(root())
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !ignored.contains(&&*entry.file_name().to_string_lossy()))
        .map(|entry| entry.expect("the repository is readable"))
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

pub(crate) fn with_extension(extension: &str) -> Vec<PathBuf> {
    let mut files = repository();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files
}

/// The product's own sources, and the development identity provider's.
pub(crate) fn sources() -> Vec<Source> {
    let files = with_extension("rs").into_iter();
    files
        .filter(|path| {
            ["src/", "dev-idp/src/"]
                .iter()
                .any(|dir| relative(path).starts_with(dir))
        })
        .map(|path| Source::read(&path))
        .collect()
}

pub(crate) fn product_sources() -> Vec<Source> {
    let mut sources = sources();
    sources.retain(|source| source.path.starts_with("src/") && !source.is_test());
    sources
}

/// `text` with comments and the contents of string and character literals replaced by spaces; lines stay lines.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = literal_or_comment(rest, out.chars().next_back());
        if length == 0 {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            let (skipped, left) = rest.split_at(length);
            out.extend(skipped.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = left;
        }
    }
    out
}

/// The length of the comment or literal that `rest` starts with; 0 if it starts with code.
fn literal_or_comment(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with('r') && !in_word {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let inside = hashes + 2;
            let end = rest[inside..].find(&close).expect("a raw string ends");
            return inside + end + close.len();
        }
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    // A character literal, not a lifetime: one (escaped) character and a quote.
    let mut characters = rest.chars();
    let is_character = characters.next() == Some('\'')
        && (rest.starts_with("'\\") || characters.nth(1) == Some('\''));
    if is_character { quoted(rest, '\'') } else { 0 }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Where `word` stands in `text` with no letter, digit or underscore on either side.
pub(crate) fn whole_word(text: &str, word: &str) -> Option<usize> {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let mut occurrences = text.match_indices(word).map(|(at, _)| at);
    occurrences
        .find(|at| !text[..*at].ends_with(joins) && !text[at + word.len()..].starts_with(joins))
}

pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].lines().count().max(1)
}

/// The top-level modules that `code` names through `crate::`.
pub(crate) fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.push((at, std::mem::take(&mut word))),
                    c if depth == 0 && !c.is_whitespace() => word.push(c),
                    _ => {}
                }
            }
            found.push((at, word));
        } else {
            found.push((at, rest.to_owned()));
        }
    }
    let head = |path: String| {
        path.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    found
        .into_iter()
        .map(|(at, path)| (at, head(path)))
        .collect()
}

#[test]
fn the_reader_of_code_skips_comments_and_literals() {
    let blanked = code_only("a // b \"\n\"c // \\\" d\" e r#\"f \" g\"# 'h' '\\'' &'i /* j */ k");
    let left: Vec<_> = blanked.split_whitespace().collect();
    assert_eq!(left, ["a", "e", "&'i", "k"]);
    let named = |code: &str| {
        imports(code)
            .into_iter()
            .map(|(_, name)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        named("use crate::auth::{A, B}; crate::mcp"),
        ["auth", "mcp"]
    );
    assert_eq!(
        named("use crate::{auth::{A, B}, clock};"),
        ["auth", "clock"]
    );
    assert_eq!(whole_word("upstreams upstream", "upstream"), Some(10));
}
