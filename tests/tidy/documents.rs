//! What documents say of the code, and of each other, is there.

use super::hold;
use super::source::{line_of, relative, root, with_extension};

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
        // A law takes arguments.
        let function = format!("fn {name}(");
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
fn every_reason_for_a_refusal_is_explained() {
    let read =
        |file: &str| std::fs::read_to_string(root().join(file)).expect("the file is readable");
    let reference = read("docs/reference/access-log.md");
    let errors = [
        "src/auth/error.rs",
        "src/mcp/error.rs",
        "src/policy/denial.rs",
    ];
    let errors = errors.map(read).join("\n");
    // A reason code is one lower-case word; what clients are told is a sentence.
    let quoted = errors
        .lines()
        .filter_map(|line| line.split("=> \"").nth(1)?.split('"').next());
    let is_code = |text: &&str| text.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    let codes: Vec<_> = quoted.filter(is_code).collect();
    assert!(codes.len() > 40, "{codes:?}");
    let missing = codes
        .iter()
        .filter(|code| !reference.contains(&format!("`{code}`")));
    let missing: Vec<_> = missing.map(|code| (*code).to_owned()).collect();
    hold(
        "docs/reference/access-log.md says what each reason means and what to do",
        &missing,
    );
}
