//! One search and one fetch, as a client would do them.

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::tools::Listed;
use super::{Needed, could_not};
use crate::doctor::Finding;
use crate::doctor::checks::session::{FETCH_WORKS, SEARCH_WORKS};

/// Nearly every document has one of these words: numbers, years, and what is common in letters, wikis and records. Stop
/// words are left out of an index, so that they would find nothing.
const COMMON_WORDS: &str = "1 2 3 10 100 2023 2024 2025 2026 name date page order information contact document new use user time \
                            work data help support seite datum dokument page information nombre fecha";

/// Searches, and fetches the first of what was found.
pub(super) async fn check(
    conversation: &Conversation<'_>,
    tools: &Listed<'_>,
    needed: &Needed<'_>,
) -> Vec<Finding> {
    if tools.tool("search").is_none() {
        let skipped = |check| Finding::skipped(check, "there is no such tool");
        return vec![skipped(&SEARCH_WORKS), skipped(&FETCH_WORKS)];
    }
    let query = needed.query.unwrap_or(COMMON_WORDS);
    let arguments = json!({ "name": "search", "arguments": { "query": query } });
    let result = match conversation
        .call("tools/call", arguments, Some("search"))
        .await
    {
        Ok(result) => result,
        Err(problem) => {
            return vec![
                could_not(&SEARCH_WORKS, problem).expected("results"),
                Finding::skipped(&FETCH_WORKS, "the search failed"),
            ];
        }
    };
    match first_id(&result) {
        Err(problem) => {
            let found = match needed.query {
                Some(query) => format!("{problem} ({query:?})"),
                None => problem,
            };
            vec![
                Finding::failure(&SEARCH_WORKS, found)
                    .expected("at least one result with id, title and url, in structuredContent and again as text"),
                Finding::skipped(&FETCH_WORKS, "nothing was found to fetch"),
            ]
        }
        Ok((id, how_many)) => {
            let found = format!("{how_many} results");
            vec![
                Finding::ok(&SEARCH_WORKS, found),
                fetch(conversation, tools, &id).await,
            ]
        }
    }
}

async fn fetch(conversation: &Conversation<'_>, tools: &Listed<'_>, id: &str) -> Finding {
    if tools.tool("fetch").is_none() {
        return Finding::skipped(&FETCH_WORKS, "there is no such tool");
    }
    let arguments = json!({ "name": "fetch", "arguments": { "id": id } });
    match conversation
        .call("tools/call", arguments, Some("fetch"))
        .await
    {
        Err(problem) => could_not(&FETCH_WORKS, problem).expected("the document"),
        Ok(result) => match document(&result) {
            Ok(characters) => Finding::ok(&FETCH_WORKS, format!("{characters} characters")),
            Err(problem) => Finding::failure(&FETCH_WORKS, problem)
                .expected("id, title, text and url of the document"),
        },
    }
}

/// The object that a tool answered with; the same stands as text in `content`.
fn structured(result: &Value) -> Result<&Value, String> {
    let text = result
        .pointer("/content/0/text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if result.get("isError") == Some(&Value::Bool(true)) {
        return Err(format!(
            "the tool says: {}",
            text.chars().take(200).collect::<String>()
        ));
    }
    let structured = result
        .get("structuredContent")
        .ok_or("no structuredContent")?;
    let repeated: Option<Value> = serde_json::from_str(text).ok();
    if repeated.as_ref() != Some(structured) {
        return Err("the text item is not the same JSON as structuredContent".to_owned());
    }
    Ok(structured)
}

fn first_id(result: &Value) -> Result<(String, usize), String> {
    let results = structured(result)?.get("results").and_then(Value::as_array);
    let results = results.ok_or("no list `results`")?;
    let first = results.first().ok_or("nothing is found")?;
    let has = |name: &str| {
        first
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    if let Some(missing) = ["id", "title", "url"].into_iter().find(|name| !has(name)) {
        return Err(format!("a result without {missing}"));
    }
    let id = first.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok((id.to_owned(), results.len()))
}

fn document(result: &Value) -> Result<usize, String> {
    let document = structured(result)?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if let Some(missing) = ["id", "title", "url"]
        .into_iter()
        .find(|name| text(name).is_none())
    {
        return Err(format!("a document without {missing}"));
    }
    match text("text") {
        Some(text) if !text.is_empty() => Ok(text.chars().count()),
        Some(_) => Err("a document without a text".to_owned()),
        None => Err("no `text`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(structured: &Value) -> Value {
        json!({ "structuredContent": structured, "content": [{ "type": "text", "text": structured.to_string() }] })
    }

    #[test]
    fn a_search_gives_the_first_id_or_says_what_is_wrong() {
        let item = json!({ "id": "a", "title": "A", "url": "https://a.test" });
        assert_eq!(
            first_id(&answer(&json!({ "results": [item, item] }))),
            Ok(("a".to_owned(), 2))
        );
        for (result, problem) in [
            (answer(&json!({ "results": [] })), "nothing is found"),
            (
                answer(&json!({ "results": [{ "id": "a", "title": "A", "url": "" }] })),
                "without url",
            ),
            (answer(&json!({})), "no list"),
            (json!({ "content": [] }), "no structuredContent"),
            (
                json!({ "structuredContent": { "results": [] }, "content": [{ "text": "else" }] }),
                "not the same JSON",
            ),
            (
                json!({ "isError": true, "content": [{ "text": "no index" }] }),
                "the tool says: no index",
            ),
        ] {
            let found = first_id(&result).expect_err(problem);
            assert!(found.contains(problem), "{found}");
        }
    }

    #[test]
    fn a_document_has_a_text() {
        let good = json!({ "id": "a", "title": "A", "url": "u", "text": "words" });
        assert_eq!(document(&answer(&good)), Ok(5));
        let empty = json!({ "id": "a", "title": "A", "url": "u", "text": "" });
        assert!(document(&answer(&empty)).is_err());
        assert!(document(&answer(&json!({ "text": "words" }))).is_err());
    }
}
