//! The scopes of a request (RFC 6749 §3.3).

use crate::error::{ErrorCode, OAuthError};

/// An ID token as well (OpenID Connect Core §3.1.2.1).
pub(crate) const OPENID: &str = "openid";
/// Staying connected. Whether a refresh token is issued follows from the client's registered grant types; clients that
/// ask for this scope are not refused for it.
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";

/// Every scope this server knows, for metadata.
pub(crate) fn supported(configured: &[String]) -> Vec<String> {
    let own = [OPENID, OFFLINE_ACCESS].map(str::to_owned);
    configured.iter().cloned().chain(own).collect()
}

/// The scopes asked for, each once; the first configured one where none is asked for.
pub(crate) fn requested(
    text: Option<&str>,
    configured: &[String],
) -> Result<Vec<String>, OAuthError> {
    let Some(text) = text else {
        return Ok(configured.iter().take(1).cloned().collect());
    };
    let mut scopes: Vec<String> = Vec::new();
    for scope in text.split(' ').filter(|scope| !scope.is_empty()) {
        if scope != OPENID
            && scope != OFFLINE_ACCESS
            && !configured.iter().any(|known| known == scope)
        {
            return Err(OAuthError::new(
                ErrorCode::InvalidScope,
                format!("known scopes: {}", supported(configured).join(" ")),
            ));
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    Ok(scopes)
}

/// A part of what was granted, for a refresh (RFC 6749 §6); all of it where none is named.
pub(crate) fn narrowed(text: Option<&str>, granted: &[String]) -> Result<Vec<String>, OAuthError> {
    let Some(text) = text else {
        return Ok(granted.to_vec());
    };
    let asked: Vec<String> = text
        .split(' ')
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect();
    if asked.iter().all(|scope| granted.contains(scope)) {
        return Ok(asked);
    }
    Err(OAuthError::new(
        ErrorCode::InvalidScope,
        "a refresh cannot widen what was granted",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured() -> Vec<String> {
        vec!["mcp:read".to_owned(), "mcp:write".to_owned()]
    }

    #[test]
    fn reads_what_a_client_asks_for() {
        let check = |text, expected: &[&str]| {
            assert_eq!(
                requested(text, &configured()).unwrap(),
                expected,
                "{text:?}"
            );
        };
        check(None, &["mcp:read"]);
        check(
            Some("mcp:write mcp:read mcp:write"),
            &["mcp:write", "mcp:read"],
        );
        check(
            Some("openid  offline_access"),
            &["openid", "offline_access"],
        );
    }

    #[test]
    fn an_unknown_scope_is_refused() {
        let refusal = requested(Some("mcp:read admin"), &configured()).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidScope);
    }

    #[test]
    fn a_refresh_can_narrow_and_not_widen() {
        assert_eq!(narrowed(None, &configured()).unwrap(), configured());
        assert_eq!(
            narrowed(Some("mcp:read"), &configured()).unwrap(),
            ["mcp:read"]
        );
        assert!(narrowed(Some("mcp:read openid"), &configured()).is_err());
    }
}
