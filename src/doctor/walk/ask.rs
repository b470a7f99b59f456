//! Small questions to strangers' servers, with the same bounds everywhere.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;

use crate::outbound::{Heard, Probe, ProbeError, Question};

/// How long one answer may take: longer than a client waits would tell nothing more.
pub(in crate::doctor) const PATIENCE: Duration = Duration::from_secs(10);
/// As much as Usher itself reads of metadata and key sets.
pub(in crate::doctor) const MOST_BYTES: usize = 256 * 1024;

/// Asks for a JSON document.
pub(in crate::doctor) async fn get(probe: &Probe, url: &Url) -> Result<Heard, ProbeError> {
    get_with(probe, url, &[(header::ACCEPT, "application/json")]).await
}

/// Asks with these headers.
pub(in crate::doctor) async fn get_with(
    probe: &Probe,
    url: &Url,
    headers: &[(HeaderName, &'static str)],
) -> Result<Heard, ProbeError> {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
    let headers: HeaderMap = headers.collect();
    let question = Question {
        method: &Method::GET,
        url,
        headers: &headers,
        body: &[],
        max_bytes: MOST_BYTES,
        timeout: PATIENCE,
    };
    probe.ask(question).await
}

/// Sends a body of this type.
pub(in crate::doctor) async fn post(
    probe: &Probe,
    url: &Url,
    media_type: &'static str,
    body: &[u8],
) -> Result<Heard, ProbeError> {
    let headers = [
        (header::ACCEPT, HeaderValue::from_static("application/json")),
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
    ];
    let headers: HeaderMap = headers.into_iter().collect();
    let question = Question {
        method: &Method::POST,
        url,
        headers: &headers,
        body,
        max_bytes: MOST_BYTES,
        timeout: PATIENCE,
    };
    probe.ask(question).await
}

/// What a body is, for a person.
pub(in crate::doctor) fn kind(heard: &Heard) -> String {
    match heard.media_type().as_str() {
        "" => "a body without a type".to_owned(),
        "text/html" => "an HTML page".to_owned(),
        "application/json" => "JSON that cannot be read".to_owned(),
        other => format!("a body of type {other}"),
    }
}
