//! What must not be shown of a configuration. Secrets are only ever named by file, but people make mistakes.

use super::tree::Value;

pub(super) const HIDDEN: &str = "(hidden)";

/// The value as it may be shown: hidden under a key that sounds like a secret, without user info in addresses.
#[must_use]
pub(super) fn shown(key: &str, value: &Value) -> String {
    let text = value.to_string();
    if sounds_secret(key) {
        HIDDEN.to_owned()
    } else {
        without_user_info(&text)
    }
}

/// True for a key whose value is itself a secret. A key that ends in `_file` only says where one is.
#[must_use]
pub(super) fn sounds_secret(key: &str) -> bool {
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
