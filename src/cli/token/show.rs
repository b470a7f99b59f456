//! An explained token, for people and for programs. Never the token itself, nor a part of it that is not a claim.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Answer;
use crate::auth::{Claim, Explanation, Outcome};
use crate::doctor::{Finding, Verdict, token};

/// How wide a line may be.
const WIDTH: usize = 80;
/// Where the second column begins.
const INDENT: usize = 20;

/// A line or more for each claim, and the verdict last, where people look.
pub(super) fn as_text(answer: &Answer) -> String {
    let explanation = &answer.explanation;
    let mut text = heading(explanation);
    let first = explanation.first();
    for claim in &explanation.claims {
        let found = token::finding(claim, explanation.profile);
        let name = claim.requirement.name();
        write(&mut text, name, &found);
        if first == Some(claim) {
            row(&mut text, "", "", "this is why it is refused");
        }
    }
    for (name, finding) in ["scope", "rules"]
        .iter()
        .zip(answer.bearer.iter().flatten())
    {
        write(&mut text, name, finding);
    }
    for (name, value) in &explanation.person {
        row(&mut text, "", name, value);
    }
    if !explanation.others.is_empty() {
        row(&mut text, "", "also there", &explanation.others.join(", "));
    }
    // Writing into a string cannot fail.
    let _ = writeln!(text, "\n{}", verdict(answer));
    text
}

fn heading(explanation: &Explanation) -> String {
    let mut text = format!("token for {}\n", explanation.resource);
    if let Some(issuer) = &explanation.issuer {
        let provider = explanation.profile.title();
        let _ = writeln!(text, "from {issuer}, read as a token of {provider}");
    }
    if !explanation.verified {
        text += "unverified: anybody can have written what follows\n";
    }
    text.push('\n');
    text
}

fn write(text: &mut String, name: &str, finding: &Finding) {
    let word = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Skipped => "skipped",
        Verdict::Warning => "warning",
        Verdict::Failure => "FAILURE",
    };
    row(text, word, name, &finding.found);
    for (what, words) in [("expected", &finding.expected), ("fix", &finding.fix)] {
        if !words.is_empty() {
            row(text, "", what, words);
        }
    }
}

/// A verdict, a name and words, which go on in their own column.
fn row(text: &mut String, word: &str, name: &str, words: &str) {
    let mut line = format!("  {word:<7}  {name:<9}");
    let mut is_begun = false;
    for word in words.split_whitespace() {
        if is_begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(INDENT);
        }
        line.push(' ');
        line.push_str(word);
        is_begun = true;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn verdict(answer: &Answer) -> String {
    match (&answer.explanation.verdict, answer.is_accepted()) {
        (Ok(()), Some(true)) => "accepted".to_owned(),
        (Ok(()), _) => "let in, and there is nothing that it may do here".to_owned(),
        (Err(error), None) => format!("not decided ({}): {error}", error.reason()),
        (Err(error), _) => format!("refused ({}): {error}", error.reason()),
    }
}

/// The same for programs; see docs/token-explain.md.
pub(super) fn as_json(answer: &Answer) -> Value {
    let explanation = &answer.explanation;
    let claims = explanation.claims.iter();
    let claims = claims.map(|claim| {
        let finding = token::finding(claim, explanation.profile);
        let found = if is_withheld(claim) {
            "withheld"
        } else {
            &finding.found
        };
        told((claim.requirement.name(), &claim.required), &finding, found)
    });
    let bearer = ["scope", "rules"]
        .iter()
        .zip(answer.bearer.iter().flatten());
    let claims = claims.chain(
        bearer.map(|(name, finding)| told((name, &finding.expected), finding, &finding.found)),
    );
    let verdict = explanation.verdict.as_ref();
    json!({
        "accepted": answer.is_accepted(),
        "reason": verdict.err().map(crate::auth::TokenError::reason),
        "resource": explanation.resource,
        "issuer": explanation.issuer,
        "profile": explanation.profile.as_str(),
        "verified": explanation.verified,
        "first": explanation.first().map(|claim| claim.requirement.name()),
        "claims": claims.collect::<Vec<_>>(),
        "other_claims": explanation.others,
    })
}

/// Who the user is stays with whoever has the token.
fn is_withheld(claim: &Claim) -> bool {
    claim.requirement.is_personal()
        && claim.found.is_some()
        && !matches!(claim.outcome, Outcome::Skipped(_))
}

fn told((name, required): (&str, &str), finding: &Finding, found: &str) -> Value {
    let or_null = |words: &str| (!words.is_empty()).then(|| words.to_owned());
    json!({
        "claim": name,
        "check": finding.check.id,
        "verdict": finding.verdict.as_str(),
        "required": or_null(required),
        "found": or_null(found),
        "fix": or_null(&finding.fix),
    })
}
