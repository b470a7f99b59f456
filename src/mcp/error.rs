//! Why a message is refused, and how that is said in JSON-RPC and HTTP. The one mapping of this layer.
//!
//! Codes of `-32020…-32022` are the specification's; a code that Usher needs beyond JSON-RPC's own is the HTTP status,
//! which lies outside of every reserved range (MCP 2026-07-28, error codes).

use http::StatusCode;

use super::asked::Denied;
use super::bridge::asking::CannotAsk;
use super::bridge::request_state::BadState;
use super::era::{Era, MODERN_REVISIONS};
use super::headers::Fault;
use crate::rate_limit::RateLimited;
use crate::upstream::UpstreamError;

/// What can be wrong with a request before its body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHttp {
    /// The client does not take what it would be sent.
    #[error("Accept must list application/json and text/event-stream")]
    NotAcceptable,
    /// The body is not said to be JSON.
    #[error("Content-Type must be application/json")]
    UnsupportedMediaType,
}

impl BadHttp {
    fn status(self) -> StatusCode {
        match self {
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::NotAcceptable => "not_acceptable",
            Self::UnsupportedMediaType => "unsupported_media_type",
        }
    }
}

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// What an upstream asks the client leads nowhere.
    #[error("{0}")]
    Asking(CannotAsk),
    /// A call's stream had to end before the answer came.
    #[error("the answer was cut short: the access token expired, or this server stops; try again")]
    CutShort,
    /// The policy refuses it; if scopes would change that, the challenge names all of them.
    #[error("{}", in_words(.0))]
    Denied(Box<Denied>),
    /// The session is another principal's. The client is told no more than of an unknown one.
    #[error("the session is not known; initialize again")]
    ForeignSession,
    /// A mirrored header is missing or says something else than the body.
    #[error("header mismatch: {0}")]
    HeaderMismatch(Fault),
    /// A modern request lacks metadata that every request has.
    #[error("invalid params: {0}")]
    IncompleteMeta(&'static str),
    /// It is JSON, but no message.
    #[error("invalid request: {0}")]
    Invalid(&'static str),
    /// The method is known, its parameters are not right.
    #[error("invalid params: {0}")]
    InvalidParams(&'static str),
    /// It is no JSON.
    #[error("parse error: the body is not JSON in UTF-8, or it is nested too deeply")]
    Malformed,
    /// A limit was hit.
    #[error("too many requests; try again later")]
    RateLimited(RateLimited),
    /// Too many streams are open, or too many answers wait for a stream's reader.
    #[error("the server is busy; try again later")]
    Busy,
    /// HTTP itself is not as it must be.
    #[error("{0}")]
    Http(BadHttp),
    /// What an upstream wanted back came back changed, too late, from somebody else or for something else.
    #[error("invalid params: {0}")]
    RequestState(BadState),
    /// A member of its batch was refused, so nothing ran.
    #[error("another message of the batch was refused, so none was handled")]
    RefusedBatch,
    /// The caller has as many streams open as one caller may have.
    #[error("too many open streams; close one of them first")]
    TooManyStreams,
    /// No such method in this era.
    #[error("method not found")]
    UnknownMethod,
    /// No such resource.
    #[error("resource not found")]
    UnknownResource {
        /// What was asked for.
        uri: String,
    },
    /// The session has ended, has expired, or is not this caller's.
    #[error("the session is not known; initialize again")]
    UnknownSession,
    /// No such tool.
    #[error("invalid params: unknown tool")]
    UnknownTool,
    /// The tool's upstream gave no answer that can be passed on.
    #[error("{0}")]
    Upstream(UpstreamError),
    /// A modern revision that is not served.
    #[error("unsupported protocol version")]
    UnsupportedVersion {
        /// What was asked for.
        requested: String,
    },
}

fn in_words(denied: &Denied) -> &'static str {
    match denied.challenge {
        Some(_) => "the access token lacks a scope that this operation needs",
        None => "this is not for you to use, and no other scope would change that",
    }
}

impl Error {
    /// The status of the HTTP response that carries this error alone.
    pub(crate) fn status(&self, era: Era) -> StatusCode {
        match self {
            Self::Asking(_) | Self::CutShort => StatusCode::OK,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Http(bad) => bad.status(),
            Self::HeaderMismatch(_)
            | Self::IncompleteMeta(_)
            | Self::Invalid(_)
            | Self::Malformed
            | Self::UnsupportedVersion { .. } => StatusCode::BAD_REQUEST,
            Self::InvalidParams(_)
            | Self::RefusedBatch
            | Self::RequestState(_)
            | Self::UnknownResource { .. }
            | Self::UnknownTool
            | Self::Upstream(_) => StatusCode::OK,
            Self::RateLimited(_) | Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnknownMethod => match era {
                Era::Legacy => StatusCode::OK,
                Era::Modern => StatusCode::NOT_FOUND,
            },
            Self::ForeignSession | Self::UnknownSession => StatusCode::NOT_FOUND,
        }
    }

    /// The JSON-RPC error code.
    pub(crate) fn code(&self, era: Era) -> i32 {
        match self {
            Self::Asking(why) => why.code(),
            Self::Denied(_) | Self::RefusedBatch => 403,
            Self::HeaderMismatch(_) => -32020,
            Self::IncompleteMeta(_)
            | Self::InvalidParams(_)
            | Self::RequestState(_)
            | Self::UnknownTool => -32602,
            Self::ForeignSession | Self::Invalid(_) | Self::UnknownSession => -32600,
            Self::Http(_) => -32600,
            Self::Malformed => -32700,
            Self::RateLimited(_) | Self::TooManyStreams => 429,
            Self::Busy | Self::CutShort => 503,
            Self::UnknownMethod => -32601,
            Self::UnknownResource { .. } => match era {
                Era::Legacy => -32002,
                Era::Modern => -32602,
            },
            Self::Upstream(error) => error.code(),
            Self::UnsupportedVersion { .. } => -32022,
        }
    }

    /// The stable reason code for logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Asking(why) => why.reason(),
            Self::CutShort => "cut_short",
            Self::Denied(denied) => denied.reason,
            Self::ForeignSession => "foreign_session",
            Self::HeaderMismatch(_) => "header_mismatch",
            Self::Http(bad) => bad.reason(),
            Self::IncompleteMeta(_) => "incomplete_meta",
            Self::Invalid(_) => "invalid_request",
            Self::InvalidParams(_) => "invalid_params",
            Self::Malformed => "malformed_json",
            Self::RateLimited(limited) => limited.reason,
            Self::Busy => "busy",
            Self::RefusedBatch => "refused_batch",
            Self::RequestState(bad) => bad.reason(),
            Self::TooManyStreams => "too_many_streams",
            Self::UnknownMethod => "unknown_method",
            Self::UnknownResource { .. } => "unknown_resource",
            Self::UnknownSession => "unknown_session",
            Self::UnknownTool => "unknown_tool",
            Self::Upstream(error) => error.reason(),
            Self::UnsupportedVersion { .. } => "unsupported_version",
        }
    }

    /// `Retry-After`, in seconds.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        match self.more() {
            More::RetryAfter(seconds) => Some(seconds),
            More::Data(_) | More::Denied(_) | More::Nothing => None,
        }
    }

    /// The member `data` of the JSON-RPC error, as JSON.
    pub(crate) fn data(&self) -> Option<serde_json::Value> {
        match self.more() {
            More::Data(data) => Some(data),
            More::Denied(_) | More::Nothing | More::RetryAfter(_) => None,
        }
    }

    /// What the policy says, if it is the policy that refuses.
    pub(crate) fn denied(&self) -> Option<&Denied> {
        match self.more() {
            More::Denied(denied) => Some(denied),
            More::Data(_) | More::Nothing | More::RetryAfter(_) => None,
        }
    }

    fn more(&self) -> More<'_> {
        match self {
            Self::Busy => More::RetryAfter(1),
            Self::Denied(denied) => More::Denied(denied),
            Self::RateLimited(limited) => More::RetryAfter(limited.retry_after_seconds),
            // Until a stream that its client has left behind is noticed at the next keep-alive.
            Self::TooManyStreams => More::RetryAfter(15),
            Self::UnknownResource { uri } => More::Data(serde_json::json!({ "uri": uri })),
            Self::Upstream(error) => {
                let retriable = error.is_retriable();
                More::Data(match error.retry_after_seconds() {
                    Some(seconds) => {
                        serde_json::json!({ "retriable": retriable, "retryAfterSeconds": seconds })
                    }
                    None => serde_json::json!({ "retriable": retriable }),
                })
            }
            Self::UnsupportedVersion { requested } => More::Data(serde_json::json!({
                "supported": MODERN_REVISIONS,
                "requested": requested,
            })),
            Self::Asking(CannotAsk::Missing(need)) => More::Data(serde_json::json!({
                "requiredCapabilities": need.capability(),
            })),
            Self::Asking(_)
            | Self::CutShort
            | Self::ForeignSession
            | Self::HeaderMismatch(_)
            | Self::Http(_)
            | Self::IncompleteMeta(_)
            | Self::Invalid(_)
            | Self::InvalidParams(_)
            | Self::Malformed
            | Self::RefusedBatch
            | Self::RequestState(_)
            | Self::UnknownMethod
            | Self::UnknownSession
            | Self::UnknownTool => More::Nothing,
        }
    }
}

