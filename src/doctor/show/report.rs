//! A bundle for a ticket: the whole diagnosis without what identifies a person or opens a door.

use std::fmt::Write as _;

use super::json::json;
use super::{Shown, text};
use crate::clients::KnownClient;
use crate::doctor::{Diagnosis, Finding};

/// What a report holds and what it does not: said on the terminal and at its top.
pub const HOLDS: &str = "\
It holds: the version of Usher; the address that was walked to; every check with its
verdict, what was expected and what was found: host names, addresses, issuers, scopes,
HTTP statuses, certificate dates.
It does not hold: tokens, codes, secrets, passwords, cookies, query strings, user names,
e-mail addresses. Host names are in it: look through it before you give it away.";

/// The text of the file.
#[must_use]
pub fn report(diagnosis: &Diagnosis, clients: &[KnownClient]) -> String {
    let redacted = Diagnosis {
        about: redact(&diagnosis.about),
        findings: diagnosis.findings.iter().map(redact_finding).collect(),
        apart: diagnosis.apart,
    };
    let shown = Shown {
        colour: false,
        verbose: true,
        clients: clients.to_vec(),
    };
    let version = env!("CARGO_PKG_VERSION");
    let mut report = format!("A report of usher doctor {version}\n\n{HOLDS}\n\n");
    report.push_str(&text(&redacted, &shown));
    let json = json(&redacted, clients);
    let _always_fits = write!(report, "\nThe same for programs\n{json}");
    report
}

fn redact_finding(finding: &Finding) -> Finding {
    Finding {
        subject: finding.subject.as_deref().map(redact),
        expected: redact(&finding.expected),
        found: redact(&finding.found),
        fix: redact(&finding.fix),
        ..finding.clone()
    }
}

const HIDDEN: &str = "[redacted]";

/// Word by word: queries and users of addresses, e-mail addresses, and what is too long and too random to be a word.
fn redact(text: &str) -> String {
    let is_end = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '(' | ')' | '<' | '>')
    };
    let mut shown = String::new();
    for part in text.split_inclusive(is_end) {
        let word = part.trim_end_matches(is_end);
        let end = part.get(word.len()..).unwrap_or_default();
        shown.push_str(&redact_word(word));
        shown.push_str(end);
    }
    shown
}

fn redact_word(word: &str) -> String {
    let is_address = word.contains("://");
    let (word, query) = match word.split_once(['?', '#']) {
        // A redirect may name a path alone.
        Some((before, after)) if after.contains('=') || (is_address && !after.is_empty()) => {
            (before, format!("?{HIDDEN}"))
        }
        _ => (word, String::new()),
    };
    let shown = if word.contains('@') {
        match word.split_once("://") {
            Some((scheme, rest)) => {
                let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
                format!("{scheme}://{rest}")
            }
            None => HIDDEN.to_owned(),
        }
    } else if looks_random(word) || (!is_address && is_a_uuid(word)) {
        HIDDEN.to_owned()
    } else {
        word.to_owned()
    };
    shown + &query
}

/// Codes, sessions and users are often named so; tenants and realms in addresses as well, and these stay.
fn is_a_uuid(word: &str) -> bool {
    let is_uuid = |part: &str| {
        let lengths = part.split('-').map(str::len);
        lengths.eq([8, 4, 4, 4, 12]) && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    };
    word.split(['=', ':', '.', '&']).any(is_uuid)
}

/// A part of at least 24 characters that holds digits beside upper case, or hexadecimal digits alone; or a JWT.
fn looks_random(word: &str) -> bool {
    if word.starts_with("eyJ") {
        return true;
    }
    word.split(['/', '=', ':', '.', '&']).any(|part| {
        let has = |what: fn(&char) -> bool| part.chars().any(|c| what(&c));
        part.len() >= 24
            && has(char::is_ascii_digit)
            && (has(char::is_ascii_uppercase) || part.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::address::{ADDRESS_NO_REDIRECT, ADDRESS_VALID};

    #[test]
    fn what_opens_a_door_or_names_a_person_is_taken_out_and_the_rest_stays() {
        for (text, shown) in [
            (
                "https://id.test/cb?code=SECRET&state=x to",
                "https://id.test/cb?[redacted] to",
            ),
            ("https://me:pw@id.test/mcp", "https://id.test/mcp"),
            ("\"ada@example.com\" logged in", "\"[redacted]\" logged in"),
            ("Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "Bearer [redacted]"),
            ("code 4f9d2c1b7a6e5d4c3b2a19080f7e6d5c", "code [redacted]"),
            ("session AbCd1234EfGh5678IjKl9012MnOp", "session [redacted]"),
            (
                "code 6f1c9d3e-0b7a-4c55-9a39-2f6de0a1b2c3.91b7",
                "code [redacted]",
            ),
            (
                "https://login.test/6f1c9d3e-0b7a-4c55-9a39-2f6de0a1b2c3/v2.0",
                "https://login.test/6f1c9d3e-0b7a-4c55-9a39-2f6de0a1b2c3/v2.0",
            ),
            ("302 to /login?session=SECRET", "302 to /login?[redacted]"),
            ("203.0.113.7, 2001:db8::7", "203.0.113.7, 2001:db8::7"),
            (
                "https://mcp.test/.well-known/oauth-protected-resource/mcp",
                "https://mcp.test/.well-known/oauth-protected-resource/mcp",
            ),
            (
                "401 with application/json; what now?",
                "401 with application/json; what now?",
            ),
            (
                "Mon, 01 Jan 2024 00:00:00 GMT",
                "Mon, 01 Jan 2024 00:00:00 GMT",
            ),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn a_report_says_at_its_top_what_it_holds_and_has_no_query_anywhere() {
        let mut diagnosis = Diagnosis::new("https://mcp.test/mcp");
        diagnosis.add(Finding::ok(&ADDRESS_VALID, "https://mcp.test/mcp"));
        let to = "302 to https://login.test/authorize?state=SECRET";
        diagnosis.add(Finding::failure(&ADDRESS_NO_REDIRECT, to).of("https://x.test/?k=SECRET"));
        let report = report(&diagnosis, &KnownClient::ALL);
        assert!(report.contains(HOLDS));
        assert!(
            report.contains("https://login.test/authorize?[redacted]"),
            "{report}"
        );
        assert!(!report.contains("SECRET"), "{report}");
    }
}
