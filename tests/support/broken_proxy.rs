//! A reverse proxy that does to a connection what proxies, caches and bot filters do to it. Without faults it does
//! nothing at all.
//!
//! Include with `#[path = "../support/broken_proxy.rs"] mod broken_proxy;`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header, request, response};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;

/// One thing that goes wrong, at some requests or at all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Only requests of this method; empty: any.
    pub(crate) method: &'static str,
    /// Only requests whose path and query contain this; empty: any.
    pub(crate) path: &'static str,
    /// Only requests whose body contains this; empty: any.
    pub(crate) body: &'static str,
    /// What happens to them.
    pub(crate) what: What,
}

/// What goes wrong. In texts `{here}` stands for the proxy's own address, without a trailing slash.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// It answers by itself: status, headers, body.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Whoever serves behind it answers all at once, in the end: no event arrives before.
    Buffer,
    /// A stream on which nothing comes for so long is cut.
    CutIdle(Duration),
    /// It thinks for so long before it asks.
    Delay(Duration),
    /// A JSON answer is changed.
    Edit(fn(&mut Value)),
    /// An answer without end.
    Endless,
    /// Headers of more bytes than this are answered with 431, bodies of more with 413.
    Largest { headers: usize, body: usize },
    /// In headers and text of the answer one text stands for another.
    Replace(&'static str, &'static str),
    /// The answer's header is set.
    Set(&'static str, &'static str),
    /// The request's header is set.
    SetRequest(&'static str, &'static str),
    /// The answer's `Date` is so many seconds off.
    ShiftDate(i64),
    /// The connection stays open and nothing comes.
    Silence,
    /// The answer's header is removed.
    Strip(&'static str),
    /// An answer with the first status gets the second.
    Turn(u16, u16),
}

/// At every request.
pub(crate) const fn always(what: What) -> Fault {
    at("", "", what)
}

/// At requests of this method, whose path and query contain this text.
pub(crate) const fn at(method: &'static str, path: &'static str, what: What) -> Fault {
    Fault {
        method,
        path,
        body: "",
        what,
    }
}

/// A port that is taken, for a server that is not there yet: whoever stands behind wants to know the address first.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    here: String,
    keeps_host: bool,
    behind: Mutex<String>,
    faults: Mutex<Vec<Fault>>,
    http: reqwest::Client,
}

impl Proxy {
    /// Listens on a free port. With `keeps_host` the server behind sees the proxy's name, else its own.
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    pub(crate) async fn start(keeps_host: bool) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let shared = Arc::new(Shared {
            here: format!("http://{address}"),
            keeps_host,
            behind: Mutex::default(),
            faults: Mutex::default(),
            http,
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Its address, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Who serves behind it, as `http://host:port`.
    pub(crate) fn lead_to(&self, behind: &str) {
        behind.clone_into(&mut self.shared.behind.lock().expect("a lock"));
    }

    /// What goes wrong from now on, and nothing else.
    pub(crate) fn set(&self, faults: &[Fault]) {
        *self.shared.faults.lock().expect("a lock") = faults.to_vec();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request through it.
async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 64 << 20).await else {
        return plain(StatusCode::BAD_REQUEST, "the body broke off");
    };
    let faults = shared.faults_for(&parts, &body);
    for fault in &faults {
        if let Some(answer) = shared.before(*fault, &mut parts, &body).await {
            return answer;
        }
    }
    let sent = shared.forward(&parts, body).await;
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => return plain(StatusCode::BAD_GATEWAY, &error.to_string()),
    };
    shared.answer(answer, &faults).await
}

impl Shared {
    fn faults_for(&self, parts: &request::Parts, body: &[u8]) -> Vec<What> {
        let target = parts.uri.to_string();
        let body = String::from_utf8_lossy(body);
        let faults = self.faults.lock().expect("a lock");
        let here = faults.iter().filter(|fault| {
            (fault.method.is_empty() || parts.method == fault.method)
                && target.contains(fault.path)
                && body.contains(fault.body)
        });
        here.map(|fault| fault.what).collect()
    }

