//! The modern tools that need input (SEP-2322), some over several rounds.
//!
//! State is a name for what is kept here, so one that was tampered with names nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rmcp::model::{CallToolRequestParams, CallToolResponse, ClientCapabilities, ErrorData};
use serde_json::{Value, json};

use crate::ask::{form, input_required, response, roots, sampling};
use crate::tools::said;

/// Their names, without [`PREFIX`].
pub(crate) const NAMES: &[&str] = &[
    "elicitation",
    "sampling",
    "list_roots",
    "request_state",
    "multiple_inputs",
    "multi_round",
    "tampered_state",
    "capabilities",
];
pub(crate) const PREFIX: &str = "test_input_required_result_";

/// The states that were handed out, each with its round.
#[derive(Debug, Default)]
pub(crate) struct States(Mutex<HashMap<String, usize>>);

impl States {
    fn remember(&self, round: usize) -> String {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("state-{}-{round}", states.len());
        states.insert(name.clone(), round);
        name
    }

    fn round(&self, name: &str) -> Result<usize, ErrorData> {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let round = states.get(name).copied();
        round.ok_or_else(|| ErrorData::invalid_params("requestState is not one of ours", None))
    }
}

fn question(message: &str, property: &str, kind: &str) -> Value {
    let schema = json!({
        "type": "object",
        "properties": { property: { "type": kind } },
        "required": [property],
    });
    form(message, schema)
}

/// Runs the tool of this name, which has no prefix.
pub(crate) fn call(
    name: &str,
    request: &CallToolRequestParams,
    capabilities: &ClientCapabilities,
    states: &States,
) -> Result<CallToolResponse, ErrorData> {
    let responses = request.input_responses.as_ref();
    let state = request.request_state.as_deref();
    let round = state.map(|state| states.round(state)).transpose()?;
    let who = || question("What is your name?", "name", "string");
    let once = |key: &str, question: Value, path: &str| match response(responses, key) {
        Some(answer) => {
            let answer = Value::Object(answer.clone());
            let found = answer.pointer(path).unwrap_or(&Value::Null);
            Ok(said(&format!("Answered: {found}")))
        }
        None => input_required(json!({ key: question }), None),
    };
    match name {
        "elicitation" => once("user_name", who(), "/content/name"),
        "sampling" => {
            let question = sampling("What is the capital of France?");
            once("capital_question", question, "/content/text")
        }
        "list_roots" => once("client_roots", roots(), "/roots"),
        "request_state" | "tampered_state" => match round {
            Some(_) => Ok(said("Confirmed: state-ok")),
            None => {
                let ask = question("Please confirm", "ok", "boolean");
                input_required(json!({ "confirm": ask }), Some(states.remember(1)))
            }
        },
        "multiple_inputs" => {
            let keys = ["user_name", "greeting", "client_roots"];
            if keys.iter().all(|key| response(responses, key).is_some()) && round.is_some() {
                return Ok(said("All inputs received"));
            }
            let asked = json!({
                "user_name": who(),
                "greeting": sampling("Generate a greeting"),
                "client_roots": roots(),
            });
            input_required(asked, Some(states.remember(1)))
        }
        "multi_round" => match round {
            None => input_required(json!({ "step1": who() }), Some(states.remember(1))),
            Some(1) => {
                let ask = question("What is your favorite color?", "color", "string");
                input_required(json!({ "step2": ask }), Some(states.remember(2)))
            }
            Some(_) => Ok(said("Multi-round flow complete")),
        },
        "capabilities" => declared(responses.is_some(), capabilities),
        other => Err(ErrorData::invalid_params(
            format!("no tool {PREFIX}{other}"),
            None,
        )),
    }
}

/// Asks for nothing that the client did not declare.
fn declared(
    is_answered: bool,
    capabilities: &ClientCapabilities,
) -> Result<CallToolResponse, ErrorData> {
    let mut asked = serde_json::Map::new();
    if capabilities.elicitation.is_some() {
        let ask = question("What is your name?", "name", "string");
        asked.insert("user_name".to_owned(), ask);
    }
    let capabilities = json!(capabilities);
    if capabilities.get("sampling").is_some() {
        asked.insert("greeting".to_owned(), sampling("Generate a greeting"));
    }
    if capabilities.get("roots").is_some() {
        asked.insert("client_roots".to_owned(), roots());
    }
    if is_answered || asked.is_empty() {
        return Ok(said("Nothing more to ask"));
    }
    input_required(Value::Object(asked), None)
}
