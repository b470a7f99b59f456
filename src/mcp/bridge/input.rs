//! The questions of a modern upstream, put to a legacy client: one `input_required` result is one round of requests on the
//! call's own stream, and the answers are the parameters of the next call (MCP 2026-07-28, multi round-trip requests).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::capabilities;
use super::result::REQUEST_STATE;
use super::scan::{Lost, Member, Scan, member};
use crate::mcp::members::write_member;
use crate::mcp::reply;
use crate::mcp::session::Session;
use crate::sealing;

/// More questions at once than this are an attack on whoever has to answer them.
const MOST_QUESTIONS: usize = 16;
/// Where the answers stand in the next call's parameters.
pub(super) const INPUT_RESPONSES: &str = "inputResponses";

/// What a legacy client can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To show a form.
    Form,
    /// To list its roots.
    Roots,
    /// To ask its model.
    Sampling,
    /// To send a person to an address.
    Url,
}

impl Need {
    /// The client capability, in words.
    pub(in crate::mcp) fn as_str(self) -> &'static str {
        match self {
            Self::Form => "elicitation (form)",
            Self::Roots => "roots",
            Self::Sampling => "sampling",
            Self::Url => "elicitation (url)",
        }
    }

    /// The client capability, as an upstream would declare that it requires it.
    pub(in crate::mcp) fn capability(self) -> serde_json::Value {
        match self {
            Self::Form => serde_json::json!({ "elicitation": { "form": {} } }),
            Self::Roots => serde_json::json!({ "roots": {} }),
            Self::Sampling => serde_json::json!({ "sampling": {} }),
            Self::Url => serde_json::json!({ "elicitation": { "url": {} } }),
        }
    }

    /// What a request takes.
    pub(super) fn of(method: &str, params: Option<&[u8]>) -> Result<Self, Lost> {
        Ok(match method {
            "elicitation/create" => {
                let mode = member(params.ok_or(Lost)?, "mode")?;
                match mode.map(|mode| serde_json::from_slice::<String>(mode.value)) {
                    None => Self::Form,
                    Some(Ok(mode)) if mode == "form" => Self::Form,
                    Some(Ok(mode)) if mode == "url" => Self::Url,
                    Some(_) => return Err(Lost),
                }
            }
            "roots/list" => Self::Roots,
            "sampling/createMessage" => Self::Sampling,
            _ => return Err(Lost),
        })
    }

    /// True if there is such a request.
    pub(super) fn is_known(method: &str) -> bool {
        let all = [Self::Form, Self::Roots, Self::Sampling];
        all.iter().any(|need| need.method() == method)
    }

    fn method(self) -> &'static str {
        match self {
            Self::Form | Self::Url => "elicitation/create",
            Self::Roots => "roots/list",
            Self::Sampling => "sampling/createMessage",
        }
    }

    /// True if the client declared it.
    pub(in crate::mcp) fn is_met_by(self, session: &Session) -> bool {
        match self {
            Self::Form => capabilities::can_show_forms(session),
            Self::Roots => session.capabilities.has("roots"),
            Self::Sampling => session.capabilities.has("sampling"),
            Self::Url => capabilities::can_open_urls(session),
        }
    }

    /// What the upstream is told where the client answered with an error. Of a form or an address, that nobody
    /// made a choice; there is no such answer to the others.
    pub(in crate::mcp) fn refused(self) -> Option<Bytes> {
        match self {
            Self::Form | Self::Url => Some(Bytes::from_static(br#"{"action":"cancel"}"#)),
            Self::Roots | Self::Sampling => None,
        }
    }
}

/// One question of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mcp) struct Question {
    pub(in crate::mcp) need: Need,
    /// What the upstream calls it.
    key: String,
    params: Option<Box<[u8]>>,
}

/// What an upstream wants to know before it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mcp) struct Round {
    pub(in crate::mcp) questions: Vec<Question>,
    /// What it wants back with the answers, as it wrote it.
    state: Option<Box<[u8]>>,
}

