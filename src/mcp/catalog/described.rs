//! One entry of a list, as JSON.

use std::ops::Range;

use serde_json::json;
use serde_json::value::RawValue;

use super::super::members::{Members, is_object};
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

/// An upstream's own words with another `name` (or other address) in the place of `key`. Nothing if the upstream says
/// something twice.
pub(super) fn renamed(json: &RawValue, key: &str, name: &str) -> Option<String> {
    let mut changes = Changes::of(json)?;
    changes.rename(key, name);
    changes.applied()
}

/// The same for a tool, which is also told to take `scopes`: that is ours to say.
pub(super) fn tool_of_upstream(json: &RawValue, name: &str, scopes: &[String]) -> Option<String> {
    let mut changes = Changes::of(json)?;
    changes.rename("name", name);
    let schemes = json!([{ "type": "oauth2", "scopes": scopes }]).to_string();
    changes.set(json, SECURITY_SCHEMES, &schemes)?;
    let ours = format!(r#"{{"{SECURITY_SCHEMES}":{schemes}}}"#);
    match changes.members.get("_meta") {
        Some(meta) if is_object(meta) => changes.set(meta, SECURITY_SCHEMES, &schemes)?,
        Some(meta) if meta.get() == "null" => changes.replace(meta, ours),
        Some(_) => return None,
        None => changes.set(json, "_meta", &ours)?,
    }
    changes.applied()
}

/// Changes to a JSON text by their places in it: everything between them stays as it was written.
struct Changes<'a> {
    json: &'a RawValue,
    members: Members<'a>,
    /// What is put where, in the order it was asked for.
    changes: Vec<(Range<usize>, String)>,
}

impl<'a> Changes<'a> {
    fn of(json: &'a RawValue) -> Option<Self> {
        Some(Self {
            json,
            members: Members::of(json)?,
            changes: Vec::new(),
        })
    }

    fn rename(&mut self, key: &str, name: &str) {
        if let Some(value) = self.members.get(key) {
            let mut text = Vec::with_capacity(name.len() + 2);
            reply::string(&mut text, name);
            self.replace(value, String::from_utf8_lossy(&text).into_owned());
        }
    }

    /// Where `part`, a piece of this very text, lies in it.
    fn place(&self, part: &RawValue) -> Range<usize> {
        let start = part.get().as_ptr() as usize - self.json.get().as_ptr() as usize;
        start..start + part.get().len()
    }

    fn replace(&mut self, part: &RawValue, text: String) {
        let place = self.place(part);
        self.changes.push((place, text));
    }

    /// Gives a member of `object`, a piece of this text, another value, or adds it at the end.
    fn set(&mut self, object: &'a RawValue, key: &str, value: &str) -> Option<()> {
        let members = Members::of(object)?;
        if let Some(known) = members.get(key) {
            self.replace(known, value.to_owned());
            return Some(());
        }
        let end = self.place(object).end.checked_sub(1)?;
        let is_first = members.iter().next().is_none()
            && !self.changes.iter().any(|(place, _)| *place == (end..end));
        let comma = if is_first { "" } else { "," };
        self.changes
            .push((end..end, format!(r#"{comma}"{key}":{value}"#)));
        Some(())
    }

    fn applied(mut self) -> Option<String> {
        // Stable: what is put at one place stays in order.
        self.changes.sort_by_key(|(place, _)| place.start);
        let json = self.json.get();
        let added: usize = self.changes.iter().map(|(_, text)| text.len()).sum();
        let mut out = String::with_capacity(json.len() + added);
        let mut at = 0;
        for (place, text) in &self.changes {
            out.push_str(json.get(at..place.start)?);
            out.push_str(text);
            at = place.end;
        }
        out.push_str(json.get(at..)?);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("JSON")
    }

    fn check(json: &str, expected: Option<&str>) {
        let found = tool_of_upstream(raw(json), "up__echo", &["w".to_owned()]);
        assert_eq!(found.as_deref(), expected, "{json}");
    }

    #[test]
    fn an_upstreams_words_stay_byte_for_byte_but_for_the_name_and_the_scopes() {
        check(
            "{ \"inputSchema\" : {\"$defs\":{\"n\":1.50}, \"type\":\"object\"},\n\"name\":\"echo\" ,\"x-new\":1e400 }",
            Some(
                "{ \"inputSchema\" : {\"$defs\":{\"n\":1.50}, \"type\":\"object\"},\n\"name\":\"up__echo\" ,\"x-new\":1e400 ,\"securitySchemes\":[{\"type\":\"oauth2\",\"scopes\":[\"w\"]}],\"_meta\":{\"securitySchemes\":[{\"type\":\"oauth2\",\"scopes\":[\"w\"]}]}}",
            ),
        );
        check(
            r#"{"_meta":{"a":[1, 2]},"n\u0061me":"echo","securitySchemes":[]}"#,
            Some(
                r#"{"_meta":{"a":[1, 2],"securitySchemes":[{"type":"oauth2","scopes":["w"]}]},"n\u0061me":"up__echo","securitySchemes":[{"type":"oauth2","scopes":["w"]}]}"#,
            ),
        );
        check(
            r#"{"name":"echo","_meta":{ }}"#,
            Some(
                r#"{"name":"up__echo","_meta":{ "securitySchemes":[{"type":"oauth2","scopes":["w"]}]},"securitySchemes":[{"type":"oauth2","scopes":["w"]}]}"#,
            ),
        );
        check(
            r#"{"name":"echo","_meta":{"securitySchemes":[{"type":"noauth"}],"z":1},"securitySchemes":7}"#,
            Some(
                r#"{"name":"up__echo","_meta":{"securitySchemes":[{"type":"oauth2","scopes":["w"]}],"z":1},"securitySchemes":[{"type":"oauth2","scopes":["w"]}]}"#,
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

    #[test]
    fn of_prompts_and_resources_only_the_name_changes() {
        let found = renamed(
            raw(r#"{"uri" : "a:b","name":"é\"" , "x":1.0}"#),
            "uri",
            "c:\"d",
        );
        assert_eq!(
            found.as_deref(),
            Some(r#"{"uri" : "c:\"d","name":"é\"" , "x":1.0}"#)
        );
    }
}
