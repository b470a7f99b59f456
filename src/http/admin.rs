//! The admin listener: `/metrics`, health and the pages about this server (`/refusals` is one of them), for operations only.
//!
//! On loopback by default. Anywhere else it demands a secret, as `Authorization: Bearer`, and the program refuses to
//! start without one (`config` asks [`needs_secret`]). It shares nothing with the public surface but the state.

mod pages;
mod remedies;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::answer::text;
use super::error::Refusal;
use super::origin::{check_loopback_host, requested_host};
use super::request_id::RequestId;
use super::server::Answer;
use super::stack::Peers;
use super::{State, health};
use crate::sealing::equal_in_constant_time;
use crate::telemetry::metrics;
use pages::Sheet;
pub use remedies::{Remedies, Remedy};

/// True if the admin listener may not be bound to `address` without a secret.
#[must_use]
pub fn needs_secret(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

/// What operations may ask. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    state: State,
    secret: Option<Arc<str>>,
}

impl Admin {
    /// The admin surface over `state`, behind `secret` if there is one.
    #[must_use]
    pub fn new(state: State, secret: Option<&str>) -> Self {
        let secret = secret.map(Arc::from);
        Self { state, secret }
    }

    fn decide(&self, request: &Request) -> Result<Response, Refusal> {
        let host = requested_host(request.version(), request.uri(), request.headers())?;
        match &self.secret {
            Some(secret) if !knows(request.headers(), secret) => return Err(Refusal::AdminSecret),
            Some(_) => {}
            // A page in a browser on this machine must not read the metrics by rebinding its name to loopback.
            None => check_loopback_host(host)?,
        }
        let answer = match request.uri().path() {
            "/metrics" => self.metrics(),
            "/healthz" => health::health(&self.state, request.uri().query()),
            "/readyz" => health::ready(&self.state),
            path => {
                let sheet = Sheet::at(path).ok_or(Refusal::NotFound)?;
                sheet.answer(&self.state, request.headers())
            }
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            Ok(answer)
        } else {
            Err(Refusal::MethodNotAllowed { allow: "GET, HEAD" })
        }
    }
}

impl Admin {
    /// The counters as they stand, and the index as of its last pass.
    fn metrics(&self) -> Response {
        let metrics = &self.state.metrics;
        for collection in self.state.knowledge.health().collections {
            metrics.documents(&collection.name, collection.documents, collection.failures);
        }
        self.state.audit.count(metrics);
        text(StatusCode::OK, metrics::CONTENT_TYPE, metrics.encode())
    }
}

impl Answer for Admin {
    async fn answer(&self, _peers: Peers, request: Request<Body>) -> Response {
        let decided = self.decide(&request);
        let mut response =
            decided.unwrap_or_else(|refusal| refusal.into_response(&RequestId::random()));
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        response
    }
}

/// True if the only `Authorization` header is `Bearer` and the secret.
fn knows(headers: &HeaderMap, secret: &str) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let sent = value.as_bytes().strip_prefix(b"Bearer ");
    sent.is_some_and(|sent| equal_in_constant_time(sent, secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_loopback_a_secret_is_needed() {
        for (address, expected) in [
            ("127.0.0.1:8081", false),
            ("[::1]:8081", false),
            ("[::ffff:127.0.0.1]:8081", false),
            ("0.0.0.0:8081", true),
            ("[::]:8081", true),
            ("10.0.0.1:8081", true),
        ] {
            assert_eq!(
                needs_secret(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
    }

    #[test]
    fn only_the_secret_as_a_bearer_opens() {
        let knows = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            knows(&headers, "correct horse battery")
        };
        assert!(knows(&["Bearer correct horse battery"]));
        for refused in [
            &[][..],
            &["correct horse battery"],
            &["Basic correct horse battery"],
            &["Bearer correct horse batterx"],
            &["Bearer correct horse"],
            &["Bearer "],
            &[
                "Bearer correct horse battery",
                "Bearer correct horse battery",
            ],
        ] {
            assert!(!knows(refused), "{refused:?}");
        }
    }
}
