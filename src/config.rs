//! One TOML file and the environment: composes the modules' own settings. Only `cli` reads it.
//!
//! Two stages. [`Settings`] is what was written; [`Config`] is what it means, and cannot hold what must not run. The
//! file comes first, `USHER_…` variables and the names of existing guides are laid over it, and every mistake is told
//! at once, with its place. Secrets are never written into the configuration, only the names of files that hold them.

mod check;
mod de;
mod docs;
mod file;
mod key_path;
mod mask;
mod mistake;
mod schema;
mod secret;
mod settings;
mod show;
#[cfg(test)]
mod tests;
mod tree;
mod variables;
mod warning;

use std::path::{Path, PathBuf};

pub use check::Config;
pub use docs::markdown;
pub use key_path::{KeyPath, Step};
pub use mistake::{Mistake, Mistakes, Problem, nearest};
pub use schema::json_schema;
pub use secret::Secret;
pub use settings::Settings;
pub use tree::{Entry, Node, Origin, Table, Text, Value};
pub use variables::Variables;
pub use warning::Warning;

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file's name and text, if there is a file.
    pub file: Option<(PathBuf, String)>,
    /// The environment.
    pub variables: Variables,
}

/// Reads and checks everything.
pub fn load(sources: &Sources) -> Result<Config, Mistakes> {
    load_with_tree(sources).map(|(config, _)| config)
}

/// The configuration in force as a TOML file, with a comment for where each value came from. Secrets are masked.
pub fn show(sources: &Sources) -> Result<String, Mistakes> {
    let (_, tree) = load_with_tree(sources)?;
    Ok(show::effective(&tree, sources.file_name()))
}

impl Sources {
    fn file_name(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }
}

fn load_with_tree(sources: &Sources) -> Result<(Config, Node), Mistakes> {
    let (settings, tree, mut mistakes) = read(sources);
    match check::check(settings, &sources.variables) {
        Ok(config) if mistakes.is_empty() => return Ok((config, tree)),
        Ok(_) => {}
        Err(found) => {
            // Where a value is wrong in itself, its default stood in for it: what that means is no news.
            let told: Vec<_> = mistakes
                .iter()
                .map(|mistake| mistake.path.clone())
                .collect();
            let is_new = |mistake: &Mistake| !told.iter().any(|path| path.overlaps(&mistake.path));
            mistakes.extend(
                found
                    .into_iter()
                    .map(|mistake| mistake.located(&tree))
                    .filter(is_new),
            );
        }
    }
    Err(Mistakes::new(
        sources.file_name().map(Path::to_owned),
        mistakes,
    ))
}

/// Checks settings that were not read from anywhere, as tests build them.
pub fn check(settings: Settings) -> Result<Config, Mistakes> {
    check::check(settings, &Variables::default()).map_err(|mistakes| Mistakes::new(None, mistakes))
}

/// Reads a file's text alone, without what it means. Never panics, whatever the text.
pub fn parse_str(text: &str) -> Result<Settings, Mistakes> {
    let (root, mut mistakes) = file::parse(text);
    let (settings, found) = de::read(&root);
    mistakes.extend(found);
    if mistakes.is_empty() {
        Ok(settings)
    } else {
        Err(Mistakes::new(None, mistakes))
    }
}

/// The file alone is read first, so that a mistake in it is told even where a variable covers it.
fn read(sources: &Sources) -> (Settings, Node, Vec<Mistake>) {
    let text = sources
        .file
        .as_ref()
        .map(|(_, text)| text.as_str())
        .unwrap_or_default();
    let (mut root, mut mistakes) = file::parse(text);
    mistakes.extend(de::read::<Settings>(&root).1);
    mistakes.extend(sources.variables.lay_over(&mut root));
    let (settings, found) = de::read(&root);
    mistakes.extend(found);
    (settings, root, mistakes)
}
