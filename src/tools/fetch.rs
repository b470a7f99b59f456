//! `fetch`: an id in, a document out, in parts if it is long.

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::page::{Page, PageId};
use super::{ToolDescriptor, ToolOutcome, arguments, structured};
use crate::knowledge::{DocumentId, Knowledge};

pub(super) const NAME: &str = "fetch";

/// Longer than any id.
const LONGEST_ID: usize = 200;

/// The result as ChatGPT's connectors expect it.
#[derive(Serialize)]
struct Fetched<'a> {
    id: &'a str,
    title: &'a str,
    text: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

pub(super) fn call(
    knowledge: &Knowledge,
    arguments: Option<&RawValue>,
) -> Result<ToolOutcome, String> {
    let asked = arguments::text(arguments, "id", LONGEST_ID)?;
    let asked = asked.trim();
    let unknown = || {
        "There is no document with this id. Use an id from a `search` result, unchanged.".to_owned()
    };
    let PageId { document, page } = asked.parse().map_err(|_not_an_id| unknown())?;
    let found = knowledge
        .document(document)
        .map_err(|error| error.to_string())?
        .ok_or_else(unknown)?;
    let most = knowledge.search_settings().page_characters;
    let page = Page::of(&found.text, page, most).map_err(|pages| no_such_part(document, pages))?;
    let metadata = page.metadata(document, &found.metadata);
    let metadata = serde_json::from_str(&metadata).ok();
    structured(&Fetched {
        id: asked,
        title: &found.title,
        text: &page.text(document),
        url: &found.url,
        metadata,
    })
}

fn no_such_part(document: DocumentId, parts: usize) -> String {
    match parts {
        1 => format!("The document has one part only. Fetch it as \"{document}\"."),
        _ => format!("The document has {parts} parts, \"{document}\" to \"{document}#{parts}\"."),
    }
}

pub(super) fn descriptor() -> ToolDescriptor {
    ToolDescriptor {
        name: NAME,
        title: "Fetch a document",
        description: "Gives the full text of a document found by `search`. A long document comes in parts: where \
                      `metadata.next_id` is present, fetch that id for the next part."
            .to_owned(),
        input_schema: json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "id": {
                    "type": "string",
                    "description": "The id of a `search` result, or a `next_id`."
                }
            },
            "required": ["id"]
        }),
        output_schema: json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "title": { "type": "string" },
                "text": { "type": "string", "description": "The text, or the part of it that was asked for." },
                "url": { "type": "string", "format": "uri", "description": "Cite this." },
                "metadata": {
                    "type": "object",
                    "description": "What else is known of the document.",
                    "properties": {
                        "truncated": { "type": "boolean", "description": "True if this is a part of the text." },
                        "total_chars": { "type": "integer", "description": "The length of the whole text." },
                        "next_id": { "type": "string", "description": "Fetch this for the next part." }
                    }
                }
            },
            "required": ["id", "title", "text", "url"],
            "additionalProperties": false
        }),
    }
}
