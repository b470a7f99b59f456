//! `docs/troubleshooting.md` and `usher doctor explain`: what is known of each check, made from the registry alone.

mod page;

use std::fmt::Write as _;

use super::checks;
use super::{Check, Place, Symptom};
use crate::auth::ProfileName;

pub use page::markdown;

/// How wide a line of a terminal may be.
const WIDTH: usize = 80;

impl Place {
    /// Whom to ask.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Client => "the client",
            Self::Gateway => "this server",
            Self::Provider => "the identity provider",
            Self::Proxy => "the network or a proxy",
        }
    }
}

impl Symptom {
    /// Who says so.
    fn who(&self) -> &'static str {
        match self.client {
            Some(client) => client.title(),
            None if checks::token::for_reason(self.text).is_some() => "log, `reason`",
            None => "anywhere",
        }
    }
}

/// What to change at each provider that has words of its own for it.
fn fixes(check: &Check) -> impl Iterator<Item = (ProfileName, &'static str)> {
    // A provider of which no more is known than of any.
    let general = check.hint.map(|hint| hint(ProfileName::Generic));
    ProfileName::known().filter_map(move |profile| {
        let fix = check.own_fix_at(profile)?;
        (Some(fix) != general).then_some((profile, fix))
    })
}

/// The checks that `words` lead to: that of this id; else those one of whose symptoms holds all the words.
#[must_use]
pub fn find(words: &str) -> Vec<&'static Check> {
    let asked = words.trim().to_lowercase();
    if let Some(check) = checks::by_id(&asked) {
        return vec![check];
    }
    let parts: Vec<_> = asked.split_whitespace().collect();
    let holds = |symptom: &Symptom| {
        let text = symptom.text.to_lowercase();
        // What somebody copied may be longer than the words that are known.
        let (is_whole, is_part) = (
            asked.contains(&text),
            parts.iter().all(|part| text.contains(part)),
        );
        !parts.is_empty() && (is_part || (is_whole && text.len() > 6))
    };
    let has = |check: &&Check| check.symptoms.iter().any(holds);
    checks::all().filter(has).collect()
}

/// Everything about one check, for a terminal.
#[must_use]
pub fn text(check: &Check) -> String {
    let mut text = format!("{}: {}\n", check.id, check.failing);
    // Writing into a string cannot fail.
    let _ = writeln!(text, "The cause is with {}.", check.place.in_words());
    text.push_str("\nWhat people see\n");
    for symptom in check.symptoms {
        wrapped(&mut text, &format!("{}: {}", symptom.who(), symptom.text));
    }
    text.push_str("\nWhy\n");
    wrapped(&mut text, check.cause);
    text.push_str("\nWhat to change\n");
    wrapped(&mut text, check.fix);
    for (provider, fix) in fixes(check) {
        let _ = writeln!(text, "\nAt {}", provider.title());
        wrapped(&mut text, fix);
    }
    let _ = writeln!(text, "\nMore: docs/{}", check.page);
    text
}

/// A line for each of several checks.
#[must_use]
pub fn list(checks: &[&'static Check]) -> String {
    let widest = checks.iter().map(|check| check.id.len()).max();
    let width = widest.unwrap_or_default();
    let lines = checks
        .iter()
        .map(|check| format!("{:width$}  {}\n", check.id, check.failing));
    lines.collect()
}

fn wrapped(text: &mut String, words: &str) {
    let mut line = String::from(" ");
    for word in words.split_whitespace() {
        if line.len() > 2 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The anchors of a page's headings, as the usual renderers make them.
    fn anchors(page: &str) -> Vec<String> {
        let headings = page.lines().filter_map(|line| line.strip_prefix('#'));
        let anchor = |heading: &str| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(anchor).collect()
    }

    #[test]
    fn no_registered_check_is_left_blank_and_its_page_is_there() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        let mut missing = Vec::new();
        for check in checks::all() {
            let mut lacks = |what: &str| missing.push(format!("{} lacks {what}", check.id));
            for (what, words) in [
                ("title", check.title),
                ("failing", check.failing),
                ("cause", check.cause),
                ("fix", check.fix),
            ] {
                if words.trim().is_empty() {
                    lacks(what);
                }
            }
            if check.symptoms.is_empty() || check.symptoms.iter().any(|s| s.text.trim().is_empty())
            {
                lacks("symptoms");
            }
            let (file, anchor) = check.page.split_once('#').unwrap_or((check.page, ""));
            let page = std::fs::read_to_string(docs.join(file)).unwrap_or_default();
            if page.is_empty() {
                lacks("a page that exists");
            } else if !anchor.is_empty() && !anchors(&page).iter().any(|known| known == anchor) {
                lacks("a heading that exists");
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn a_check_is_found_by_its_id_and_by_what_people_see() {
        let ids = |words: &str| find(words).iter().map(|check| check.id).collect::<Vec<_>>();
        assert_eq!(ids("token-audience"), ["token-audience"]);
        assert_eq!(ids(" TOKEN-AUDIENCE "), ["token-audience"]);
        assert!(ids("rejected the credentials").contains(&"token-audience"));
        assert!(ids("AADSTS9010010: the resource parameter").contains(&"token-audience"));
        assert!(ids("wrong_audience").contains(&"token-audience"));
        assert_eq!(ids("words that nobody ever read"), Vec::<&str>::new());
        assert_eq!(ids(""), Vec::<&str>::new());
    }

    #[test]
    fn an_explanation_fits_a_terminal_and_has_every_provider() {
        for check in checks::all() {
            let text = text(check);
            let is_wide = |line: &&str| line.chars().count() > 100;
            assert_eq!(text.lines().find(is_wide), None, "{}", check.id);
            for (provider, _) in check.fixes {
                let is_named = text.contains(provider.title()) || *provider == ProfileName::Generic;
                assert!(is_named, "{} at {provider:?}", check.id);
            }
        }
    }
}
