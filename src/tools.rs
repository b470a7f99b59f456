//! The tools that Usher answers itself: `search` and `fetch`.

mod arguments;
mod fetch;
mod page;
mod search;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::knowledge::Knowledge;

/// The tool that reads one document.
pub const FETCH: &str = fetch::NAME;

/// The names of the built-in tools, in the order listed. Both only read.
pub const NAMES: [&str; 2] = [search::NAME, fetch::NAME];

/// What a client is told of a built-in tool.
#[derive(Clone, Debug)]
pub struct ToolDescriptor {
    /// The name on the wire.
    pub name: &'static str,
    /// The title people see.
    pub title: &'static str,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema 2020-12 of the arguments.
    pub input_schema: Value,
    /// JSON Schema 2020-12 of `structuredContent`.
    pub output_schema: Value,
}

/// What a call gave.
#[derive(Debug)]
pub enum ToolOutcome {
    /// The object for `structuredContent`, already serialised; the same text goes into one text item.
    Structured(Box<RawValue>),
    /// A tool error (`isError: true`) with a sentence that a model can act on.
    Failed(String),
}

/// The built-in tools over the configured collections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tools {
    knowledge: Knowledge,
}

impl Tools {
    /// `search` and `fetch` over `knowledge`.
    #[must_use]
    pub fn new(knowledge: Knowledge) -> Self {
        Self { knowledge }
    }

    /// What `tools/list` shows, in a stable order.
    #[must_use]
    pub fn descriptors(&self) -> Vec<ToolDescriptor> {
        vec![search::descriptor(), fetch::descriptor()]
    }

    /// Calls the tool `name`; `None` if there is no such tool (JSON-RPC -32602, not a tool error).
    /// `arguments` is the raw JSON of `params.arguments`, if any.
    #[must_use]
    pub fn call(&self, name: &str, arguments: Option<&RawValue>) -> Option<ToolOutcome> {
        let called = match name {
            fetch::NAME => fetch::call(&self.knowledge, arguments),
            search::NAME => search::call(&self.knowledge, arguments),
            _ => return None,
        };
        Some(called.unwrap_or_else(ToolOutcome::Failed))
    }
}

/// A result object as it goes out.
fn structured(result: &impl serde::Serialize) -> Result<ToolOutcome, String> {
    serde_json::value::to_raw_value(result)
        .map(ToolOutcome::Structured)
        .map_err(|error| format!("The result could not be written as JSON: {error}."))
}
