//! One line per request: path (no query string), issuer, subject, client id, audience, operation, outcome, reason.

/// What a handler knows and the access log tells. Put into a response's extensions.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// JSON-RPC method, and the tool called: `tools/call search`.
    pub operation: Option<String>,
    /// The stable reason code of a refusal or error.
    pub reason: Option<&'static str>,
}
