//! Asking the client: with a request in the legacy era, with an `input_required` result in the modern one.

use rmcp::RoleServer;
use rmcp::model::{
    CallToolResponse, ErrorData, InputRequest, InputRequiredResult, InputResponses, ServerRequest,
};
use rmcp::service::RequestContext;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::Era;

/// The answer, or the result that asks for it.
pub(crate) enum Asked {
    Answered(Value),
    Ask(CallToolResponse),
}

/// Asks for one thing. `responses` are what came with the call.
pub(crate) async fn ask(
    era: Era,
    cx: &RequestContext<RoleServer>,
    responses: Option<&InputResponses>,
    request: Value,
) -> Result<Asked, ErrorData> {
    const KEY: &str = "answer";
    match era {
        Era::Legacy => {
            let request: ServerRequest = read(request)?;
            let answer = cx.peer.send_request(request).await;
            let answer = answer.map_err(|error| internal(format!("the client: {error}")))?;
            Ok(Asked::Answered(json!(answer)))
        }
        Era::Modern => Ok(match response(responses, KEY) {
            Some(answer) => Asked::Answered(Value::Object(answer.clone())),
            None => Asked::Ask(input_required(json!({ KEY: request }), None)?),
        }),
    }
}

/// A result that asks.
pub(crate) fn input_required<T: From<InputRequiredResult>>(
    requests: Value,
    state: Option<String>,
) -> Result<T, ErrorData> {
    let requests: std::collections::BTreeMap<String, InputRequest> = read(requests)?;
    let requests = requests.into_iter().collect();
    Ok(InputRequiredResult::new(Some(requests), state).into())
}

/// What was answered under this key, if it is of the right shape at all.
pub(crate) fn response<'a>(
    responses: Option<&'a InputResponses>,
    key: &str,
) -> Option<&'a Map<String, Value>> {
    responses?.get(key)?.as_object()
}

/// `elicitation/create` in form mode.
pub(crate) fn form(message: &str, schema: Value) -> Value {
    let params = json!({ "message": message, "requestedSchema": schema, "mode": "form" });
    json!({ "method": "elicitation/create", "params": params })
}

/// `sampling/createMessage`.
pub(crate) fn sampling(prompt: &str) -> Value {
    let message = json!({ "role": "user", "content": { "type": "text", "text": prompt } });
    let params = json!({ "messages": [message], "maxTokens": 100 });
    json!({ "method": "sampling/createMessage", "params": params })
}

/// `roots/list`.
pub(crate) fn roots() -> Value {
    json!({ "method": "roots/list" })
}

/// A whole result; the SDK takes its type away again for legacy clients.
pub(crate) fn complete<T: DeserializeOwned>(result: Value) -> Result<T, ErrorData> {
    read(with(result, json!({ "resultType": "complete" })))
}

/// These members added to an object.
pub(crate) fn with(mut object: Value, added: Value) -> Value {
    if let (Value::Object(members), Value::Object(added)) = (&mut object, added) {
        members.extend(added);
    }
    object
}

/// Gives JSON the SDK's type.
pub(crate) fn read<T: DeserializeOwned>(json: Value) -> Result<T, ErrorData> {
    serde_json::from_value(json).map_err(|error| internal(error.to_string()))
}

pub(crate) fn internal(message: String) -> ErrorData {
    ErrorData::internal_error(message, None)
}
