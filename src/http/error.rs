//! Every refusal of the HTTP surface: status, stable reason code, and the fixed words a client reads.
//!
//! The body is JSON: `error` (an OAuth code where one fits, our reason code elsewhere), `error_description`,
//! `request_id`, and for refused tickets the challenge once more under `_meta["mcp/www_authenticate"]`, where ChatGPT
//! looks for it. Why exactly a token was refused stays in the log, under the same request id.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::request_id::RequestId;
use crate::auth::Challenge;
use crate::rate_limit::RateLimited;

/// Why a request is answered without reaching its handler, or instead of the handler's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The admin listener was asked without its secret.
    AdminSecret,
    /// The same header in two spellings, or framing that two readers could read differently.
    AmbiguousHeaders,
    /// The body broke off or was not well framed.
    BodyBroken,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// No token, a refused token or too little scope: 401, 400 or 403 with `WWW-Authenticate`.
    Challenged {
        /// What the client is told.
        challenge: Box<Challenge>,
        /// What the log is told.
        reason: &'static str,
    },
    /// A rule refuses the caller, and no scope would change that.
    Forbidden {
        /// What the log is told.
        reason: &'static str,
    },
    /// The headers are larger than allowed.
    HeadersTooLarge,
    /// No `Host`, more than one, none that could be a host, or not that of the target.
    HostHeader,
    /// The `Host` is none of ours.
    HostNotAllowed,
    /// The index has never been complete.
    IndexNotReady,
    /// A bug: the handler panicked.
    Internal,
    /// The issuer cannot be asked about a token: not the client's fault, so no 401.
    IntrospectionUnavailable {
        /// When it is worth asking again.
        retry_after_seconds: u32,
    },
    /// No usable keys are at hand: not the client's fault, so no 401.
    KeysUnavailable {
        /// When it is worth asking again.
        retry_after_seconds: u32,
    },
    /// The path exists, the method does not.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: &'static str,
    },
    /// No such path, or no such document.
    NotFound,
    /// The `Origin` is none that may call us.
    OriginNotAllowed,
    /// More requests at a time than allowed.
    Overloaded,
    /// A path that two readers could read differently.
    Path,
    /// A rate limit was hit.
    RateLimited(RateLimited),
    /// The response did not begin in time.
    RequestTimeout,
    /// The subject has as many bodies on their way as one may have.
    TooManyBodies,
}

