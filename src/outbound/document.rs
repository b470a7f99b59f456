//! Two kinds of request, and of answer, that are small and read whole: fetching a document, and sending a JSON document.

use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use url::Url;

use super::{Outbound, OutboundError};

/// One document to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// Its address.
    pub url: &'a Url,
    /// The media types asked for.
    pub accept: &'static str,
    /// The entity tag of the copy at hand.
    pub if_none_match: Option<&'a str>,
    /// The most bytes its body may have.
    pub max_bytes: usize,
}

/// A JSON document to send. It may hold a secret, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct JsonDocument<'a> {
    /// Where to.
    pub url: &'a Url,
    /// The document.
    pub body: &'a [u8],
    /// The access token to send it with, if any (RFC 6750 §2.1).
    pub bearer: Option<&'a str>,
    /// The most bytes that the answer may have.
    pub max_bytes: usize,
}

/// The answer to a document that was sent, whatever it says. It may hold a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, never a redirect's.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 304: the copy at hand is still right.
    NotModified {
        /// The `Cache-Control` header.
        cache_control: Option<String>,
    },
    /// 200.
    Document {
        /// The body.
        body: Vec<u8>,
        /// The `ETag` header.
        etag: Option<String>,
        /// The `Cache-Control` header.
        cache_control: Option<String>,
    },
}

impl Outbound {
    /// Fetches one document.
    pub async fn get(&self, get: Get<'_>) -> Result<Reply, OutboundError> {
        self.prepare(get.url).await;
        let client = self.client(get.url)?;
        let mut request = client.get(get.url.clone()).header(ACCEPT, get.accept);
        if let Some(etag) = get.if_none_match {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = self.request(request).await?;
        self.reply(response, get.max_bytes).await
    }

    /// Sends a JSON document and returns the answer, also where it refuses.
    pub async fn send(&self, document: JsonDocument<'_>) -> Result<Answer, OutboundError> {
        self.prepare(document.url).await;
        let client = self.client(document.url)?;
        let mut request = client
            .post(document.url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(document.body.to_vec());
        if let Some(token) = document.bearer {
            request = request.bearer_auth(token);
        }
        let response = self.request(request).await?;
        self.answer(response, document.max_bytes).await
    }

    pub(super) async fn request(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, OutboundError> {
        request.send().await.map_err(|e| self.broken(&e))
    }
}

impl Outbound {
    pub(super) async fn reply(
        &self,
        response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Reply, OutboundError> {
        let text = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let (etag, cache_control) = (text(ETAG), text(CACHE_CONTROL));
        match response.status().as_u16() {
            200 => {}
            304 => return Ok(Reply::NotModified { cache_control }),
            status if response.status().is_redirection() => {
                return Err(OutboundError::Redirect(status));
            }
            status => return Err(OutboundError::Status(status)),
        }
        Ok(Reply::Document {
            body: self.body(response, max_bytes).await?,
            etag,
            cache_control,
        })
    }

    pub(super) async fn answer(
        &self,
        response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Answer, OutboundError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(OutboundError::Redirect(status.as_u16()));
        }
        Ok(Answer {
            status: status.as_u16(),
            body: self.body(response, max_bytes).await?,
        })
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Vec<u8>, OutboundError> {
        // We ask for no compression, so the bytes counted are the bytes decoded.
        let encoding = response.headers().get(CONTENT_ENCODING);
        if let Some(encoding) = encoding.filter(|encoding| *encoding != "identity") {
            let encoding = encoding.to_str().unwrap_or("?").to_owned();
            return Err(OutboundError::Encoded(encoding));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.broken(&e))? {
            if body.len() + chunk.len() > max_bytes {
                return Err(OutboundError::TooLarge(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
