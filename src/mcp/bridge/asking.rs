//! A call whose upstream asks before it answers, for a legacy client: round after round, question after question.
//!
//! The questions go out on the call's own stream, one at a time, and the call is made again with the answers. Rounds are
//! counted and waits are bounded, so an upstream cannot keep a person busy for ever.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::input::{Need, Round};
use super::questions::{Owner, Questions, Waiting};
use super::scan::Lost;
use crate::mcp::reply;
use crate::mcp::session::Session;
use crate::upstream::Reply;

/// More rounds than this are no conversation any more.
const MOST_ROUNDS: u32 = 8;
/// Before a call is made again for which nothing was asked: the upstream only wants it to come back. Doubles, four times.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Why a question of an upstream's leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CannotAsk {
    /// Too many questions wait, or there is no stream for one.
    #[error("the server is busy; try again later")]
    Busy,
    /// The upstream asks for something that the client did not declare.
    #[error("the tool's server needs a client capability that was not declared: {}", .0.as_str())]
    Missing(Need),
    /// Nobody answered in time.
    #[error("nobody answered the question of the tool's server in time")]
    NoAnswer,
    /// The client answered with an error, for which the upstream has no use.
    #[error("the client answered the question of the tool's server with an error: {}", .0.as_str())]
    Refused(Need),
    /// The upstream asks again and again.
    #[error("the tool's server asks too many times")]
    TooManyRounds,
    /// What it asks is no question.
    #[error("the tool's server gave an answer that is not MCP")]
    Unclear,
}

impl CannotAsk {
    /// The stable reason code for logs and metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Missing(_) => "missing_client_capability",
            Self::NoAnswer => "question_unanswered",
            Self::Refused(_) => "question_refused",
            Self::TooManyRounds => "too_many_rounds",
            Self::Unclear => "upstream_invalid",
        }
    }

    /// The JSON-RPC error code: that of 2026-07-28 for a missing capability, else the HTTP status that says the same.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Busy => 503,
            Self::Missing(_) => -32021,
            Self::NoAnswer => 504,
            Self::Refused(_) => -32600,
            Self::TooManyRounds | Self::Unclear => 502,
        }
    }
}

impl From<Lost> for CannotAsk {
    fn from(_lost: Lost) -> Self {
        Self::Unclear
    }
}

/// Whom an upstream's questions are put to.
#[derive(Clone, Debug)]
pub(in crate::mcp) struct Respondent {
    /// A legacy client's session, on whose call's stream questions can be put.
    pub(in crate::mcp) session: Session,
    /// Whose answers count.
    pub(in crate::mcp) owner: Owner,
    /// Where they arrive.
    pub(in crate::mcp) questions: Questions,
    /// How long a person may take for one.
    pub(in crate::mcp) patience: Duration,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mcp) enum Next {
    /// A message to the client: a question, whose answer is waited for then, or that an answer is not wanted any more.
    Put(Vec<u8>),
    /// All is answered: the members of the next call's parameters.
    Again(Vec<u8>),
}

impl Respondent {
    /// True if the client declared what it takes.
    pub(super) fn meets(&self, need: Need) -> bool {
        need.is_met_by(&self.session)
    }
}

/// The questions of one call.
#[derive(Default)]
pub(in crate::mcp) struct Asking {
    /// Nobody, if the client has no session or takes no stream.
    respondent: Option<Respondent>,
    rounds: u32,
    current: Option<Current>,
    /// Nobody answered in time.
    is_over: bool,
}

struct Current {
    round: Round,
    answers: Vec<Bytes>,
    waiting: Option<Waiting>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asking(round {})", self.rounds)
    }
}

impl Asking {
    pub(in crate::mcp) fn new(respondent: Option<Respondent>) -> Self {
        Self {
            respondent,
            ..Self::default()
        }
    }

    /// Whom questions can be put to.
    pub(in crate::mcp) fn respondent(&self) -> Option<&Respondent> {
        self.respondent.as_ref()
    }

    /// True while a round is not over.
    pub(in crate::mcp) fn is_under_way(&self) -> bool {
        self.current.is_some()
    }