impl Round {
    /// Reads an `input_required` result.
    pub(in crate::mcp) fn of(json: &[u8]) -> Result<Self, Lost> {
        let state = member(json, REQUEST_STATE)?;
        if state
            .as_ref()
            .is_some_and(|state| !state.value.starts_with(b"\""))
        {
            return Err(Lost);
        }
        let mut questions = Vec::new();
        let requests = member(json, "inputRequests")?;
        if let Some(requests) = &requests {
            let mut scan = Scan::object(requests.value)?;
            while let Some(request) = scan.next()? {
                let question = question(&request)?;
                let is_known = |known: &Question| known.key == question.key;
                if questions.len() == MOST_QUESTIONS || questions.iter().any(is_known) {
                    return Err(Lost);
                }
                questions.push(question);
            }
        }
        if state.is_none() && requests.is_none() {
            return Err(Lost);
        }
        let state = state.map(|state| state.value.into());
        Ok(Self { questions, state })
    }

    /// The members of the next call's parameters: those of the first, the answers in the order of the questions, and the
    /// upstream's state.
    pub(in crate::mcp) fn answered(&self, members: &[u8], answers: &[Bytes]) -> Vec<u8> {
        let mut out = members.to_vec();
        if !self.questions.is_empty() {
            write_member(&mut out, INPUT_RESPONSES, |out| {
                let mut inner = Vec::new();
                for (question, answer) in self.questions.iter().zip(answers) {
                    write_member(&mut inner, &question.key, |out| {
                        out.extend_from_slice(answer)
                    });
                }
                out.push(b'{');
                out.extend_from_slice(&inner);
                out.push(b'}');
            });
        }
        if let Some(state) = &self.state {
            write_member(&mut out, REQUEST_STATE, |out| out.extend_from_slice(state));
        }
        out
    }
}

fn question(request: &Member<'_>) -> Result<Question, Lost> {
    let method = member(request.value, "method")?.ok_or(Lost)?;
    let method: String = serde_json::from_slice(method.value).map_err(|_no_string| Lost)?;
    let params = member(request.value, "params")?;
    let params = params.map(|params| params.value);
    if params.is_some_and(|params| !params.starts_with(b"{")) {
        return Err(Lost);
    }
    Ok(Question {
        need: Need::of(&method, params)?,
        key: request.key()?.into_owned(),
        params: params.map(Into::into),
    })
}

