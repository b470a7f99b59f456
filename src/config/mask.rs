//! What must not be shown of a configuration. Secrets are only ever named by file, but people make mistakes.

use super::tree::Value;

pub(super) const HIDDEN: &str = "(hidden)";

/// The value as it may be shown: hidden if it may be a secret, without user info in addresses.
#[must_use]
pub(super) fn shown(key: &str, value: &Value) -> String {
    if hides(key, value) {
        HIDDEN.to_owned()
    } else {
        without_user_info(&value.to_string())
    }
}

/// A sentence about the value, as it may be shown.
#[must_use]
pub(super) fn told(sentence: &str, key: &str, value: Option<&Value>) -> String {
    let sentence = without_user_info(sentence);
    match value
        .filter(|value| hides(key, value))
        .and_then(Value::as_text)
    {
        Some(text) if !text.is_empty() => sentence.replace(text, HIDDEN),
        Some(_) | None => sentence,
    }
}

/// A key that sounds like a secret hides its value. Where the name of a secret's file is wanted, what is no path from
/// `/` or `.` on may be the secret itself.
pub(super) fn hides(key: &str, value: &Value) -> bool {
    match key.strip_suffix("_file") {
        Some(key) => {
            let is_path = value
                .as_text()
                .is_some_and(|text| text.is_empty() || text.starts_with(['/', '.']));
            sounds_secret(key) && !is_path
        }
        None => sounds_secret(key),
    }
}

/// True for a key whose value is itself a secret. A key that ends in `_file` only says where one is.
#[must_use]
fn sounds_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    [
        "secret",
        "password",
        "passwd",
        "passphrase",
        "token",
        "credential",
        "credentials",
        "_key",
    ]
    .iter()
    .any(|end| key.ends_with(end))
}

/// `https://user:password@host` as `https://(hidden)@host`, wherever it stands in the text.
#[must_use]
pub(super) fn without_user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let authority_ends = after
            .find(['/', '?', '#', '"', ',', ' '])
            .unwrap_or(after.len());
        let (authority, remainder) = after.split_at(authority_ends);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str(HIDDEN);
                out.push('@');
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = remainder;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_hidden_and_nothing_else() {
        let check = |key, value: &str, expected: &str| {
            assert_eq!(
                shown(key, &Value::String(value.to_owned())),
                expected,
                "{key}"
            );
        };
        check("admin_secret", "hunter2", "(hidden)");
        check("client_password", "/hunter2", "(hidden)");
        check("admin_secret_file", "hunter2", "(hidden)");
        check("client_secret_file", "", "\"\"");
        check(
            "admin_secret_file",
            "/run/secrets/admin",
            "\"/run/secrets/admin\"",
        );
        check("session_key_file", "c2Vzc2lvbg==", "(hidden)");
        check(
            "token_issuer",
            "https://sts.example.com",
            "\"https://sts.example.com\"",
        );
        check(
            "proxy",
            "http://ada:hunter2@proxy:80",
            "\"http://(hidden)@proxy:80\"",
        );
        check("groups_claim", "groups", "\"groups\"");
    }

    #[test]
    fn a_sentence_does_not_tell_what_is_hidden() {
        let value = Value::String("hunter2".to_owned());
        let sentence = "cannot read hunter2: no such file";
        let told = |key| told(sentence, key, Some(&value));
        assert_eq!(
            told("session_key_file"),
            "cannot read (hidden): no such file"
        );
        assert_eq!(told("ca_files"), sentence);
    }
}
