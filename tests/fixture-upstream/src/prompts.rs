//! The suite's prompts.

use rmcp::model::{ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult};
use serde_json::{Value, json};

use crate::Era;
use crate::ask::{complete, form, input_required, response};
use crate::tools::PNG;

const NEEDS_INPUT: &str = "test_input_required_result_prompt";

/// All of them; `changes` is how often the list was changed.
pub(crate) fn list(era: Era, changes: usize) -> Value {
    let prompt = |name: &str, arguments: &[&str]| {
        let argument = |name: &&str| json!({ "name": name, "required": true });
        let arguments: Vec<_> = arguments.iter().map(argument).collect();
        let description = format!("For the conformance suite; the list changed {changes} times");
        json!({ "name": name, "description": description, "arguments": arguments })
    };
    let mut prompts = vec![
        prompt("test_simple_prompt", &[]),
        prompt("test_prompt_with_arguments", &["arg1", "arg2"]),
        prompt("test_prompt_with_embedded_resource", &["resourceUri"]),
        prompt("test_prompt_with_image", &[]),
    ];
    if era == Era::Modern {
        prompts.push(prompt(NEEDS_INPUT, &[]));
    }
    json!({ "prompts": prompts })
}

pub(crate) fn get(
    era: Era,
    request: &GetPromptRequestParams,
) -> Result<GetPromptResponse, ErrorData> {
    let argument = |name: &str| {
        let arguments = request.arguments.as_ref();
        arguments
            .and_then(|all| all.get(name)?.as_str())
            .unwrap_or_default()
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    let contents = match request.name.as_str() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1"), argument("arg2"));
            vec![text(&format!(
                "Prompt with arguments: arg1='{first}', arg2='{second}'"
            ))]
        }
        "test_prompt_with_embedded_resource" => vec![
            json!({ "type": "resource", "resource": {
                "uri": argument("resourceUri"),
                "mimeType": "text/plain",
                "text": "Embedded resource content for testing.",
            } }),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image" => vec![
            json!({ "type": "image", "data": PNG, "mimeType": "image/png" }),
            text("Please analyze the image above."),
        ],
        NEEDS_INPUT if era == Era::Modern => {
            let Some(answer) = response(request.input_responses.as_ref(), "user_context") else {
                let schema = json!({
                    "type": "object",
                    "properties": { "context": { "type": "string" } },
                    "required": ["context"],
                });
                let question = form("What context should the prompt use?", schema);
                return input_required(json!({ "user_context": question }), None);
            };
            let context = Value::Object(answer.clone());
            let context = context.pointer("/content/context").and_then(Value::as_str);
            vec![text(&format!("Context: {}", context.unwrap_or("none")))]
        }
        other => {
            let message = format!("no prompt of the name {other}");
            return Err(ErrorData::invalid_params(message, None));
        }
    };
    let messages: Vec<_> = contents
        .into_iter()
        .map(|content| json!({ "role": "user", "content": content }))
        .collect();
    let result: GetPromptResult = complete(json!({ "messages": messages }))?;
    Ok(result.into())
}
