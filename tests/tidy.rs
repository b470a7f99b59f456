//! Holds the house rules that no compiler holds: the direction of imports, one vendor crate in one module, short files,
//! words with one meaning. It reads the repository as text.
//!
//! The direction is `src/lib.rs` itself: its `pub mod` lines stand low to high, a blank line parts two ranks, and a
//! module imports only from ranks above it in that list, never from its own rank.
#![expect(
    clippy::string_slice,
    reason = "the places come from `find`, so they are character boundaries"
)]

use std::collections::HashMap;
use std::fmt::Write as _;

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/source.rs"]
mod source;

use source::{
    Source, imports, line_of, product_sources, relative, repository, root, sources, whole_word,
    with_extension,
};

/// A vendor crate and the only module (file or folder) that may name it. HTTP itself is spoken in two directions.
const VENDORS: &[(&str, &[&str])] = &[
    ("aws_lc_rs", &["sealing"]),
    ("axum", &["http"]),
    ("clap", &["cli"]),
    ("governor", &["rate_limit"]),
    ("html2text", &["knowledge"]),
    ("hyper", &["http", "outbound"]),
    ("hyper_util", &["http", "outbound"]),
    ("indicatif", &["cli"]),
    ("jsonwebtoken", &["auth/verifier"]),
    ("moka", &["auth/verified_tokens"]),
    ("notify", &["knowledge"]),
    ("prometheus_client", &["telemetry"]),
    ("pulldown_cmark", &["knowledge"]),
    ("reqwest", &["outbound"]),
    ("rustls", &["outbound"]),
    ("rustls_platform_verifier", &["outbound"]),
    ("strsim", &["config"]),
    ("tantivy", &["knowledge/embedded"]),
    ("toml", &["config"]),
    ("tower", &["http"]),
    ("tracing_subscriber", &["telemetry"]),
    ("walkdir", &["knowledge"]),
    ("webpki", &["outbound"]),
    ("zeroize", &["secret_file"]),
];

/// Words that blur a meaning or say nothing, each with what to write instead. Lower case, matched as whole words.
const BANNED_WORDS: &[(&str, &str)] = &[
    (
        "backend",
        "say `upstream` (an MCP server) or `engine` (a search engine)",
    ),
    ("blacklist", "say what is refused"),
    ("comprehensive", "say what is covered"),
    ("crucial", "say what breaks without it"),
    ("delve", "say what is done"),
    ("leverage", "say `use`"),
    ("leverages", "say `uses`"),
    ("obviously", "if it is, leave it out"),
    ("robust", "say what it withstands"),
    ("seamless", "say what happens"),
    ("seamlessly", "say what happens"),
    ("simply", "if it is simple, the code shows it"),
    ("utilize", "say `use`"),
    ("whitelist", "say what is allowed"),
    ("worth noting", "say it without announcing it"),
];

/// Module names that are drawers, not rooms.
const BANNED_MODULES: &[&str] = &["common", "helpers", "misc", "util", "utils"];

/// The longest a file may be, inline tests not counted.
const MOST_LINES: usize = 500;
/// Half of all files are shorter than this, inline tests not counted.
const MEDIAN_LINES: usize = 150;

/// Fails with every violation at once, each on its own line.
fn hold(rule: &str, violations: &[String]) {
    let mut message = String::new();
    for violation in violations {
        write!(message, "\n  {violation}").expect("writing to a string");
    }
    assert!(violations.is_empty(), "{rule}:{message}");
}

/// The rank of each top-level module: a blank line between `pub mod` lines of `src/lib.rs` starts a higher one.
fn ranks() -> HashMap<String, usize> {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is readable");
    let mut rank = 0;
    let mut ranks = HashMap::new();
    for line in lib.lines() {
        match line
            .strip_prefix("pub mod ")
            .and_then(|rest| rest.strip_suffix(';'))
        {
            Some(module) => drop(ranks.insert(module.to_owned(), rank)),
            None => rank += 1,
        }
    }
    ranks
}

#[test]
fn a_module_imports_only_from_lower_ranks() {
    let ranks = ranks();
    assert!(ranks.len() >= 10, "src/lib.rs was read: {ranks:?}");
    let mut violations = Vec::new();
    for source in product_sources() {
        let own = source.module().split('/').next().unwrap_or_default();
        let Some(own_rank) = ranks.get(own) else {
            continue;
        };
        for (at, import) in imports(&source.code) {
            if import == own || ranks.get(&import).is_some_and(|rank| rank < own_rank) {
                continue;
            }
            let line = line_of(&source.code, at);
            violations.push(format!("{}:{line} names crate::{import}", source.path));
        }
    }
    hold(
        "a module imports only from the modules above it in src/lib.rs",
        &violations,
    );
}

