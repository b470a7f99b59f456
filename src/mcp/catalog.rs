//! What `tools/list` shows: serialised once, and cut to what the caller may use.

use serde_json::json;

use crate::auth::Principal;
use crate::policy::{Operation, Policy};
use crate::tools::ToolDescriptor;

/// The tools, in the order they are listed.
#[derive(Debug)]
pub(crate) struct Catalog {
    tools: Vec<Entry>,
    /// The JSON array of all tools: what nearly every caller gets.
    all: String,
}

/// One tool.
#[derive(Debug)]
struct Entry {
    name: &'static str,
    json: String,
}

impl Catalog {
    /// The catalogue of `descriptors`, each needing `read_scope`.
    pub(crate) fn new(descriptors: Vec<ToolDescriptor>, read_scope: &str) -> Self {
        let tools: Vec<_> = descriptors
            .into_iter()
            .map(|descriptor| Entry {
                name: descriptor.name,
                json: as_json(descriptor, read_scope),
            })
            .collect();
        let all: Vec<_> = tools.iter().map(|tool| tool.json.as_str()).collect();
        let all = format!("[{}]", all.join(","));
        Self { tools, all }
    }

    /// The names of all tools.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.tools.iter().map(|tool| tool.name)
    }

    /// The name as the catalogue keeps it, if there is such a tool.
    pub(crate) fn name(&self, name: &str) -> Option<&'static str> {
        self.names().find(|known| *known == name)
    }

    /// Writes the JSON array of the tools that `principal` may call.
    pub(crate) fn write(&self, out: &mut Vec<u8>, policy: &Policy, principal: &Principal) {
        let may_call = |tool: &&Entry| {
            policy
                .decide(principal, Operation::CallTool(tool.name))
                .is_ok()
        };
        if self.tools.iter().all(|tool| may_call(&tool)) {
            out.extend_from_slice(self.all.as_bytes());
            return;
        }
        let visible: Vec<_> = self
            .tools
            .iter()
            .filter(may_call)
            .map(|tool| tool.json.as_str())
            .collect();
        out.push(b'[');
        out.extend_from_slice(visible.join(",").as_bytes());
        out.push(b']');
    }

    /// How many bytes the list of all tools has.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

/// `securitySchemes` stands at top level and again in `_meta`, because clients look in either place. All three hints are
/// written although two are defaults: an app review refuses tools that leave them out.
fn as_json(tool: ToolDescriptor, read_scope: &str) -> String {
    let security_schemes = json!([{ "type": "oauth2", "scopes": [read_scope] }]);
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": {
            "title": tool.title,
            "readOnlyHint": true,
            "destructiveHint": false,
            "openWorldHint": false,
        },
        "securitySchemes": security_schemes,
        "_meta": { "securitySchemes": security_schemes },
    })
    .to_string()
}