impl Question {
    /// The request that puts the question to the client, with an id of ours.
    pub(in crate::mcp) fn request(&self, id: &str) -> Result<Vec<u8>, Lost> {
        let mut out = br#"{"jsonrpc":"2.0","id":"#.to_vec();
        reply::string(&mut out, id);
        out.extend_from_slice(br#","method":""#);
        out.extend_from_slice(self.need.method().as_bytes());
        out.push(b'"');
        if let Some(params) = &self.params {
            out.extend_from_slice(br#","params":"#);
            self.write_params(&mut out, params)?;
        }
        out.push(b'}');
        Ok(out)
    }

    /// An address has an id in 2025-11-25, which the later revision gave up.
    fn write_params(&self, out: &mut Vec<u8>, params: &[u8]) -> Result<(), Lost> {
        const ID: &str = "elicitationId";
        if self.need == Need::Url && member(params, ID)?.is_none() {
            let id = URL_SAFE_NO_PAD.encode(sealing::random::<16>());
            out.extend_from_slice(format!(r#"{{"{ID}":"{id}""#).as_bytes());
            // It has a mode at least.
            out.push(b',');
            out.extend_from_slice(params.get(1..).ok_or(Lost)?);
        } else {
            out.extend_from_slice(params);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::era::Revision;
    use crate::mcp::session::ClientCapabilities;

    fn round(json: &str) -> Result<Round, Lost> {
        Round::of(json.as_bytes())
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn questions_become_requests_and_answers_the_next_calls_parameters() {
        let round = round(
            r#"{"resultType":"input_required","requestState":"st\u0061te","inputRequests":{"b \"q\"":{"method":"elicitation/create","params":{"message":"m", "requestedSchema" : {"n":1.50}}},"a":{"method":"roots/list"},"c":{"method":"sampling/createMessage","params":{"maxTokens":1e2}}}}"#,
        )
        .expect("a round");
        let requests: Vec<_> = round
            .questions
            .iter()
            .map(|question| text(question.request("us-1").expect("a request")))
            .collect();
        assert_eq!(
            requests,
            [
                r#"{"jsonrpc":"2.0","id":"us-1","method":"elicitation/create","params":{"message":"m", "requestedSchema" : {"n":1.50}}}"#,
                r#"{"jsonrpc":"2.0","id":"us-1","method":"roots/list"}"#,
                r#"{"jsonrpc":"2.0","id":"us-1","method":"sampling/createMessage","params":{"maxTokens":1e2}}"#,
            ]
        );
        let answers = [
            r#"{"action":"accept","content":{"n":1.50}}"#,
            r#"{ "roots":[]}"#,
            "{}",
        ];
        let answers = answers.map(|answer| Bytes::from_static(answer.as_bytes()));
        assert_eq!(
            text(round.answered(br#""name":"x","arguments":{}"#, &answers)),
            r#""name":"x","arguments":{},"inputResponses":{"b \"q\"":{"action":"accept","content":{"n":1.50}},"a":{ "roots":[]},"c":{}},"requestState":"st\u0061te""#
        );
    }

    #[test]
    fn a_state_alone_is_a_round_without_questions() {
        let round =
            round(r#"{"resultType":"input_required","requestState":"s"}"#).expect("a round");
        assert!(round.questions.is_empty());
        assert_eq!(
            text(round.answered(b"\"a\":1", &[])),
            r#""a":1,"requestState":"s""#
        );
    }

    #[test]
    fn an_address_gets_the_id_that_the_older_revision_wants() {
        let asked = |params: &str| {
            let json = format!(
                r#"{{"inputRequests":{{"k":{{"method":"elicitation/create","params":{params}}}}}}}"#
            );
            let round = round(&json).expect("a round");
            assert_eq!(round.questions[0].need, Need::Url);
            let request = text(round.questions[0].request("1").expect("a request"));
            let value: serde_json::Value = serde_json::from_str(&request).expect("JSON");
            value["params"].clone()
        };
        let with = asked(r#"{"mode":"url","url":"https://a","message":"m"}"#);
        assert_eq!(with["url"], "https://a");
        assert!(
            with["elicitationId"]
                .as_str()
                .is_some_and(|id| id.len() == 22),
            "{with}"
        );
        assert_eq!(
            asked(r#"{"mode":"url","elicitationId":"theirs"}"#)["elicitationId"],
            "theirs"
        );
    }

    #[test]
    fn what_is_no_round_is_none() {
        let many: Vec<_> = (0..17)
            .map(|n| format!(r#""k{n}":{{"method":"roots/list"}}"#))
            .collect();
        let many = format!(r#"{{"inputRequests":{{{}}}}}"#, many.join(","));
        for bad in [
            "{}",
            r#"{"requestState":7}"#,
            r#"{"inputRequests":[]}"#,
            r#"{"inputRequests":{"k":7}}"#,
            r#"{"inputRequests":{"k":{}}}"#,
            r#"{"inputRequests":{"k":{"method":"ping"}}}"#,
            r#"{"inputRequests":{"k":{"method":"elicitation/create"}}}"#,
            r#"{"inputRequests":{"k":{"method":"elicitation/create","params":[]}}}"#,
            r#"{"inputRequests":{"k":{"method":"elicitation/create","params":{"mode":"voice"}}}}"#,
            r#"{"inputRequests":{"k":{"method":"roots/list","method":"sampling/createMessage"}}}"#,
            r#"{"inputRequests":{"k":{"method":"roots/list"},"k":{"method":"roots/list"}}}"#,
            &many,
        ] {
            assert_eq!(round(bad), Err(Lost), "{bad}");
        }
    }

    #[test]
    fn a_client_is_asked_only_for_what_it_declared() {
        let check = |revision: Revision, capabilities: &str, expected: [bool; 4]| {
            let raw: &serde_json::value::RawValue =
                serde_json::from_str(capabilities).expect("JSON");
            let members = crate::mcp::members::Members::of(raw).expect("an object");
            let session = Session::for_test(revision, ClientCapabilities::of(&members));
            let met = [Need::Form, Need::Url, Need::Sampling, Need::Roots]
                .map(|need| need.is_met_by(&session));
            assert_eq!(met, expected, "{revision:?} {capabilities}");
        };
        check(
            Revision::V2025_11_25,
            r#"{"elicitation":{}}"#,
            [true, false, false, false],
        );
        check(
            Revision::V2025_11_25,
            r#"{"elicitation":{"url":{}},"roots":{}}"#,
            [false, true, false, true],
        );
        check(
            Revision::V2025_06_18,
            r#"{"elicitation":{"url":{},"form":{}},"sampling":{}}"#,
            [true, false, true, false],
        );
        check(
            Revision::V2025_03_26,
            r#"{"elicitation":{"form":{}}}"#,
            [false; 4],
        );
        check(Revision::V2025_11_25, "{}", [false; 4]);
    }
}
