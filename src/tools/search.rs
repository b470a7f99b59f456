//! `search`: a question in, up to 25 titles with ids and addresses out.

use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::{ToolDescriptor, ToolOutcome, arguments, structured};
use crate::knowledge::{Hit, Knowledge};

pub(super) const NAME: &str = "search";

/// A longer question is a document.
const LONGEST_QUESTION: usize = 4_000;

/// The result as ChatGPT's connectors expect it: `{"results":[{"id","title","url"}]}` and nothing else.
#[derive(Serialize)]
struct Results<'a> {
    #[serde(serialize_with = "results")]
    results: &'a [Hit],
}

fn results<S: Serializer>(hits: &[Hit], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Item<'a> {
        id: crate::knowledge::DocumentId,
        title: &'a str,
        url: &'a str,
    }
    serializer.collect_seq(hits.iter().map(|hit| Item {
        id: hit.id,
        title: &hit.title,
        url: &hit.url,
    }))
}

pub(super) fn call(
    knowledge: &Knowledge,
    arguments: Option<&RawValue>,
) -> Result<ToolOutcome, String> {
    let question = arguments::text(arguments, "query", LONGEST_QUESTION)?;
    let hits = knowledge
        .search(&question)
        .map_err(|error| error.to_string())?;
    structured(&Results { results: &hits })
}

pub(super) fn descriptor() -> ToolDescriptor {
    ToolDescriptor {
        name: NAME,
        title: "Search documents",
        description: "Finds documents of this organisation by the words in them, best match first. Give the words that the \
                      document would contain; quotes and operators have no meaning. Read a result with `fetch` and its id."
            .to_owned(),
        input_schema: json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "query": {
                    "type": "string",
                    "description": "What to look for, in words."
                }
            },
            "required": ["query"]
        }),
        output_schema: json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "results": {
                    "type": "array",
                    "description": "The matching documents, best first; empty if none matches.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "id": { "type": "string", "description": "Give this to `fetch`." },
                            "title": { "type": "string" },
                            "url": { "type": "string", "format": "uri", "description": "Cite this." }
                        },
                        "required": ["id", "title", "url"],
                        "additionalProperties": false
                    }
                }
            },
            "required": ["results"],
            "additionalProperties": false
        }),
    }
}
