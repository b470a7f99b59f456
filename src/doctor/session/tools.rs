//! Whether the tools that are listed are what a client wants of them.

use serde_json::Value;

use crate::clients::{KnownClient, Search};
use crate::doctor::Finding;
use crate::doctor::checks::session::{SEARCH_AND_FETCH_LISTED, TOOL_SCHEMAS, TOOLS_LISTED};

/// The tools of a list.
pub(super) struct Listed<'l> {
    tools: Vec<&'l Value>,
}

impl<'l> Listed<'l> {
    pub(super) fn of(result: &'l Value) -> Self {
        let tools = result.get("tools").and_then(Value::as_array);
        Self {
            tools: tools.into_iter().flatten().collect(),
        }
    }

    /// The tool of this name.
    pub(super) fn tool(&self, name: &str) -> Option<&'l Value> {
        let mut tools = self.tools.iter().copied();
        tools.find(|tool| tool.get("name").and_then(Value::as_str) == Some(name))
    }

    /// From "there are tools" to what each client wants of two of them.
    pub(super) fn judge(&self, clients: &[KnownClient]) -> Vec<Finding> {
        if self.tools.is_empty() {
            return vec![
                Finding::failure(&TOOLS_LISTED, "no tools")
                    .expected("at least one tool that this user may see"),
            ];
        }
        let mut findings = vec![Finding::ok(&TOOLS_LISTED, format!("{}", self.tools.len()))];
        let missing: Vec<_> = ["search", "fetch"]
            .into_iter()
            .filter(|name| self.tool(name).is_none())
            .collect();
        let wants = |client: &KnownClient| client.needs().tools == Search::Connector;
        let wanting = clients.iter().copied().find(wants);
        match (missing.as_slice(), wanting) {
            ([], _) => findings.push(Finding::ok(&SEARCH_AND_FETCH_LISTED, "both")),
            (_, None) => {
                let why = "no client that was asked about needs them";
                findings.push(Finding::skipped(&SEARCH_AND_FETCH_LISTED, why));
            }
            (missing, Some(client)) => {
                let found = format!("no {}", missing.join(" and no "));
                let finding = Finding::failure(&SEARCH_AND_FETCH_LISTED, found).with_client(client);
                findings.push(finding.expected("search and fetch, by these very names"));
            }
        }
        if missing.is_empty() {
            findings.push(self.schemas(wanting));
        }
        findings
    }

    fn schemas(&self, wanting: Option<KnownClient>) -> Finding {
        let tools = [("search", "query", "results"), ("fetch", "id", "text")];
        let problems = tools.into_iter().filter_map(|(name, argument, output)| {
            let problems = problems(self.tool(name)?, argument, output, wanting.is_some());
            (!problems.is_empty()).then(|| format!("{name}: {}", problems.join(", ")))
        });
        let problems: Vec<_> = problems.collect();
        if problems.is_empty() {
            let found = "schemas, annotations and security schemes are there";
            return Finding::ok(
                &TOOL_SCHEMAS,
                if wanting.is_some() {
                    found
                } else {
                    "schemas are there"
                },
            );
        }
        let finding = Finding::failure(&TOOL_SCHEMAS, problems.join("; ")).expected(
            "one text argument (query, id), an output schema, readOnlyHint, destructiveHint and openWorldHint, and the \
             security schemes",
        );
        match wanting {
            Some(client) => finding.with_client(client),
            None => finding,
        }
    }
}

/// What of a tool is not as <https://developers.openai.com/api/docs/mcp> has it.
fn problems(tool: &Value, argument: &str, output: &str, is_strict: bool) -> Vec<String> {
    let at = |pointer: &str| tool.pointer(pointer);
    let mut problems = Vec::new();
    let mut unless = |is_good: bool, problem: String| {
        if !is_good {
            problems.push(problem);
        }
    };
    let kind = at(&format!("/inputSchema/properties/{argument}/type")).and_then(Value::as_str);
    unless(
        kind == Some("string"),
        format!("no text argument {argument}"),
    );
    let required = at("/inputSchema/required")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    unless(required <= 1, "more than one required argument".to_owned());
    if !is_strict {
        return problems;
    }
    let has_output = at(&format!("/outputSchema/properties/{output}")).is_some();
    unless(has_output, format!("no output schema with {output}"));
    for hint in ["readOnlyHint", "destructiveHint", "openWorldHint"] {
        let is_said = at(&format!("/annotations/{hint}")).is_some_and(Value::is_boolean);
        unless(is_said, format!("no {hint}"));
    }
    let schemes = at("/securitySchemes").or_else(|| at("/_meta/securitySchemes"));
    let has_schemes = schemes
        .and_then(Value::as_array)
        .is_some_and(|schemes| !schemes.is_empty());
    unless(has_schemes, "no securitySchemes".to_owned());
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Verdict;

    fn tool(name: &str, argument: &str, output: &str) -> Value {
        json!({
            "name": name,
            "inputSchema": { "type": "object", "properties": { argument: { "type": "string" } }, "required": [argument] },
            "outputSchema": { "type": "object", "properties": { output: {} } },
            "annotations": { "readOnlyHint": true, "destructiveHint": false, "openWorldHint": false },
            "securitySchemes": [{ "type": "oauth2", "scopes": ["mcp:read"] }],
        })
    }

    fn verdicts(tools: &[Value], client: KnownClient) -> Vec<(&'static str, Verdict)> {
        let result = json!({ "tools": tools });
        let findings = Listed::of(&result).judge(&[client]);
        findings
            .iter()
            .map(|finding| (finding.check.id, finding.verdict))
            .collect()
    }

    #[test]
    fn chatgpt_wants_both_tools_with_everything_and_others_take_what_there_is() {
        let (search, fetch) = (
            tool("search", "query", "results"),
            tool("fetch", "id", "text"),
        );
        let all = [search.clone(), fetch.clone()];
        let good = |found: Vec<(&'static str, Verdict)>| {
            found.iter().all(|(_, verdict)| *verdict == Verdict::Ok)
        };
        assert!(good(verdicts(&all, KnownClient::ChatGpt)));
        assert!(good(verdicts(&all, KnownClient::Claude)));

        assert_eq!(
            verdicts(&[], KnownClient::Claude),
            [("tools-listed", Verdict::Failure)]
        );
        let half = verdicts(std::slice::from_ref(&search), KnownClient::ChatGpt);
        assert_eq!(
            half.last(),
            Some(&("search-and-fetch-listed", Verdict::Failure))
        );
        let half = verdicts(std::slice::from_ref(&search), KnownClient::Claude);
        assert_eq!(
            half.last(),
            Some(&("search-and-fetch-listed", Verdict::Skipped))
        );

        for (pointer, problem) in [
            ("/outputSchema", "no output schema"),
            ("/annotations/openWorldHint", "no openWorldHint"),
            ("/securitySchemes", "no securitySchemes"),
            ("/inputSchema/properties/id/type", "no text argument id"),
        ] {
            let mut changed = fetch.clone();
            *changed.pointer_mut(pointer).expect(pointer) = Value::Null;
            let result = json!({ "tools": [search.clone(), changed] });
            let findings = Listed::of(&result).judge(&[KnownClient::ChatGpt]);
            let last = findings.last().expect("a finding");
            assert_eq!(
                (last.check.id, last.verdict),
                ("tool-schemas", Verdict::Failure)
            );
            assert!(last.found.contains(problem), "{}", last.found);
        }
    }
}