    /// Begins a round with the upstream's `input_required` result. Nobody is asked anything if one question of it cannot
    /// be put.
    pub(in crate::mcp) fn begin(&mut self, result: &[u8]) -> Result<(), CannotAsk> {
        let round = Round::of(result)?;
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return Err(CannotAsk::TooManyRounds);
        }
        let respondent = self.respondent.as_ref();
        let is_met = |need: Need| respondent.is_some_and(|respondent| respondent.meets(need));
        if let Some(question) = round
            .questions
            .iter()
            .find(|question| !is_met(question.need))
        {
            return Err(CannotAsk::Missing(question.need));
        }
        self.current = Some(Current {
            round,
            answers: Vec::new(),
            waiting: None,
        });
        Ok(())
    }

    /// What comes next in the round. `members` are those of the call's parameters.
    pub(in crate::mcp) async fn next(&mut self, members: &[u8]) -> Result<Next, CannotAsk> {
        if self.is_over {
            return Err(CannotAsk::NoAnswer);
        }
        let pause = FIRST_PAUSE * 2_u32.pow(self.rounds.saturating_sub(1).min(4));
        let current = self.current.as_mut().ok_or(CannotAsk::Unclear)?;
        if current.round.questions.is_empty() {
            tokio::time::sleep(pause).await;
        }
        if let Some(respondent) = &self.respondent {
            if let Some(waiting) = &mut current.waiting {
                let answered = tokio::time::timeout(respondent.patience, waiting.answered()).await;
                match answered {
                    Ok(answered) => current.take(answered)?,
                    Err(_late) => {
                        self.is_over = true;
                        return Ok(Next::Put(cancelled(&quoted(&waiting.id))));
                    }
                }
            }
            if let Some(question) = current.round.questions.get(current.answers.len()) {
                let waiting = respondent.questions.open(respondent.owner);
                let waiting = current.waiting.insert(waiting.ok_or(CannotAsk::Busy)?);
                return Ok(Next::Put(question.request(&waiting.id)?));
            }
        }
        let members = current.round.answered(members, &current.answers);
        self.current = None;
        Ok(Next::Again(members))
    }
}

/// The id as JSON.
pub(super) fn quoted(id: &str) -> Box<str> {
    let mut json = Vec::new();
    reply::string(&mut json, id);
    String::from_utf8(json).unwrap_or_default().into()
}

/// Tells the client that nobody waits for its answer any more (MCP 2025-11-25, lifecycle, timeouts).
pub(super) fn cancelled(id: &str) -> Vec<u8> {
    let start = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#;
    [start, id, "}}"].concat().into_bytes()
}

