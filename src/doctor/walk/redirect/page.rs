//! What an authorization endpoint means by what it shows: a login, or one of the many ways to say no.

use url::Url;

/// What a request to the authorization endpoint led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A page to log in on, or the way to one.
    Login,
    /// Back to the client, with an error: so the redirect address is accepted.
    SentBack {
        /// The error code of RFC 6749 §4.1.2.1, and what is said about it.
        error: String,
        description: String,
    },
    /// A page that says no.
    Refused(Refusal, String),
    /// Nothing that a person could go on with.
    Broken(String),
}

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Client,
    Redirect,
    Resource,
    Scope,
    /// Something else, or it does not say.
    Other,
}

use Refusal::{Client, Redirect, Resource, Scope};

/// Words that only such a page has, in lower case. Each was read in that provider's source or documentation, or in what its
/// users report.
const MARKS: [(&str, Refusal); 23] = [
    // Entra ID: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    ("aadsts9010010", Resource),
    ("aadsts901002", Resource),
    ("aadsts500011", Resource),
    ("aadsts50011", Redirect),
    ("aadsts700016", Client),
    ("aadsts70011", Scope),
    ("aadsts650053", Scope),
    // Keycloak's messages_en.properties.
    ("invalid parameter: redirect_uri", Redirect),
    ("client not found", Client),
    ("client disabled", Client),
    // Auth0, Cognito, Okta, Google.
    ("callback url mismatch", Redirect),
    ("redirect_mismatch", Redirect),
    ("redirect_uri_mismatch", Redirect),
    ("must be a login redirect uri", Redirect),
    // Authentik, Zitadel, AD FS, Authelia, oidc-provider.
    ("redirect uri error", Redirect),
    (
        "redirect_uri is missing in the client configuration",
        Redirect,
    ),
    ("msis9224", Redirect),
    ("pre-registered redirect urls", Redirect),
    (
        "did not match any of the client's registered redirect_uris",
        Redirect,
    ),
    ("client is invalid", Client),
    // RFC 8707 §2, RFC 6749 §4.1.2.1.
    ("invalid_target", Resource),
    ("invalid_scope", Scope),
    ("invalid_redirect_uri", Redirect),
];

/// Words that say what a page is about once it is known to say no.
const TOPICS: [(&str, Refusal); 13] = [
    ("redirect_uri", Redirect),
    ("redirect uri", Redirect),
    ("redirect url", Redirect),
    ("callback", Redirect),
    ("invalid_client", Client),
    ("unauthorized_client", Client),
    ("client_id", Client),
    ("unknown client", Client),
    ("client is not registered", Client),
    ("no such client", Client),
    ("client does not exist", Client),
    ("client identifier", Client),
    ("scope", Scope),
];

/// What a 404 is called: some say so of a client that they do not know as well.
pub(super) const NOTHING: &str = "404: nothing is there";

/// The longest that is quoted of a page.
const MOST_QUOTED: usize = 160;

/// The parts of an answer that matter here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub status: u16,
    /// Where a redirect leads, made absolute.
    pub location: Option<&'a Url>,
    pub body: &'a str,
    /// True if it is the authorization endpoint's own answer; false for a page that it led to.
    pub is_first: bool,
}

/// What one answer means; nothing for a redirect that has to be followed to know.
pub(super) fn read(answer: Answer<'_>, redirect_uri: &str) -> Option<Shown> {
    if let Some(location) = answer.location {
        return redirected(location, redirect_uri);
    }
    let whole = answer.body.to_lowercase();
    let text = plain(answer.body);
    if let Some((word, refusal)) = MARKS.iter().find(|(word, _)| whole.contains(word)) {
        let is_read = text.to_lowercase().contains(word);
        let said = quoted(if is_read { &text } else { answer.body }, word);
        return Some(Shown::Refused(*refusal, said));
    }
    Some(match answer.status {
        200..=299 => Shown::Login,
        404 => Shown::Broken(NOTHING.to_owned()),
        400..=499 if answer.is_first => {
            let lower = text.to_lowercase();
            let topic = TOPICS.iter().find(|(word, _)| lower.contains(word));
            let (word, refusal) = topic.copied().unwrap_or(("", Refusal::Other));
            let said = format!("{} {}", answer.status, quoted(&text, word));
            Shown::Refused(refusal, said)
        }
        // A page further on wants cookies or scripts that a probe does not have: the request itself was taken.
        400..=499 => Shown::Login,
        status => Shown::Broken(format!("answered with status {status}")),
    })
}

fn redirected(location: &Url, redirect_uri: &str) -> Option<Shown> {
    let parameter = |name: &str| {
        let mut pairs = location.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    };
    let error = parameter("error");
    if location.as_str().starts_with(redirect_uri) {
        let description = parameter("error_description").unwrap_or_default();
        return Some(match error {
            Some(error) => Shown::SentBack { error, description },
            None => Shown::Login,
        });
    }
    // Cognito sends people to an error page of its own, with the reason in the address.
    let error = error?;
    let lower = error.to_lowercase();
    let known = MARKS
        .iter()
        .chain(TOPICS.iter())
        .find(|(word, _)| lower.contains(word));
    Some(Shown::Refused(
        known.map_or(Refusal::Other, |(_, refusal)| *refusal),
        error,
    ))
}

/// What a person reads of the page: without markup, scripts and styles.
fn plain(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let name = tag.get(..6).unwrap_or_default().to_ascii_lowercase();
        let end = match name.as_str() {
            "script" => "</script",
            name if name.starts_with("style") => "</style",
            name if name.starts_with("title") => "</title",
            _ => "",
        };
        // The names are ASCII; pages write them in either case, and mostly in this one.
        let inside = tag.split_once(end).map_or("", |(_, after)| after);
        rest = inside.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A piece of the text around the word.
fn quoted(text: &str, word: &str) -> String {
    let lower = text.to_lowercase();
    // Lower case has other lengths in some scripts; then the beginning has to do.
    let at = if lower.len() == text.len() {
        lower.find(word).unwrap_or(0)
    } else {
        0
    };
    let start = at.saturating_sub(MOST_QUOTED / 2);
    let around = text.char_indices().skip_while(|(index, _)| *index < start);
    around
        .map(|(_, character)| character)
        .take(MOST_QUOTED)
        .collect()
}

#[cfg(test)]
mod tests;
