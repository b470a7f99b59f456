//! One tool's entry in a list, as JSON.

use serde_json::json;
use serde_json::value::RawValue;

use super::super::members::Members;
use super::super::reply;
use super::Making;
use crate::policy::Requirements;
use crate::tools::ToolDescriptor;

const SECURITY_SCHEMES: &str = "securitySchemes";

impl Making<'_> {
    /// The scopes that something takes, as clients ask for them.
    pub(super) fn scopes(&self, requirements: &Requirements) -> Vec<String> {
        let scopes = self.policy.scopes_of(requirements);
        let asked_for = scopes.iter().map(|scope| self.prefix.to_ask_for(scope));
        asked_for.map(|scope| scope.to_string()).collect()
    }
}

/// `securitySchemes` stands at top level and again in `_meta`, because clients look in either place. All three hints are
/// written although two are defaults: an app review refuses tools that leave them out.
pub(super) fn built_in(tool: ToolDescriptor, scopes: &[String]) -> String {
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

/// An upstream's own words, member by member as it wrote them, but for the name and for what takes which scopes: that
/// is ours to say. Nothing if the upstream says something twice.
pub(super) fn of_upstream(json: &RawValue, name: &str, scopes: &[String]) -> Option<String> {
    let members = Members::of(json)?;
    let security_schemes = json!([{ "type": "oauth2", "scopes": scopes }]).to_string();
    let mut out = Vec::with_capacity(json.get().len() + 2 * security_schemes.len() + 64);
    out.push(b'{');
    for (key, value) in members.iter() {
        match key {
            SECURITY_SCHEMES | "_meta" => continue,
            "name" => {
                out.extend_from_slice(br#""name":"#);
                reply::string(&mut out, name);
            }
            key => {
                reply::string(&mut out, key);
                out.push(b':');
                out.extend_from_slice(value.get().as_bytes());
            }
        }
        out.push(b',');
    }
    let ours = [br#""securitySchemes":"#, security_schemes.as_bytes()].concat();
    out.extend_from_slice(&ours);
    out.extend_from_slice(br#","_meta":{"#);
    if let Some(meta) = members.get("_meta") {
        for (key, value) in Members::of(meta)?.iter() {
            if key != SECURITY_SCHEMES {
                reply::string(&mut out, key);
                out.push(b':');
                out.extend_from_slice(value.get().as_bytes());
                out.push(b',');
            }
        }
    }
    out.extend_from_slice(&ours);
    out.extend_from_slice(b"}}");
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let found = of_upstream(raw, "up__echo", &["mcp:write".to_owned()]);
        assert_eq!(found.as_deref(), expected, "{json}");
    }

    #[test]
    fn an_upstreams_words_stay_but_for_the_name_and_the_scopes() {
        check(
            r#"{"inputSchema" : {"$defs":{"n":1.50}, "type":"object"},"name":"echo","x-new":1e400}"#,
            Some(
                r#"{"inputSchema":{"$defs":{"n":1.50}, "type":"object"},"name":"up__echo","x-new":1e400,"securitySchemes":[{"type":"oauth2","scopes":["mcp:write"]}],"_meta":{"securitySchemes":[{"type":"oauth2","scopes":["mcp:write"]}]}}"#,
            ),
        );
        check(
            r#"{"name":"echo","securitySchemes":[],"_meta":{"a":[1, 2],"securitySchemes":[{"type":"noauth"}]}}"#,
            Some(
                r#"{"name":"up__echo","securitySchemes":[{"type":"oauth2","scopes":["mcp:write"]}],"_meta":{"a":[1, 2],"securitySchemes":[{"type":"oauth2","scopes":["mcp:write"]}]}}"#,
            ),
        );
    }

    #[test]
    fn a_tool_that_says_something_twice_is_not_listed() {
        check(r#"{"name":"echo","name":"other"}"#, None);
        check(r#"{"name":"echo","title":"a","title":"b"}"#, None);
        check(r#"{"name":"echo","_meta":{"a":1,"a":2}}"#, None);
        check(r#"{"name":"echo","_meta":7}"#, None);
    }
}
