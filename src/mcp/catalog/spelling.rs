//! What a server may take the address of a resource for, besides what is written: rules hold for all of it, so that no
//! other spelling gets around them.
//!
//! Servers read addresses in their own ways. Many go by the WHATWG's standard for URLs, as the SDKs for TypeScript and
//! Python do: there `file:/a`, `file://localhost/a` and `file:\\\a` are `file:///a`. Others undo escapes and read the
//! address then, take several slashes for one and none at the end, cut at `;`, open a file without looking at `?` and `#`,
//! or go by the path alone, whatever host, port or user there is: that of `file://anybody/a` is `/a`.

use percent_encoding::percent_decode_str;
use url::Url;

/// Escapes of escapes that are undone; what is deeper is nobody's resource.
const MOST_ROUNDS: usize = 4;
/// A longer address is nobody's: it would go into a header, and would have to be kept where somebody subscribes to it.
const LONGEST: usize = 8 * 1024;

/// Everything that a server may take this address for. Nothing if it leads somewhere else than it says, with `.` and `..`
/// between slashes: nobody is asked for that.
#[must_use]
pub fn spellings(uri: &str) -> Option<Vec<String>> {
    if uri.len() > LONGEST {
        return None;
    }
    let mut all = vec![plain(uri)?];
    if let Ok(mut url) = Url::parse(uri) {
        all.push(plain(url.as_str())?);
        // Not every kind of address has these; what cannot be taken away is not there.
        let _no_user = url.set_username("");
        let _no_password = url.set_password(None);
        let host = url.host_str().and_then(|host| host.strip_suffix('.'));
        if let Some(host) = host.map(str::to_owned) {
            let _no_dot = url.set_host(Some(&host));
        }
        all.push(plain(url.as_str())?);
    }
    // What is left out by one is left out of what the one before made: a server may do all of this.
    for less in [
        one_slash,
        without_host,
        without_query,
        without_parameters,
        without_end,
    ] {
        let others: Vec<_> = all.iter().map(|text| less(text)).collect();
        all.extend(others);
        all.sort_unstable();
        all.dedup();
    }
    Some(all)
}

/// The address with its escapes undone and its scheme and host in small letters. Nothing if it leads somewhere else.
pub(super) fn plain(uri: &str) -> Option<String> {
    let mut text = uri.to_owned();
    for round in 0.. {
        // Before each round: an escaped `?` ends the path only for those who undo it.
        if text.chars().any(char::is_control) || leads_elsewhere(&text) {
            return None;
        }
        let decoded = percent_decode_str(&text).decode_utf8().ok()?;
        if *decoded == text {
            break;
        }
        if round == MOST_ROUNDS {
            return None;
        }
        text = decoded.into_owned();
    }
    let host_end = text.find("://").map_or(0, |at| {
        let after = at + 3;
        let host = text.get(after..).unwrap_or_default();
        after + host.find('/').unwrap_or(host.len())
    });
    let scheme_end = text.find(':').unwrap_or(0);
    let (head, tail) = text.split_at_checked(host_end.max(scheme_end))?;
    Some(format!("{}{tail}", head.to_ascii_lowercase()))
}

/// True if `.` or `..` is a part of it. Some see a query as a part of the path, and some cut parts at a semicolon.
fn leads_elsewhere(text: &str) -> bool {
    let mut parts = text.split(['/', '\\', '?', '#']);
    parts.any(|part| matches!(part.split(';').next(), Some("." | "..")))
}

/// The address with one slash for several in its path, and for backslashes.
fn one_slash(text: &str) -> String {
    let path_at = match text.find("://") {
        Some(at) => at + 3,
        None => text.find(':').map_or(0, |at| at + 1),
    };
    let (head, path) = text.split_at_checked(path_at).unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len());
    out.push_str(head);
    let mut was_slash = false;
    for c in path.chars() {
        let is_slash = matches!(c, '/' | '\\');
        if !(is_slash && was_slash) {
            out.push(if is_slash { '/' } else { c });
        }
        was_slash = is_slash;
    }
    out
}

