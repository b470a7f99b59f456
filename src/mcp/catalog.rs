//! What `tools/list` shows: serialised once, and cut to what the caller may use.

use serde_json::json;

use crate::auth::{Principal, ScopePrefix, Scopes};
use crate::policy::{Kind, Policy, Requirements, Target};
use crate::tools::{self, ToolDescriptor};

/// The tools, in the order they are listed.
#[derive(Debug)]
pub(crate) struct Catalog {
    tools: Vec<Entry>,
    /// The JSON array of all tools: what nearly every caller gets.
    all: String,
    /// What the call of a tool takes that does not exist: no more is told of what exists and what does not.
    unknown: Requirements,
}

/// One tool.
#[derive(Debug)]
struct Entry {
    name: &'static str,
    json: String,
    requirements: Requirements,
}

/// The built-in tools, as the policy sees them.
#[must_use]
pub fn built_in_targets() -> Vec<Target<'static>> {
    tools::NAMES.into_iter().map(built_in).collect()
}

fn built_in(name: &str) -> Target<'_> {
    Target {
        kind: Kind::Tool,
        name,
        upstream: None,
        only_reads: true,
    }
}

impl Catalog {
    /// The catalogue of `descriptors`, each with what `policy` asks for it; clients ask for those scopes with the prefix.
    pub(crate) fn new(
        descriptors: Vec<ToolDescriptor>,
        policy: &Policy,
        prefix: &ScopePrefix,
    ) -> Self {
        let tools: Vec<_> = descriptors
            .into_iter()
            .map(|descriptor| {
                let requirements = policy.requirements(&built_in(descriptor.name));
                Entry {
                    name: descriptor.name,
                    json: as_json(descriptor, &policy.scopes_of(&requirements), prefix),
                    requirements,
                }
            })
            .collect();
        let all: Vec<_> = tools.iter().map(|tool| tool.json.as_str()).collect();
        let all = format!("[{}]", all.join(","));
        let unknown = policy.requirements(&built_in(""));
        Self {
            tools,
            all,
            unknown,
        }
    }

    /// The names of all tools.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.tools.iter().map(|tool| tool.name)
    }

    /// The name as the catalogue keeps it, if there is such a tool.
    pub(crate) fn name(&self, name: &str) -> Option<&'static str> {
        self.names().find(|known| *known == name)
    }

    /// What calling `name` takes, whether there is such a tool or not.
    pub(crate) fn requirements(&self, name: &str) -> &Requirements {
        let tool = self.tools.iter().find(|tool| tool.name == name);
        tool.map_or(&self.unknown, |tool| &tool.requirements)
    }

    /// Writes the JSON array of the tools that `principal` may call.
    pub(crate) fn write(&self, out: &mut Vec<u8>, policy: &Policy, principal: &Principal) {
        let standing = policy.standing(principal);
        let may_call = |tool: &&Entry| policy.allows(standing, &tool.requirements);
        if self.tools.iter().all(|tool| may_call(&tool)) {
            out.extend_from_slice(self.all.as_bytes());
            return;
        }
        out.push(b'[');
        for (place, tool) in self.tools.iter().filter(may_call).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(tool.json.as_bytes());
        }
        out.push(b']');
    }

    /// How many bytes the list of all tools has.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

/// `securitySchemes` stands at top level and again in `_meta`, because clients look in either place. All three hints are
/// written although two are defaults: an app review refuses tools that leave them out.
fn as_json(tool: ToolDescriptor, scopes: &Scopes, prefix: &ScopePrefix) -> String {
    let scopes = scopes.iter().map(|scope| prefix.to_ask_for(scope));
    let scopes: Vec<_> = scopes.map(|scope| scope.to_string()).collect();
    let security_schemes = json!([{ "type": "oauth2", "scopes": scopes }]);
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