    /// What happens before anybody behind is asked; an answer ends it.
    async fn before(
        &self,
        what: What,
        parts: &mut request::Parts,
        body: &Bytes,
    ) -> Option<Response> {
        match what {
            What::Answer(status, headers, body) => {
                let mut answer = Response::new(Body::from(self.text(body)));
                *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
                for (name, value) in headers {
                    let value = HeaderValue::from_str(&self.text(value)).expect("a value");
                    answer
                        .headers_mut()
                        .append(HeaderName::from_static(name), value);
                }
                Some(answer)
            }
            What::Delay(time) => {
                tokio::time::sleep(time).await;
                None
            }
            What::Endless => Some(Response::new(endless())),
            What::Largest {
                headers,
                body: most,
            } => {
                let sent = parts.headers.iter();
                let sent: usize = sent
                    .map(|(name, value)| name.as_str().len() + value.len())
                    .sum();
                if sent > headers {
                    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                    return Some(plain(status, "Request Header Fields Too Large"));
                }
                (body.len() > most)
                    .then(|| plain(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"))
            }
            What::SetRequest(name, value) => {
                let value = HeaderValue::from_str(&self.text(value)).expect("a value");
                parts.headers.insert(HeaderName::from_static(name), value);
                None
            }
            What::Silence => std::future::pending().await,
            What::Buffer
            | What::CutIdle(_)
            | What::Edit(_)
            | What::Replace(..)
            | What::Set(..)
            | What::ShiftDate(_)
            | What::Strip(_)
            | What::Turn(..) => None,
        }
    }

    async fn forward(
        &self,
        parts: &request::Parts,
        body: Bytes,
    ) -> reqwest::Result<reqwest::Response> {
        let behind = self.behind.lock().expect("a lock").clone();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers.clone();
        headers.remove(header::CONNECTION);
        headers.remove(header::TRANSFER_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        if !self.keeps_host {
            headers.remove(header::HOST);
            if headers
                .get(header::ORIGIN)
                .is_some_and(|origin| origin == &self.here)
            {
                let own = HeaderValue::from_str(&behind).expect("an origin");
                headers.insert(header::ORIGIN, own);
            }
        }
        let request = self
            .http
            .request(parts.method.clone(), format!("{behind}{path}"));
        request.headers(headers).body(body).send().await
    }

    /// What becomes of the answer.
    async fn answer(&self, answer: reqwest::Response, faults: &[What]) -> Response {
        let mut parts = Response::new(()).into_parts().0;
        parts.status = answer.status();
        parts.headers = answer.headers().clone();
        parts.headers.remove(header::CONNECTION);
        parts.headers.remove(header::TRANSFER_ENCODING);
        let mut idle = None;
        let mut whole = false;
        for what in faults {
            self.change_head(*what, &mut parts);
            match what {
                What::CutIdle(time) => idle = Some(*time),
                What::Buffer | What::Edit(_) | What::Replace(..) => whole = true,
                _ => {}
            }
        }
        if !whole {
            return Response::from_parts(parts, stream(answer, idle));
        }
        parts.headers.remove(header::CONTENT_LENGTH);
        // A stream that does not end gives nothing, as behind a proxy that collects answers.
        let body = answer.bytes().await.unwrap_or_default();
        Response::from_parts(parts, Body::from(self.changed(body, faults)))
    }

    fn change_head(&self, what: What, parts: &mut response::Parts) {
        match what {
            What::Replace(from, to) => {
                let (from, to) = (self.text(from), self.text(to));
                for value in parts.headers.values_mut() {
                    let text = value.to_str().unwrap_or_default();
                    if text.contains(&from) {
                        *value = HeaderValue::from_str(&text.replace(&from, &to)).expect("a value");
                    }
                }
            }
            What::Set(name, value) => {
                let value = HeaderValue::from_str(&self.text(value)).expect("a value");
                parts.headers.insert(HeaderName::from_static(name), value);
            }
            What::ShiftDate(seconds) => {
                let shifted = HeaderValue::from_str(&shifted(seconds)).expect("a date");
                parts.headers.insert(header::DATE, shifted);
            }
            What::Strip(name) => drop(parts.headers.remove(name)),
            What::Turn(from, to) if parts.status == from => {
                parts.status = StatusCode::from_u16(to).expect("a status");
            }
            _ => {}
        }
    }

    fn changed(&self, body: Bytes, faults: &[What]) -> Vec<u8> {
        let mut body = body.to_vec();
        for what in faults {
            match what {
                What::Edit(change) => {
                    if let Ok(mut document) = serde_json::from_slice::<Value>(&body) {
                        change(&mut document);
                        body = document.to_string().into_bytes();
                    }
                }
                What::Replace(from, to) => {
                    let text = String::from_utf8_lossy(&body);
                    let text = text.replace(&self.text(from), &self.text(to));
                    body = text.into_bytes();
                }
                _ => {}
            }
        }
        body
    }

    fn text(&self, text: &str) -> String {
        text.replace("{here}", &self.here)
    }
}

fn plain(status: StatusCode, text: &str) -> Response {
    let mut answer = Response::new(Body::from(text.to_owned()));
    *answer.status_mut() = status;
    answer
}

/// The body as it comes; cut if nothing comes for so long.
fn stream(answer: reqwest::Response, idle: Option<Duration>) -> Body {
    let chunks = futures_util::stream::unfold(answer, move |mut answer| async move {
        let next = match idle {
            None => answer.chunk().await,
            Some(idle) => match tokio::time::timeout(idle, answer.chunk()).await {
                Ok(next) => next,
                Err(_elapsed) => return None,
            },
        };
        match next {
            Ok(Some(bytes)) => Some((Ok(bytes), answer)),
            Ok(None) => None,
            Err(error) => Some((Err(error), answer)),
        }
    });
    Body::from_stream(chunks)
}

fn endless() -> Body {
    let chunk = Bytes::from(vec![b' '; 16 << 10]);
    let chunks = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
    Body::from_stream(chunks)
}

/// So many seconds from now, as in a `Date` header (RFC 9110 §5.6.7).
fn shifted(seconds: i64) -> String {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    httpdate::fmt_http_date(if seconds < 0 { now - by } else { now + by })
}
