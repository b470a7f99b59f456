//! Which check a refusal belongs to.

use super::super::{address, challenge, inside, issuer, recent};
use crate::doctor::check::Check;

/// The check behind a stable reason code of a refusal, as the access log has it. None for what is between a client and
/// the protocol layer, which no set-up mends.
#[must_use]
pub fn for_reason(reason: &str) -> Option<&'static Check> {
    of_token(reason)
        .or_else(|| of_bearer(reason))
        .or_else(|| of_request(reason))
}

fn of_token(reason: &str) -> Option<&'static Check> {
    let check = match reason {
        "no_token" | "malformed_authorization" | "repeated_authorization" | "token_elsewhere" => {
            &super::TOKEN_SENT
        }
        "not_a_jws" | "encrypted" | "bad_encoding" | "bad_json" | "too_large" | "too_deep"
        | "duplicate_member" | "nested" | "bad_header" | "critical_header" | "compressed" => {
            &super::TOKEN_IS_JWT
        }
        "algorithm_not_allowed" => &super::TOKEN_ALGORITHM,
        "bad_signature" => &super::TOKEN_SIGNATURE,
        "expired" => &super::TOKEN_EXPIRY,
        "group_overage" => &super::TOKEN_GROUPS,
        "inactive" | "introspection_unavailable" => &super::TOKEN_ACTIVE,
        "keys_unavailable" => &issuer::KEYS_REACHABLE,
        "lifetime_too_long" => &super::TOKEN_LIFETIME,
        "missing_claim" | "bad_claim" => &super::TOKEN_CLAIMS,
        "not_yet_valid" | "issued_in_future" => &super::TOKEN_CLOCK,
        "sender_constrained" => &super::TOKEN_BEARER,
        "unknown_key" | "missing_kid" | "bad_kid" | "blocked_key" => &super::TOKEN_KEY,
        "wrong_audience" => &super::TOKEN_AUDIENCE,
        "wrong_client" => &super::TOKEN_CLIENT,
        "wrong_issuer" => &super::TOKEN_ISSUER,
        "wrong_type" | "id_token" => &super::TOKEN_TYPE,
        _ => return None,
    };
    Some(check)
}

fn of_bearer(reason: &str) -> Option<&'static Check> {
    match reason {
        "insufficient_scope" => Some(&super::TOKEN_SCOPE),
        "group_required" | "client_id_required" | "claim_required" | "denied_by_rule" => {
            Some(&super::TOKEN_RULES)
        }
        _ => None,
    }
}

fn of_request(reason: &str) -> Option<&'static Check> {
    let check = match reason {
        "admin_secret" => &recent::ADMIN_REACHABLE,
        "ambiguous_path" | "not_found" | "method_not_allowed" => &address::ANSWER_IS_MCP,
        "ambiguous_headers" | "headers_too_large" => &address::HEADER_SIZE_PASSES,
        "body_broken" | "body_timeout" | "body_too_large" | "too_many_bodies" => {
            &address::REQUEST_SIZE_PASSES
        }
        "host_header" | "host_not_allowed" => &address::HOST_ACCEPTED,
        "index_not_ready" => &inside::INDEX_FILLED,
        "internal_error" | "overloaded" | "request_timeout" => &address::ADDRESS_ANSWERS,
        "origin_not_allowed" => &challenge::CORS_PREFLIGHT,
        limited if limited.starts_with("rate_limited") => &address::ADDRESS_ANSWERS,
        upstream if upstream.starts_with("upstream_") => &inside::UPSTREAM_ANSWERS,
        _ => return None,
    };
    Some(check)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reason codes of a source file: the arms of its matches that are one lower-case word.
    fn codes(source: &str) -> Vec<&str> {
        let quoted = source
            .lines()
            .filter_map(|line| line.split("=> \"").nth(1)?.split('"').next());
        let is_code = |text: &&str| text.chars().all(|c| c == '_' || c.is_ascii_lowercase());
        quoted.filter(is_code).collect()
    }

    #[test]
    fn every_reason_to_refuse_a_token_a_bearer_or_a_request_belongs_to_a_check() {
        let sources = [
            include_str!("../../../auth/error.rs"),
            include_str!("../../../policy/denial.rs"),
            include_str!("../../../http/error.rs"),
        ];
        let codes: Vec<_> = sources.into_iter().flat_map(codes).collect();
        assert!(codes.len() > 50, "{codes:?}");
        // An OAuth error code for the client, which stands beside the reason.
        let missing: Vec<_> = codes
            .into_iter()
            .filter(|code| for_reason(code).is_none() && *code != "access_denied")
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
        // Written where limits are counted, and where calls are forwarded.
        let down = for_reason("upstream_unavailable");
        assert_eq!(down, Some(&inside::UPSTREAM_ANSWERS));
        assert_eq!(
            for_reason("rate_limited_tool"),
            Some(&address::ADDRESS_ANSWERS)
        );
    }

    #[test]
    fn what_is_no_reason_belongs_to_nothing() {
        for text in ["", "ok", "Expired", "unknown_tool", "wrong-audience"] {
            assert_eq!(for_reason(text), None, "{text}");
        }
    }
}
