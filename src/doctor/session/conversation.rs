//! JSON-RPC with the server, in whichever era it speaks.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use crate::doctor::walk::ask;
use crate::outbound::{Heard, Probe, ProbeError, Question};
use crate::secret_file::SecretText;

/// The revision whose requests each stand alone.
const MODERN: &str = "2026-07-28";
/// The newest with a handshake.
const LEGACY: &str = "2025-11-25";
/// A list of tools may be long.
const MOST_BYTES: usize = 4 * 1024 * 1024;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Another status than 200, and what the challenge or the body says.
    Status { status: u16, said: String },
    /// 401 with a challenge without an error, as to somebody who sent no token (RFC 6750 §3.1).
    TokenNotSeen,
    /// A JSON-RPC error.
    Rpc { code: i64, message: String },
    /// Something that is no JSON-RPC answer.
    Answer(String),
    /// Nothing.
    Silence(ProbeError),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, said } if said.is_empty() => {
                write!(f, "answered with status {status}")
            }
            Self::Status { status, said } => write!(f, "{status}: {said}"),
            Self::TokenNotSeen => f.write_str("401, as if no token had been sent"),
            Self::Rpc { code, message } => write!(f, "error {code}: {message}"),
            Self::Answer(kind) => write!(f, "no JSON-RPC answer, but {kind}"),
            Self::Silence(error) => write!(f, "{error}"),
        }
    }
}

/// What came of greeting the server in both eras.
pub(super) struct Greeting {
    modern: Result<Value, Problem>,
    legacy: Result<Value, Problem>,
}

/// A conversation about one endpoint with one token.
pub(super) struct Conversation<'c> {
    probe: &'c Probe,
    token: &'c SecretText,
    /// The revision that was agreed on in a handshake; nothing while requests stand alone.
    agreed: Option<String>,
    session: Option<HeaderValue>,
    /// What a server has given out in a handshake, used or not: to be ended.
    given_out: Option<HeaderValue>,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(probe: &'c Probe, token: &'c SecretText) -> Self {
        Self {
            probe,
            token,
            agreed: None,
            session: None,
            given_out: None,
        }
    }

    /// Greets the server in both eras, and goes on in the newest that it speaks.
    pub(super) async fn greet(&mut self) -> Greeting {
        let modern = self.call("server/discover", json!({}), None).await;
        let heard = self.send(&initialize(), &HeaderMap::new()).await;
        let legacy = heard
            .as_ref()
            .map_err(|error| Problem::Silence(error.clone()))
            .and_then(result);
        let given_out = heard.as_ref().ok();
        self.given_out = given_out.and_then(|heard| heard.headers.get(SESSION).cloned());
        let speaks_modern = modern.as_ref().is_ok_and(|result| {
            let versions = result.get("supportedVersions").and_then(Value::as_array);
            versions.is_some_and(|versions| versions.contains(&json!(MODERN)))
        });
        if !speaks_modern
            && let Ok(result) = &legacy
            && let Some(agreed) = result.get("protocolVersion").and_then(Value::as_str)
        {
            self.agreed = Some(agreed.to_owned());
            self.session.clone_from(&self.given_out);
            let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            // A server that does not care for it answers what comes next all the same.
            drop(
                self.send(
                    &initialized,
                    &self.headers("notifications/initialized", None),
                )
                .await,
            );
        }
        Greeting { modern, legacy }
    }

    /// Ends the session that the server keeps for this (MCP 2025-11-25, session management). Whether it does is its own matter.
    pub(super) async fn end(self) {
        let Some(session) = self.given_out else {
            return;
        };
        let mut headers = HeaderMap::new();
        headers.insert(SESSION, session);
        let revision = self.agreed.as_deref().unwrap_or(LEGACY);
        headers.extend(HeaderValue::try_from(revision).map(|value| (VERSION, value)));
        let question = Question {
            method: &Method::DELETE,
            url: self.probe.typed(),
            headers: &headers,
            body: b"",
            max_bytes: MOST_BYTES,
            timeout: ask::PATIENCE,
        };
        drop(self.probe.ask_as(question, Some(self.token.expose())).await);
    }

    /// One request, and its result.
    pub(super) async fn call(
        &self,
        method: &str,
        mut params: Value,
        name: Option<&str>,
    ) -> Result<Value, Problem> {
        if self.agreed.is_none()
            && let Some(members) = params.as_object_mut()
        {
            members.insert("_meta".to_owned(), request_meta());
        }
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let heard = self.send(&request, &self.headers(method, name)).await;
        result(&heard.map_err(Problem::Silence)?)
    }

    fn headers(&self, method: &str, name: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |header: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header, value);
            }
        };
        match &self.agreed {
            None => {
                set(VERSION, MODERN);
                set(METHOD, method);
                if let Some(name) = name {
                    set(NAME, name);
                }
            }
            Some(revision) => set(VERSION, revision),
        }
        headers.extend(
            self.session
                .iter()
                .map(|session| (SESSION, session.clone())),
        );
        headers
    }

    async fn send(&self, message: &Value, extra: &HeaderMap) -> Result<Heard, ProbeError> {
        let mut headers = extra.clone();
        let accept = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(header::ACCEPT, accept);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        let body = message.to_string();
        let question = Question {
            method: &Method::POST,
            url: self.probe.typed(),
            headers: &headers,
            body: body.as_bytes(),
            max_bytes: MOST_BYTES,
            timeout: ask::PATIENCE,
        };
        self.probe.ask_as(question, Some(self.token.expose())).await
    }
}

