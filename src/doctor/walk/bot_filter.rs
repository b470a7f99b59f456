//! Signs that something in front answered in the server's place: a bot filter, a login page, a page to click on.

use http::HeaderMap;

use super::address::without_secrets;
use super::heard::{in_words, is_html};
use crate::outbound::Heard;

/// What stands in front, if the answer looks like it.
pub(super) fn signs(heard: &Heard) -> Option<String> {
    if let Some(named) = by_header(heard) {
        return Some(format!("{named} answered {}", in_words(heard)));
    }
    let location = heard.header("location").unwrap_or_default();
    if heard.status / 100 == 3 && leads_to_a_login(location) {
        return Some(format!(
            "{} to a login page: {}",
            heard.status,
            without_secrets(location)
        ));
    }
    if !is_html(heard) {
        return None;
    }
    // A login in the clear words of HTTP is judged as a challenge; 503 alone is a server that is not there.
    let is_challenged = heard.headers.contains_key(http::header::WWW_AUTHENTICATE);
    let refused = match heard.status {
        401 => !is_challenged,
        403 | 406 | 429 => true,
        _ => false,
    };
    let asks = matches!(heard.status, 200 | 202 | 503) && asks_a_person(&heard.text());
    if !(refused || asks) {
        return None;
    }
    let who = behind(&heard.headers).map_or_else(String::new, |who| format!(", by {who}"));
    Some(format!("{}{who}", in_words(heard)))
}

/// Headers that only a filter's own refusal has. `DataDome` marks what it lets through as well
/// (<https://docs.datadome.co/reference>), and refuses with 403, or with 401 and a page.
fn by_header(heard: &Heard) -> Option<&'static str> {
    let has = |name: &str| heard.headers.contains_key(name);
    let is_challenge = has("www-authenticate");
    let is_refused = heard.status == 403 || (heard.status == 401 && !is_challenge);
    if has("cf-mitigated") {
        Some("Cloudflare's bot filter (cf-mitigated)")
    } else if has("x-amzn-waf-action") {
        Some("AWS WAF (x-amzn-waf-action)")
    } else if is_refused && (has("x-datadome") || has("x-dd-b")) {
        Some("DataDome")
    } else if has("ngrok-error-code") {
        Some("ngrok (ngrok-error-code)")
    } else {
        None
    }
}

/// Whose servers these are, as far as they say.
fn behind(headers: &HeaderMap) -> Option<&'static str> {
    let server = headers.get("server").and_then(|value| value.to_str().ok());
    let server = server.unwrap_or_default().to_ascii_lowercase();
    let has = |name: &str| headers.contains_key(name);
    if has("cf-ray") || server.starts_with("cloudflare") {
        Some("Cloudflare")
    } else if server.starts_with("akamaighost") {
        Some("Akamai")
    } else if has("x-iinfo") {
        Some("Imperva")
    } else if has("x-amz-cf-id") {
        Some("Amazon CloudFront")
    } else if has("x-sucuri-id") {
        Some("Sucuri")
    } else if has("x-azure-ref") {
        Some("Azure Front Door")
    } else {
        None
    }
}

fn leads_to_a_login(location: &str) -> bool {
    let lower = location.to_ascii_lowercase();
    let lower = lower.split(['?', '#']).next().unwrap_or_default();
    let places = [
        "sign-in",
        "cloudflareaccess.com",
        "/oauth2/start",
        "/oauth2/sign_in",
    ];
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    places.iter().any(|place| lower.contains(place))
        || words
            .any(|word| word == "sso" || word.starts_with("login") || word.starts_with("signin"))
}

/// Words that pages have on which a person must do something first.
fn asks_a_person(page: &str) -> bool {
    const MARKS: [&str; 10] = [
        "captcha",
        "challenge-platform",
        "cf-challenge",
        "turnstile",
        "just a moment",
        "checking your browser",
        "verify you are human",
        "are you a robot",
        "type=\"password\"",
        "enable javascript and cookies",
    ];
    let lower = page.to_ascii_lowercase();
    MARKS.iter().any(|mark| lower.contains(mark))
}