/// The address with no host where it has one.
fn without_host(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let path = rest.find('/').and_then(|at| rest.get(at..));
    format!("{scheme}://{}", path.unwrap_or_default())
}

/// The address up to its query or fragment. An escaped `?` ends the path for those who undo escapes first.
fn without_query(text: &str) -> String {
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// The address without what follows a semicolon in any part of its path.
fn without_parameters(text: &str) -> String {
    let parts = text.split('/').map(|part| part.split(';').next());
    parts.flatten().collect::<Vec<_>>().join("/")
}

/// The address without slashes at its end.
fn without_end(text: &str) -> String {
    text.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_seen_as_a_server_may_take_it() {
        let check = |uri: &str, expected: &str| {
            let found = spellings(uri).expect(uri);
            assert!(
                found.iter().any(|known| known == expected),
                "{uri}: {found:?}"
            );
        };
        for uri in [
            "file:///a/b",
            "FILE:///a/%62",
            "file:///a/%2562",
            "file://localhost/a/b",
            "file://LOCALHOST/a/b",
            "file:/a/b",
            "file:a/b",
            "file:////a/b",
            "file:///a//b",
            "file:///a\\b",
            "file:\\\\\\a\\b",
            "file:///a%5cb",
            "file:///a%2f%2fb",
            " file:///a/b ",
            "file:///a/b?x",
            "file:///a/b#x",
            "file:///a/b?x#y",
            "file:///a/b?",
            "file://localhost:80/a/b",
            "file://user@localhost/a/b",
            "file://u:p@/a/b#x",
            "file://elsewhere.test//a/b?x",
            "file://elsewhere.test\\a\\b",
            "file:///a/b%3Fx",
            "file:///a/b%253Fx",
            "file:///a/b%23x",
            "file:///a/b/",
            "file:///a/b//?x",
            "file:///a/b;x=1",
            "file:///a;x/b",
            "file://anybody/a/b",
            "file://u:p@anybody:80/a/b",
            "file://anybody.test//a/b/%3f;x",
        ] {
            check(uri, "file:///a/b");
        }
        for uri in [
            "HTTPS://Host.Test/A",
            "https:/host.test/A",
            "https:\\\\host.test\\A",
            "https://host.test:443/A",
            "https://host.test./A",
            "https://u:p@host.test/A",
            "https://host。test/A",
            "https://host.test//A",
            "https://host.test/A?b=c",
            "https://host.test/A/",
            "https://host.test/A;v=1/?b=c",
        ] {
            check(uri, "https://host.test/A");
        }
        check("test:Thing", "test:Thing");
        check("TEST:Thing", "test:Thing");
        check("no scheme", "no scheme");
        check("no scheme/?x", "no scheme");
        check("test://anybody/thing", "test:///thing");
        check("https://host.test/A?q=../x", "https://host.test/A?q=../x");
        check("file:///a/%252e.txt", "file:///a/..txt");
    }

    #[test]
    fn what_leads_elsewhere_is_no_address() {
        for uri in [
            "file:///a/../b",
            "file:///a/%2e%2E/b",
            "file:///a/.%2e/b",
            "file:///a/%252e%252e/b",
            "file:///a/./b",
            "file:///a/..",
            "file:///a/..%2fb",
            "file:///a/..;/b",
            "file:///a\\..\\b",
            "file:///a%3F/../b",
            "file:///a%23/../b",
            "file:///a?/../b",
            "file:///a/%0a",
            "file:///a/\tb",
            "fi\tle:///a",
            "file:///a/%ff",
            "file:///%25252525252e",
            &format!("file:///{}", "a".repeat(LONGEST)),
        ] {
            assert_eq!(spellings(uri), None, "{uri}");
        }
    }
}