impl Greeting {
    /// True if there is an era to go on in.
    pub(super) fn speaks(&self) -> bool {
        !self.revisions().is_empty()
    }

    /// The revisions that it says it speaks, newest first.
    pub(super) fn revisions(&self) -> Vec<String> {
        let modern = self
            .modern
            .as_ref()
            .ok()
            .and_then(|result| result.get("supportedVersions")?.as_array());
        let modern = modern.into_iter().flatten().filter_map(Value::as_str);
        let legacy = self
            .legacy
            .as_ref()
            .ok()
            .and_then(|result| result.get("protocolVersion")?.as_str());
        let mut all: Vec<_> = modern.chain(legacy).map(str::to_owned).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.dedup();
        all
    }

    /// Why neither was answered, in the words of both.
    pub(super) fn problems(&self) -> String {
        let words = |name: &str, greeted: &Result<Value, Problem>| match greeted {
            Ok(_) => format!("{name}: names no revision"),
            Err(problem) => format!("{name}: {problem}"),
        };
        format!(
            "{}; {}",
            words("server/discover", &self.modern),
            words("initialize", &self.legacy)
        )
    }

    /// The refusal for want of a scope (RFC 6750 §3.1), if that is what both answers are.
    pub(super) fn lacks_scope(&self) -> Option<&Problem> {
        let (
            Err(modern @ Problem::Status { status: 403, .. }),
            Err(Problem::Status { status: 403, .. }),
        ) = (&self.modern, &self.legacy)
        else {
            return None;
        };
        Some(modern)
    }

    /// Why the token is of no use here, if that is what the answers mean.
    pub(super) fn refusal(&self) -> Option<&Problem> {
        let (Err(modern), Err(legacy)) = (&self.modern, &self.legacy) else {
            return None;
        };
        let both = [modern, legacy];
        let is_about_the_token = |problem: &&&Problem| match problem {
            Problem::Status { status, .. } => matches!(status, 401 | 503),
            Problem::TokenNotSeen | Problem::Silence(_) => true,
            Problem::Rpc { .. } | Problem::Answer(_) => false,
        };
        both.iter().find(is_about_the_token).copied()
    }
}

fn initialize() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": { "name": "usher-doctor", "version": env!("CARGO_PKG_VERSION") },
        },
    })
}

