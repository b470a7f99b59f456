//! Answers of our own, in the formats that several files write.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

/// `document` as JSON.
pub fn json(status: StatusCode, document: &impl Serialize) -> Response {
    let body = serde_json::to_vec(document).expect("invariant: our own documents serialise");
    text(status, "application/json", body)
}

/// `body` as `media_type`.
pub fn text(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}
