//! The suite's tools, but for those in [`crate::rounds`].

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, ErrorData};
use serde_json::{Value, json};

use crate::Era;
use crate::ask::complete;
use crate::rounds;

/// One red pixel.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";
/// No sound at all.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

const WITHOUT_ARGUMENTS: &[&str] = &[
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_error_handling",
    "test_tool_with_progress",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_reconnection",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_logging_tool",
];

/// All of them; `changes` is how often the list was changed.
pub(crate) fn list(era: Era, changes: usize) -> Value {
    let rounds = rounds::NAMES.iter();
    let rounds = rounds.map(|name| format!("{}{name}", rounds::PREFIX));
    let rounds = rounds.filter(|_| era == Era::Modern);
    let names = WITHOUT_ARGUMENTS.iter().map(ToString::to_string);
    let mut tools: Vec<_> = names
        .chain(rounds)
        .map(|name| tool(&name, json!({ "type": "object", "properties": {} })))
        .collect();
    let text = |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } }, "required": [name] });
    tools.extend([
        tool("test_sampling", text("prompt")),
        tool("test_elicitation", text("message")),
        mirroring(),
        tool("json_schema_2020_12_tool", schema_2020_12()),
        json!({
            "name": "changed",
            "description": format!("Changed {changes} times"),
            "inputSchema": { "type": "object" },
        }),
    ]);
    json!({ "tools": tools })
}

/// The tool with an argument that a header mirrors (SEP-2243).
pub(crate) fn mirroring() -> Value {
    let value = json!({ "type": "string", "x-mcp-header": "Value" });
    let schema =
        json!({ "type": "object", "properties": { "value": value }, "required": ["value"] });
    tool("test_custom_header", schema)
}

fn tool(name: &str, schema: Value) -> Value {
    json!({ "name": name, "description": "For the conformance suite", "inputSchema": schema })
}

/// Every keyword that the scenario `json-schema-2020-12` looks for.
fn schema_2020_12() -> Value {
    let street_and_city = json!({ "street": { "type": "string" }, "city": { "type": "string" } });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": { "$anchor": "addressDef", "type": "object", "properties": street_and_city },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

/// A result of one text.
pub(crate) fn said(text: &str) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

/// The tools that always answer the same.
pub(crate) fn constant(name: &str) -> Option<Result<CallToolResponse, ErrorData>> {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
    let resource = |uri: &str, mime: &str, text: &str| {
        let resource = json!({ "uri": uri, "mimeType": mime, "text": text });
        json!({ "type": "resource", "resource": resource })
    };
    let content = match name {
        "test_simple_text" => json!([text("This is a simple text response for testing.")]),
        "test_image_content" => json!([image]),
        "test_audio_content" => {
            json!([{ "type": "audio", "data": WAV, "mimeType": "audio/wav" }])
        }
        "test_embedded_resource" => json!([resource(
            "test://embedded-resource",
            "text/plain",
            "This is an embedded resource content."
        )]),
        "test_multiple_content_types" => json!([
            text("Multiple content types test:"),
            image,
            resource(
                "test://mixed-content-resource",
                "application/json",
                r#"{"test":"data","value":123}"#
            ),
        ]),
        "test_error_handling" => {
            let content = json!([text("This tool intentionally returns an error for testing")]);
            let result = json!({ "content": content, "isError": true });
            return Some(complete::<CallToolResult>(result).map(Into::into));
        }
        "json_schema_2020_12_tool" => json!([text("It is the schema that counts.")]),
        _ => return None,
    };
    Some(complete::<CallToolResult>(json!({ "content": content })).map(Into::into))
}

/// What `test_elicitation` asks for.
pub(crate) fn person() -> Value {
    json!({
        "type": "object",
        "properties": {
            "username": { "type": "string", "description": "User's response" },
            "email": { "type": "string", "description": "User's email address" },
        },
        "required": ["username", "email"],
    })
}

/// A default for each primitive type (SEP-1034).
pub(crate) fn defaults() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "default": "John Doe" },
            "age": { "type": "integer", "default": 30 },
            "score": { "type": "number", "default": 95.5 },
            "status": {
                "type": "string", "enum": ["active", "inactive", "pending"], "default": "active",
            },
            "verified": { "type": "boolean", "default": true },
        },
        "required": [],
    })
}

/// Every kind of enumeration (SEP-1330).
pub(crate) fn enums() -> Value {
    let titled = |names: [&str; 3]| {
        let one = |(at, name)| json!({ "const": format!("value{at}"), "title": name });
        json!((1..).zip(names).map(one).collect::<Vec<_>>())
    };
    let options = json!(["option1", "option2", "option3"]);
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": { "type": "string", "enum": options },
            "titledSingle": {
                "type": "string",
                "oneOf": titled(["First Option", "Second Option", "Third Option"]),
            },
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
            "titledMulti": {
                "type": "array",
                "items": { "anyOf": titled(["First Choice", "Second Choice", "Third Choice"]) },
            },
        },
        "required": [],
    })
}