/// The body of a refusal.
#[derive(Debug, JsonSchema, Serialize)]
pub struct RefusalDocument<'a> {
    /// An OAuth error code where one fits, a stable reason code elsewhere.
    error: &'a str,
    /// A sentence for people.
    error_description: &'a str,
    /// The name under which the server's log speaks of this request.
    request_id: &'a str,
    /// The challenge once more, for clients that do not read headers.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<Meta<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Meta<'a> {
    /// The values of `WWW-Authenticate`.
    #[serde(rename = "mcp/www_authenticate")]
    challenges: [&'a str; 1],
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::AmbiguousHeaders | Self::BodyBroken | Self::HostHeader | Self::Path => {
                StatusCode::BAD_REQUEST
            }
            Self::AdminSecret => StatusCode::UNAUTHORIZED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Challenged { challenge, .. } => challenge.status(),
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Forbidden { .. } | Self::HostNotAllowed | Self::OriginNotAllowed => {
                StatusCode::FORBIDDEN
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::IndexNotReady
            | Self::IntrospectionUnavailable { .. }
            | Self::KeysUnavailable { .. }
            | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::RateLimited(_) | Self::TooManyBodies => StatusCode::TOO_MANY_REQUESTS,
            Self::RequestTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The stable reason code for logs and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AdminSecret => "admin_secret",
            Self::AmbiguousHeaders => "ambiguous_headers",
            Self::BodyBroken => "body_broken",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::Challenged { reason, .. } | Self::Forbidden { reason } => reason,
            Self::HeadersTooLarge => "headers_too_large",
            Self::HostHeader => "host_header",
            Self::HostNotAllowed => "host_not_allowed",
            Self::IndexNotReady => "index_not_ready",
            Self::Internal => "internal_error",
            Self::IntrospectionUnavailable { .. } => "introspection_unavailable",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::NotFound => "not_found",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Overloaded => "overloaded",
            Self::Path => "ambiguous_path",
            Self::RateLimited(limited) => limited.reason,
            Self::RequestTimeout => "request_timeout",
            Self::TooManyBodies => "too_many_bodies",
        }
    }

    /// The fixed sentence for the client.
    #[must_use]
    pub fn description(&self) -> &str {
        match self {
            Self::AdminSecret => "The admin listener wants its secret, as `Authorization: Bearer`.",
            Self::AmbiguousHeaders => {
                "A header was sent in a form that proxies and servers read differently."
            }
            Self::BodyBroken => "The request body could not be read to its end.",
            Self::BodyTimeout => "The request body did not arrive in time.",
            Self::BodyTooLarge => "The request body is larger than this server accepts.",
            Self::Challenged { challenge, .. } => challenge
                .description()
                .unwrap_or("Access needs a token; WWW-Authenticate says where to get one."),
            Self::Forbidden { .. } => {
                "This is not for you to use, and no other scope would change that; ask whoever runs this server."
            }
            Self::HeadersTooLarge => "The request headers are larger than this server accepts.",
            Self::HostHeader => {
                "A request has one Host header, which names the host of its target and nothing else."
            }
            Self::HostNotAllowed => {
                "This server does not answer for the requested host; whoever runs it adds hosts in `http.allowed_hosts`."
            }
            Self::IndexNotReady => {
                "The documents are still being read; try again in a few seconds."
            }
            Self::Internal => {
                "Something went wrong in this server; its log has the details under the request id."
            }
            Self::IntrospectionUnavailable { .. } => {
                "Access tokens cannot be checked right now, because the issuer cannot be asked about them."
            }
            Self::KeysUnavailable { .. } => {
                "Access tokens cannot be checked right now, because the issuer's keys cannot be fetched."
            }
            Self::MethodNotAllowed { .. } => {
                "This method is not available here; Allow lists those that are."
            }
            Self::NotFound => {
                "There is nothing here; / lists the addresses that there are, and no other ends in a slash."
            }
            Self::OriginNotAllowed => {
                "Pages of this origin may not call this server; whoever runs it adds origins in `http.allowed_origins`."
            }
            Self::Overloaded => "This server has more to do than it accepts at a time.",
            Self::Path => "The path must have no dot segments, empty segments or escaped slashes.",
            Self::RateLimited(_) => {
                "Too many requests; Retry-After says when the next one is welcome."
            }
            Self::RequestTimeout => "The answer was not ready in time.",
            Self::TooManyBodies => {
                "Too many requests whose body is still on its way; send each in one piece, or fewer at a time."
            }
        }
    }

    fn error(&self) -> &'static str {
        match self {
            Self::Challenged { challenge, reason } => {
                challenge.error().map_or(reason, |code| code.as_str())
            }
            Self::Forbidden { .. } => "access_denied",
            Self::RateLimited(_) => "rate_limited",
            Self::AdminSecret
            | Self::AmbiguousHeaders
            | Self::BodyBroken
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::HeadersTooLarge
            | Self::HostHeader
            | Self::HostNotAllowed
            | Self::IndexNotReady
            | Self::Internal
            | Self::IntrospectionUnavailable { .. }
            | Self::KeysUnavailable { .. }
            | Self::MethodNotAllowed { .. }
            | Self::NotFound
            | Self::OriginNotAllowed
            | Self::Overloaded
            | Self::Path
            | Self::RequestTimeout
            | Self::TooManyBodies => self.reason(),
        }
    }

    /// The one header that goes with some refusals.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::AdminSecret => {
                let bearer = HeaderValue::from_static("Bearer realm=\"usher-admin\"");
                Some((header::WWW_AUTHENTICATE, bearer))
            }
            Self::Challenged { challenge, .. } => {
                Some((header::WWW_AUTHENTICATE, challenge.header_value()))
            }
            Self::IntrospectionUnavailable {
                retry_after_seconds,
            }
            | Self::KeysUnavailable {
                retry_after_seconds,
            } => Some((header::RETRY_AFTER, HeaderValue::from(*retry_after_seconds))),
            Self::MethodNotAllowed { allow } => {
                Some((header::ALLOW, HeaderValue::from_static(allow)))
            }
            Self::IndexNotReady | Self::Overloaded | Self::TooManyBodies => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Self::RateLimited(limited) => Some((
                header::RETRY_AFTER,
                HeaderValue::from(limited.retry_after_seconds),
            )),
            Self::AmbiguousHeaders
            | Self::BodyBroken
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::Forbidden { .. }
            | Self::HeadersTooLarge
            | Self::HostHeader
            | Self::HostNotAllowed
            | Self::Internal
            | Self::NotFound
            | Self::OriginNotAllowed
            | Self::Path
            | Self::RequestTimeout => None,
        }
    }

    /// The whole answer.
    #[must_use]
    pub fn into_response(self, request_id: &RequestId) -> Response {
        let header = self.header();
        let challenge = header
            .as_ref()
            .filter(|_| matches!(self, Self::Challenged { .. }))
            .and_then(|(_, value)| value.to_str().ok());
        let body = RefusalDocument {
            error: self.error(),
            error_description: self.description(),
            request_id: request_id.as_str(),
            meta: challenge.map(|challenge| Meta {
                challenges: [challenge],
            }),
        };
        let body = serde_json::to_vec(&body).expect("invariant: strings serialise");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some((name, value)) = header {
            headers.insert(name, value);
        }
        if matches!(
            self,
            Self::BodyBroken | Self::BodyTimeout | Self::BodyTooLarge | Self::TooManyBodies
        ) {
            // The rest of the body would be read as the next request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use http_body_util::BodyExt;

    use super::*;

    fn challenged(header: &str, reason: &'static str) -> Refusal {
        let challenge = Box::new(Challenge::parse(header).unwrap());
        Refusal::Challenged { challenge, reason }
    }

    /// Every variant; the compiler does not hold this list, the exhaustive matches above hold the rest.
    fn all() -> Vec<Refusal> {
        let metadata =
            "resource_metadata=\"https://mcp.test/.well-known/oauth-protected-resource/mcp\"";
        let with = |parameters: &str| format!("Bearer {parameters}scope=\"mcp:read\", {metadata}");
        let expired =
            with("error=\"invalid_token\", error_description=\"The access token expired\", ");
        let limited = RateLimited {
            retry_after_seconds: 7,
            reason: "rate_limited_subject",
        };
        vec![
            Refusal::AdminSecret,
            Refusal::AmbiguousHeaders,
            Refusal::BodyBroken,
            Refusal::BodyTimeout,
            Refusal::BodyTooLarge,
            challenged(&with(""), "no_token"),
            challenged(&expired, "expired"),
            challenged(
                &with("error=\"invalid_request\", "),
                "repeated_authorization",
            ),
            challenged(
                &with("error=\"insufficient_scope\", "),
                "insufficient_scope",
            ),
            Refusal::Forbidden {
                reason: "group_required",
            },
            Refusal::HeadersTooLarge,
            Refusal::HostHeader,
            Refusal::HostNotAllowed,
            Refusal::IndexNotReady,
            Refusal::Internal,
            Refusal::IntrospectionUnavailable {
                retry_after_seconds: 5,
            },
            Refusal::KeysUnavailable {
                retry_after_seconds: 5,
            },
            Refusal::MethodNotAllowed {
                allow: "GET, HEAD, OPTIONS",
            },
            Refusal::NotFound,
            Refusal::OriginNotAllowed,
            Refusal::Overloaded,
            Refusal::Path,
            Refusal::RateLimited(limited),
            Refusal::RequestTimeout,
            Refusal::TooManyBodies,
        ]
    }

    #[tokio::test]
    async fn every_refusal_has_a_status_a_reason_and_fixed_words() {
        let mut table = String::new();
        for refusal in all() {
            let reason = refusal.reason();
            let response = refusal.into_response(&RequestId::random());
            let reference = include_str!("../../docs/reference/access-log.md");
            assert!(
                reference.contains(&format!("`{reason}`")),
                "{reason} is not explained"
            );
            writeln!(table, "{reason}: {}", response.status()).unwrap();
            for name in [
                header::WWW_AUTHENTICATE,
                header::RETRY_AFTER,
                header::ALLOW,
                header::CONNECTION,
            ] {
                if let Some(value) = response.headers().get(&name) {
                    writeln!(table, "  {name}: {}", value.to_str().unwrap()).unwrap();
                }
            }
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let mut body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            body["request_id"] = "…".into();
            writeln!(table, "  {body}").unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