/// The status of the HTTP response that carries nothing but an upstream's error with this code (MCP 2026-07-28, error
/// codes).
pub(crate) fn status_of(code: i64, era: Era) -> StatusCode {
    match (era, code) {
        (Era::Modern, -32020 | -32021) => StatusCode::BAD_REQUEST,
        (Era::Modern, -32601) => StatusCode::NOT_FOUND,
        (Era::Modern | Era::Legacy, _) => StatusCode::OK,
    }
}

/// What goes with some errors, besides status, code and words.
enum More<'e> {
    /// For the JSON-RPC error's `data`.
    Data(serde_json::Value),
    /// What the policy says.
    Denied(&'e Denied),
    Nothing,
    /// Seconds.
    RetryAfter(u64),
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::sync::Arc;

    use super::*;
    use crate::auth::{Challenge, Resources, Scopes, Settings};
    use crate::mcp::bridge::input::Need;

    fn every_error() -> Vec<Error> {
        let settings = Settings {
            public_url: "https://mcp.test".into(),
            ..Settings::default()
        };
        let resources = Resources::new(&settings);
        let resource = resources.at("/mcp").map(Arc::clone).expect("a resource");
        vec![
            Error::Asking(CannotAsk::Busy),
            Error::Asking(CannotAsk::Missing(Need::Form)),
            Error::Asking(CannotAsk::Missing(Need::Roots)),
            Error::Asking(CannotAsk::Missing(Need::Sampling)),
            Error::Asking(CannotAsk::Missing(Need::Url)),
            Error::Asking(CannotAsk::NoAnswer),
            Error::Asking(CannotAsk::Refused(Need::Roots)),
            Error::Asking(CannotAsk::TooManyRounds),
            Error::Asking(CannotAsk::Unclear),
            Error::CutShort,
            Error::Denied(Box::new(Denied {
                reason: "insufficient_scope",
                rule: "read_scope".into(),
                challenge: Some(Challenge::insufficient_scope(&resource, Scopes::default())),
            })),
            Error::Denied(Box::new(Denied {
                reason: "group_required",
                rule: "finance only".into(),
                challenge: None,
            })),
            Error::ForeignSession,
            Error::HeaderMismatch(Fault::Missing("Mcp-Method")),
            Error::HeaderMismatch(Fault::Mismatch("Mcp-Name")),
            Error::HeaderMismatch(Fault::Unreadable("MCP-Protocol-Version")),
            Error::IncompleteMeta("what is missing"),
            Error::Invalid("what is wrong"),
            Error::InvalidParams("what is wrong"),
            Error::Malformed,
            Error::RateLimited(RateLimited {
                retry_after_seconds: 7,
                reason: "rate_limited_tool",
            }),
            Error::Busy,
            Error::Http(BadHttp::NotAcceptable),
            Error::Http(BadHttp::UnsupportedMediaType),
            Error::RefusedBatch,
            Error::RequestState(BadState::Altered),
            Error::RequestState(BadState::Expired),
            Error::RequestState(BadState::Foreign),
            Error::RequestState(BadState::OtherRequest),
            Error::TooManyStreams,
            Error::UnknownMethod,
            Error::UnknownResource {
                uri: "test://none".into(),
            },
            Error::UnknownSession,
            Error::UnknownTool,
            Error::Upstream(UpstreamError::BreakerOpen(15)),
            Error::Upstream(UpstreamError::Busy),
            Error::Upstream(UpstreamError::Invalid),
            Error::Upstream(UpstreamError::Interrupted),
            Error::Upstream(UpstreamError::Refused),
            Error::Upstream(UpstreamError::SessionGone),
            Error::Upstream(UpstreamError::TimedOut),
            Error::Upstream(UpstreamError::Unavailable),
            Error::UnsupportedVersion {
                requested: "1.0".into(),
            },
        ]
    }

    #[test]
    fn every_error_has_its_status_code_and_words() {
        let mut table = String::new();
        for error in every_error() {
            for era in [Era::Legacy, Era::Modern] {
                let data = error
                    .data()
                    .map_or_else(String::new, |data| data.to_string());
                let wait = error
                    .retry_after_seconds()
                    .map_or_else(String::new, |s| s.to_string());
                writeln!(
                    table,
                    "{era:?} {} {} {} | {error} | {data} | {wait}",
                    error.status(era).as_u16(),
                    error.code(era),
                    error.reason(),
                )
                .expect("memory");
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn codes_keep_out_of_the_reserved_ranges() {
        for error in every_error() {
            let code = error.code(Era::Modern);
            let defined = [
                -32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022,
            ];
            assert!(defined.contains(&code) || code > 0, "{error:?}");
            let code = error.code(Era::Legacy);
            assert!(
                defined.contains(&code) || code == -32002 || code > 0,
                "{error:?}"
            );
        }
    }
}
