//! Which of our formats a client would rather read (RFC 9110 §12.5.1), as far as it decides anything here.

use axum::http::{HeaderMap, header};

/// True if `text/html` is named and not refused: what browsers send, and nothing else does.
#[must_use]
pub fn prefers_html(headers: &HeaderMap) -> bool {
    names(headers, "text/html")
}

/// True if JSON is named and plain text is not.
#[must_use]
pub fn prefers_json(headers: &HeaderMap) -> bool {
    names(headers, "application/json") && !names(headers, "text/plain") && !prefers_html(headers)
}

fn names(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(media_type));
            named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_read_html_and_programs_json() {
        for (accept, html, json) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
                false,
            ),
            ("TEXT/HTML", true, false),
            ("text/html;q=0, application/json", false, true),
            ("application/json", false, true),
            ("application/json, text/plain", false, false),
            ("*/*", false, false),
            ("", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(prefers_html(&headers), html, "{accept}");
            assert_eq!(prefers_json(&headers), json, "{accept}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