#[test]
fn a_vendor_crate_is_named_in_one_module_only() {
    let mut violations = Vec::new();
    for source in product_sources() {
        for (vendor, homes) in VENDORS {
            let module = source.module();
            let at_home = homes.iter().any(|home| {
                let rest = module.strip_prefix(home);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            // `toml::` and `use toml;` name the crate; a variable of that name does not.
            let names = [format!("{vendor}::"), format!("use {vendor};")];
            let at = names.iter().find_map(|name| {
                source
                    .code
                    .match_indices(name.as_str())
                    .map(|(at, _)| at)
                    .find(|at| {
                        !source.code[..*at]
                            .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                    })
            });
            if let (false, Some(at)) = (at_home, at) {
                let line = line_of(&source.code, at);
                violations.push(format!(
                    "{}:{line} names {vendor}; only {} may",
                    source.path,
                    homes.join(" and "),
                ));
            }
        }
    }
    hold(
        "a vendor crate is named in one module, so that it can be changed in one place",
        &violations,
    );
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = |source: &Source| !source.text.starts_with("//! ") && !source.is_test();
    let violations: Vec<_> = sources()
        .into_iter()
        .filter(silent)
        .map(|source| source.path)
        .collect();
    hold(
        "a module starts with `//! ` and what it is for",
        &violations,
    );
}

#[test]
fn files_are_short() {
    let sources = sources();
    let mut violations: Vec<_> = sources
        .iter()
        .filter(|source| source.lines > MOST_LINES)
        .map(|source| format!("{} has {} lines", source.path, source.lines))
        .collect();
    let mut lengths: Vec<_> = sources.iter().map(|source| source.lines).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    if median >= MEDIAN_LINES {
        violations.push(format!("half of all files have {median} lines or more"));
    }
    hold(
        "no file has more than 500 lines, half have fewer than 150 (inline tests not counted)",
        &violations,
    );
}

#[test]
fn the_binary_is_thin() {
    let main =
        std::fs::read_to_string(root().join("src/main.rs")).expect("src/main.rs is readable");
    assert!(
        main.lines().count() <= 40,
        "src/main.rs parses, runs and gives the exit code; no more"
    );
}

#[test]
fn modules_have_names_that_say_what_is_inside() {
    let mut violations = Vec::new();
    for path in with_extension("rs") {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name == "mod" || BANNED_MODULES.contains(&&*name) {
            violations.push(relative(&path));
        }
    }
    hold(
        "`foo.rs` stands beside `foo/`, and no module is a drawer",
        &violations,
    );
}

#[test]
fn words_have_one_meaning() {
    let mut violations = Vec::new();
    let files = with_extension("rs")
        .into_iter()
        .chain(with_extension("md"))
        .chain(with_extension("toml"));
    for path in files.filter(|path| !path.ends_with("tests/tidy.rs")) {
        let text = std::fs::read_to_string(&path).expect("a text file is readable");
        let lower = text.to_lowercase();
        for (word, instead) in BANNED_WORDS {
            if let Some(at) = whole_word(&lower, word) {
                let line = line_of(&lower, at);
                violations.push(format!(
                    "{}:{line} says `{word}`: {instead}",
                    relative(&path)
                ));
            }
        }
    }
    hold("words that blur the meaning", &violations);
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    let mut violations = Vec::new();
    for path in with_extension("rs")
        .into_iter()
        .filter(|path| !path.ends_with("tests/tidy.rs"))
    {
        let text = std::fs::read_to_string(&path).expect("a source file is readable");
        for (number, line) in text.lines().enumerate() {
            let marks = ["TODO", "FIXME", "XXX", "HACK"];
            let marked = marks.iter().any(|mark| whole_word(line, mark).is_some());
            if marked && !line.contains("TODO(#") {
                violations.push(format!("{}:{}", relative(&path), number + 1));
            }
        }
    }
    hold("write TODO(#issue), or do it", &violations);
}

#[test]
fn nothing_depends_on_one_machine() {
    let places = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    let mut violations = Vec::new();
    for path in repository() {
        // Not text: nothing to read.
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let starts_a_path = |at: usize| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || ".-_~}".contains(c))
            };
            let found = places
                .iter()
                .any(|place| line.match_indices(place).any(|(at, _)| starts_a_path(at)));
            if found {
                violations.push(format!(
                    "{}:{} {}",
                    relative(&path),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    hold("no file names a folder of one machine", &violations);
}

#[test]
fn lock_files_name_the_public_registries_only() {
    let mut violations = Vec::new();
    for path in repository() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (key, registry) = match &*name {
            "Cargo.lock" => (
                "source = ",
                "\"registry+https://github.com/rust-lang/crates.io-index\"",
            ),
            "package-lock.json" => ("\"resolved\": ", "\"https://registry.npmjs.org/"),
            _ => continue,
        };
        let text = std::fs::read_to_string(&path).expect("a lock file is readable");
        let foreign = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(key));
        violations.extend(
            foreign
                .filter(|address| !address.starts_with(registry))
                .map(|address| format!("{}: {address}", relative(&path))),
        );
    }
    hold(
        "packages come from crates.io and registry.npmjs.org",
        &violations,
    );
}

#[test]
fn every_dependency_is_used_and_the_list_is_sorted() {
    let manifest =
        std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is readable");
    let list = manifest
        .split("\n[dependencies]\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next());
    let names: Vec<_> = list
        .expect("a list of dependencies")
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let code: String = product_sources()
        .into_iter()
        .map(|source| source.code)
        .collect();
    let is_used = |name: &str| whole_word(&code, &name.replace('-', "_")).is_some();
    let mut violations: Vec<_> = names
        .iter()
        .filter(|name| !is_used(name))
        .map(|name| format!("{name} is named nowhere in src"))
        .collect();
    if !names.is_sorted() {
        violations.push("the list is not sorted".to_owned());
    }
    assert!(names.len() > 20, "{names:?}");
    hold("a dependency is there because it is used", &violations);
}
