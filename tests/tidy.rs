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

#[path = "tidy/source.rs"]
mod source;

use source::{
    Source, imports, line_of, product_sources, relative, repository, root, sources, whole_word,
    with_extension,
};

/// A vendor crate and the only module (file or folder) that may name it.
const VENDORS: &[(&str, &str)] = &[
    ("aws_lc_rs", "sealing"),
    ("axum", "http"),
    ("clap", "cli"),
    ("governor", "rate_limit"),
    ("html2text", "knowledge"),
    ("hyper", "http"),
    ("hyper_util", "http"),
    ("indicatif", "cli"),
    ("jsonwebtoken", "auth/verifier"),
    ("moka", "auth/verified_tokens"),
    ("notify", "knowledge"),
    ("prometheus_client", "telemetry"),
    ("pulldown_cmark", "knowledge"),
    ("reqwest", "outbound"),
    ("strsim", "config"),
    ("tantivy", "knowledge/embedded"),
    ("toml", "config"),
    ("tower", "http"),
    ("tower_http", "http"),
    ("tracing_subscriber", "telemetry"),
    ("walkdir", "knowledge"),
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
        for (vendor, home) in VENDORS {
            let module = source.module();
            let at_home = module
                .strip_prefix(home)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
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
                    "{}:{line} names {vendor}; only {home} may",
                    source.path
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
fn links_between_documents_lead_somewhere() {
    let mut violations = Vec::new();
    // What stands below src is a part of a generated document, and is checked there.
    let documents = with_extension("md")
        .into_iter()
        .filter(|path| !relative(path).starts_with("src/"));
    for path in documents {
        let text = std::fs::read_to_string(&path).expect("a document is readable");
        for (at, _) in text.match_indices("](") {
            let address: String = text[at + 2..]
                .chars()
                .take_while(|c| !" )\n".contains(*c))
                .collect();
            let file = address.split('#').next().unwrap_or_default();
            let leads_out = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
            let folder = path.parent().expect("a file has a folder");
            if !leads_out && !folder.join(file).exists() {
                violations.push(format!(
                    "{}:{} {address}",
                    relative(&path),
                    line_of(&text, at)
                ));
            }
        }
    }
    hold(
        "a link to a file of the repository leads to that file",
        &violations,
    );
}

#[test]
fn tests_and_documents_that_are_named_exist() {
    let security =
        std::fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md is readable");
    let code: Vec<_> = with_extension("rs")
        .iter()
        .map(|path| {
            (
                relative(path),
                std::fs::read_to_string(path).expect("a source file is readable"),
            )
        })
        .collect();
    let mut violations = Vec::new();
    let named = security
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.matches('_').count() >= 3);
    for name in named {
        let function = format!("fn {name}()");
        if !code.iter().any(|(_, text)| text.contains(&function)) {
            violations.push(format!("SECURITY.md names the test {name}"));
        }
    }
    for (path, text) in code.iter().filter(|(path, _)| path.starts_with("src/")) {
        for (at, _) in text.match_indices("docs/") {
            let is_path = |c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c);
            let file = text[at..]
                .split(|c| !is_path(c))
                .next()
                .unwrap_or_default()
                .trim_end_matches('.');
            let is_ours = file.ends_with(".md") && !text[..at].ends_with(is_path);
            if is_ours && !root().join(file).exists() {
                violations.push(format!("{path} names {file}"));
            }
        }
    }
    hold("what a document or a comment names exists", &violations);
}

#[test]
fn every_reason_and_every_metric_is_documented() {
    let read =
        |file: &str| std::fs::read_to_string(root().join(file)).expect("the file is readable");
    let mut violations = Vec::new();
    let reasons = read("docs/reference/access-log.md");
    let errors = ["src/auth/error.rs", "src/http/error.rs", "src/mcp/error.rs"]
        .map(read)
        .join("\n");
    // A reason code is one lower-case word; what clients are told is a sentence.
    let quoted = errors
        .lines()
        .filter_map(|line| line.split("=> \"").nth(1)?.split('"').next());
    let codes: Vec<_> = quoted
        .filter(|text| text.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
        .collect();
    for code in &codes {
        if !reasons.contains(&format!("`{code}`")) {
            violations.push(format!(
                "docs/reference/access-log.md lacks the reason {code}"
            ));
        }
    }
    let metrics = read("docs/reference/metrics.md");
    let code = read("src/telemetry/metrics.rs");
    let table = code
        .split("register! {")
        .nth(1)
        .and_then(|rest| rest.split('}').next())
        .expect("the table of metrics");
    let names: Vec<_> = table
        .lines()
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    for name in &names {
        let documented = ["", "_total"]
            .iter()
            .any(|end| metrics.contains(&format!("`usher_{name}{end}`")));
        if !documented {
            violations.push(format!("docs/reference/metrics.md lacks usher_{name}"));
        }
    }
    assert!(
        codes.len() > 40 && names.len() > 15,
        "{} codes, {} metrics",
        codes.len(),
        names.len()
    );
    hold("the reference pages are complete", &violations);
}