fn request_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "usher-doctor", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// The result of a JSON-RPC answer, which may be the last event of a stream.
fn result(heard: &Heard) -> Result<Value, Problem> {
    let text = heard.text();
    let mut data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let message = match heard.media_type().as_str() {
        "text/event-stream" => data.next_back().unwrap_or_default(),
        _ => &text,
    };
    let message: Option<Value> = serde_json::from_str(message).ok();
    let member = |name: &str| message.as_ref().and_then(|message| message.get(name));
    let error = member("error").filter(|error| error.is_object());
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    // These are about the token, or about all requests, whatever the body says besides.
    if let Some(error) = error
        && !matches!(heard.status, 401 | 403 | 503)
    {
        return Err(Problem::Rpc {
            code: error
                .get("code")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            message: text(error.get("message")).unwrap_or_default(),
        });
    }
    if heard.status != 200 {
        let header = heard.header("www-authenticate");
        let bearer = header.filter(|challenge| {
            let scheme = challenge.split(' ').next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("bearer")
        });
        if heard.status == 401 && bearer.is_some_and(|challenge| !challenge.contains("error=")) {
            return Err(Problem::TokenNotSeen);
        }
        let challenge = header.and_then(said_in_challenge);
        let described = text(member("error_description"));
        let described = described.or_else(|| text(error?.get("message")));
        return Err(Problem::Status {
            status: heard.status,
            said: challenge.or(described).unwrap_or_default(),
        });
    }
    match member("result") {
        Some(result) => Ok(result.clone()),
        None => Err(Problem::Answer(ask::kind(heard))),
    }
}

/// `error` and `error_description` of a challenge (RFC 6750 §3).
fn said_in_challenge(challenge: &str) -> Option<String> {
    let parameter = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    match (parameter("error"), parameter("error_description")) {
        (Some(error), Some(description)) => Some(format!("{error}: {description}")),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(status: u16, headers: &[(&'static str, &str)], body: &str) -> Heard {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::try_from(*value).expect("a value"),
            )
        });
        Heard {
            headers: headers.collect(),
            ..Heard::for_test(status, body)
        }
    }

    #[test]
    fn a_result_is_found_in_json_and_in_a_stream_and_everything_else_has_a_name() {
        let json = ("content-type", "application/json");
        let stream = ("content-type", "text/event-stream; charset=utf-8");
        let good = r#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#;
        assert_eq!(result(&heard(200, &[json], good)), Ok(json!({ "a": 1 })));
        let events =
            format!(": hello\n\ndata: {{\"method\":\"x\"}}\n\nevent: message\ndata: {good}\n\n");
        assert_eq!(
            result(&heard(200, &[stream], &events)),
            Ok(json!({ "a": 1 }))
        );

        let error =
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}"#;
        let expected = Problem::Rpc {
            code: -32601,
            message: "no such method".into(),
        };
        assert_eq!(result(&heard(404, &[json], error)), Err(expected));
        let challenge = (
            "www-authenticate",
            r#"Bearer error="invalid_token", error_description="The access token expired""#,
        );
        let expected = Problem::Status {
            status: 401,
            said: "invalid_token: The access token expired".into(),
        };
        let body = r#"{"error":"invalid_token"}"#;
        assert_eq!(result(&heard(401, &[json, challenge], body)), Err(expected));
        let body = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"more scope"}}"#;
        let expected = Problem::Status {
            status: 403,
            said: "more scope".into(),
        };
        assert_eq!(result(&heard(403, &[json], body)), Err(expected));
        let page = result(&heard(200, &[("content-type", "text/html")], "<html>"));
        assert_eq!(page, Err(Problem::Answer("an HTML page".into())));
    }

    #[test]
    fn a_token_is_refused_only_if_both_greetings_are() {
        let refused = || {
            Err(Problem::Status {
                status: 401,
                said: String::new(),
            })
        };
        let unknown = || {
            Err(Problem::Rpc {
                code: -32601,
                message: String::new(),
            })
        };
        let good = || Ok(json!({ "protocolVersion": "2025-06-18" }));
        for (modern, legacy, is_refused) in [
            (refused(), refused(), true),
            (unknown(), good(), false),
            (refused(), good(), false),
            (unknown(), unknown(), false),
        ] {
            let greeting = Greeting { modern, legacy };
            assert_eq!(greeting.refusal().is_some(), is_refused);
        }
        let greeting = Greeting {
            modern: Ok(json!({ "supportedVersions": ["2026-07-28"] })),
            legacy: good(),
        };
        assert_eq!(greeting.revisions(), ["2026-07-28", "2025-06-18"]);
    }
}