impl Current {
    /// Takes the answer to the question that was put last.
    fn take(&mut self, answered: Reply) -> Result<(), CannotAsk> {
        self.waiting = None;
        let question = self.round.questions.get(self.answers.len());
        let need = question.ok_or(CannotAsk::Unclear)?.need;
        let answer = match answered {
            Reply::Result(json) => Some(json),
            Reply::Error(_) => need.refused(),
        };
        self.answers.push(answer.ok_or(CannotAsk::Refused(need))?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::questions::NO_ANSWER;
    use super::*;
    use crate::mcp::era::Revision;
    use crate::mcp::members::Members;
    use crate::mcp::session::ClientCapabilities;

    const OWNER: Owner = Owner {
        caller: [1; 32],
        session: [2; 12],
    };
    const ALL: &str = r#"{"elicitation":{"form":{},"url":{}},"roots":{}}"#;

    fn asking(capabilities: &str) -> (Asking, Questions) {
        let raw: &serde_json::value::RawValue = serde_json::from_str(capabilities).expect("JSON");
        let capabilities = ClientCapabilities::of(&Members::of(raw).expect("an object"));
        let questions = Questions::default();
        let respondent = Respondent {
            session: Session::for_test(Revision::V2025_11_25, capabilities),
            owner: OWNER,
            questions: questions.clone(),
            patience: Duration::from_secs(300),
        };
        (Asking::new(Some(respondent)), questions)
    }

    fn asks(requests: &str) -> String {
        format!(
            r#"{{"resultType":"input_required","inputRequests":{{{requests}}},"requestState":"s"}}"#
        )
    }

    const FORM: &str = r#""f":{"method":"elicitation/create","params":{"message":"m"}}"#;
    const ROOTS: &str = r#""r":{"method":"roots/list"}"#;

    async fn put(asking: &mut Asking) -> (String, String) {
        let Ok(Next::Put(request)) = asking.next(b"\"a\":1").await else {
            panic!("no question");
        };
        let request: serde_json::Value = serde_json::from_slice(&request).expect("JSON");
        let text = |key: &str| request[key].as_str().expect("text").to_owned();
        (text("id"), text("method"))
    }

    fn result(json: &'static str) -> Reply {
        Reply::Result(Bytes::from_static(json.as_bytes()))
    }

    #[tokio::test]
    async fn questions_are_put_one_after_the_other_and_the_call_is_made_again() {
        let (mut asking, questions) = asking(ALL);
        assert!(!asking.is_under_way());
        asking
            .begin(asks(&format!("{FORM},{ROOTS}")).as_bytes())
            .expect("a round");
        let (id, method) = put(&mut asking).await;
        assert_eq!(method, "elicitation/create");
        let declined = result(r#"{ "action":"decline"}"#);
        assert_eq!(questions.answer(OWNER, &id, declined), Ok(()));
        let (id, method) = put(&mut asking).await;
        assert_eq!(method, "roots/list");
        assert_eq!(
            questions.answer(OWNER, &id, result(r#"{"roots":[]}"#)),
            Ok(())
        );
        assert!(asking.is_under_way());
        let Ok(Next::Again(members)) = asking.next(b"\"a\":1").await else {
            panic!("not answered");
        };
        assert_eq!(
            String::from_utf8(members).as_deref(),
            Ok(
                r#""a":1,"inputResponses":{"f":{ "action":"decline"},"r":{"roots":[]}},"requestState":"s""#
            )
        );
        assert!(!asking.is_under_way());
    }

    #[tokio::test]
    async fn an_error_of_the_client_cancels_a_form_and_ends_anything_else() {
        let (mut asking, questions) = asking(ALL);
        asking.begin(asks(FORM).as_bytes()).expect("a round");
        let (id, _) = put(&mut asking).await;
        assert_eq!(
            questions.answer(OWNER, &id, Reply::Error(NO_ANSWER)),
            Ok(())
        );
        let Ok(Next::Again(members)) = asking.next(b"").await else {
            panic!("not answered");
        };
        assert!(String::from_utf8_lossy(&members).contains(r#"{"f":{"action":"cancel"}}"#));
        asking.begin(asks(ROOTS).as_bytes()).expect("a round");
        let (id, _) = put(&mut asking).await;
        assert_eq!(
            questions.answer(OWNER, &id, Reply::Error(NO_ANSWER)),
            Ok(())
        );
        assert_eq!(asking.next(b"").await, Err(CannotAsk::Refused(Need::Roots)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_has_their_time_and_no_more() {
        let (mut asking, questions) = asking(ALL);
        asking.begin(asks(FORM).as_bytes()).expect("a round");
        let (id, _) = put(&mut asking).await;
        let before = tokio::time::Instant::now();
        let cancelled = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":"{id}"}}}}"#
        );
        let next = asking.next(b"").await;
        assert_eq!(next, Ok(Next::Put(cancelled.into_bytes())));
        assert_eq!(before.elapsed(), Duration::from_secs(300));
        assert_eq!(asking.next(b"").await, Err(CannotAsk::NoAnswer));
        drop(asking);
        assert!(
            questions
                .answer(OWNER, &id, Reply::Error(NO_ANSWER))
                .is_err()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_upstream_asks_eight_times_at_most_and_not_without_a_pause() {
        let (mut asking, _questions) = asking("{}");
        let again = r#"{"resultType":"input_required","requestState":"s"}"#;
        let before = tokio::time::Instant::now();
        for _ in 0..8 {
            assert_eq!(asking.begin(again.as_bytes()), Ok(()));
            let next = asking.next(b"\"a\":1").await;
            assert_eq!(
                next,
                Ok(Next::Again(br#""a":1,"requestState":"s""#.to_vec()))
            );
        }
        assert_eq!(before.elapsed(), FIRST_PAUSE * (1 + 2 + 4 + 8 + 4 * 16));
        assert_eq!(
            asking.begin(again.as_bytes()),
            Err(CannotAsk::TooManyRounds)
        );
    }

    #[test]
    fn nobody_is_asked_for_what_was_not_declared() {
        let (mut some, _questions) = asking(r#"{"elicitation":{}}"#);
        let both = asks(&format!("{FORM},{ROOTS}"));
        assert_eq!(
            some.begin(both.as_bytes()),
            Err(CannotAsk::Missing(Need::Roots))
        );
        assert!(!some.is_under_way());
        let mut nobody = Asking::default();
        let missing = nobody.begin(asks(FORM).as_bytes());
        assert_eq!(missing, Err(CannotAsk::Missing(Need::Form)));
        assert_eq!(nobody.begin(b"{}"), Err(CannotAsk::Unclear));
        let words = CannotAsk::Missing(Need::Url).to_string();
        assert!(words.ends_with("elicitation (url)"), "{words}");
    }
}
