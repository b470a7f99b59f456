//! Questions of every kind, through the tools.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

use serde_json::Value;
use serde_json::value::RawValue;
use usher::knowledge::Knowledge;
use usher::tools::{ToolOutcome, Tools};

use crate::library::Library;

/// A result object, or the sentence of a tool error.
fn call(knowledge: &Knowledge, tool: &str, arguments: &Value) -> Result<Value, String> {
    let arguments = RawValue::from_string(arguments.to_string()).expect("JSON");
    let called = Tools::new(knowledge.clone()).call(tool, Some(&arguments));
    match called.expect("a tool of ours") {
        ToolOutcome::Structured(result) => Ok(serde_json::from_str(result.get()).expect("JSON")),
        ToolOutcome::Failed(sentence) => Err(sentence),
    }
}

fn search(knowledge: &Knowledge, query: &str) -> Vec<String> {
    let found = call(knowledge, "search", &serde_json::json!({ "query": query }));
    let found = found.expect("an answer");
    let results = found["results"].as_array().expect("results");
    let titles = results
        .iter()
        .map(|result| result["title"].as_str().expect("a title").to_owned());
    titles.collect()
}

#[tokio::test]
async fn results_have_the_members_that_clients_know_and_no_others() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "# Title\n\nquartz \"quoted\" ü");
    let knowledge = library.opened().await;
    let found = call(
        &knowledge,
        "search",
        &serde_json::json!({"query": "quartz"}),
    )
    .expect("results");
    let id = found["results"][0]["id"].as_str().expect("an id");
    let url = format!("https://mcp.example.com/documents/{id}");
    assert_eq!(
        found,
        serde_json::json!({"results": [{"id": id, "title": "Title", "url": url}]})
    );
    let fetched = call(&knowledge, "fetch", &serde_json::json!({"id": id})).expect("a document");
    assert_eq!(
        fetched,
        serde_json::json!({
            "id": id, "title": "Title", "text": "# Title\n\nquartz \"quoted\" ü", "url": url,
            "metadata": {"path": "a.md", "collection": "docs"}
        })
    );
    let nothing = call(
        &knowledge,
        "search",
        &serde_json::json!({"query": "zircon"}),
    );
    assert_eq!(nothing, Ok(serde_json::json!({"results": []})));
    library.close().await;
}

#[tokio::test]
async fn nothing_in_a_question_is_an_operator() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    library.write("docs/b.md", "acl feldspar");
    let knowledge = library.opened().await;
    for (question, expected) in [
        ("quartz", vec!["a"]),
        (r#"collection:docs quartz"#, vec!["a"]),
        (r#"acl:x" OR -"#, vec!["b"]),
        ("-quartz", vec!["a"]),
        ("+quartz AND NOT feldspar", vec!["a", "b"]),
        ("quart*", vec![]),
        ("quart?", vec![]),
        ("quarts~2", vec![]),
        ("[a TO z]", vec![]),
        ("*", vec![]),
        ("* OR text_en:*", vec![]),
        ("\"", vec![]),
        ("\\", vec![]),
        ("((((((", vec![]),
        ("the of and", vec![]),
        ("\u{0}\u{1}\u{202e}quartz\u{feff}", vec!["a"]),
        ("QUARTZ", vec!["a"]),
        ("ｑｕａｒｔｚ", vec!["a"]),
        ("🧁 quartz 🧁", vec!["a"]),
        ("日本語 العربية", vec![]),
    ] {
        let mut found = search(&knowledge, question);
        found.sort();
        assert_eq!(found, expected, "{question}");
    }
    library.close().await;
}

#[tokio::test]
async fn bad_arguments_are_sentences_that_a_model_can_act_on() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    let knowledge = library.opened().await;
    let long = "quartz ".repeat(1_500);
    let unknown = "no document with this id";
    for (tool, arguments, expected) in [
        (
            "search",
            serde_json::json!({}),
            "`query` as a string, found none",
        ),
        ("search", serde_json::json!({"query": 1}), "another type"),
        ("search", serde_json::json!({"query": ""}), "an empty one"),
        (
            "search",
            serde_json::json!({"query": long}),
            "at most 4000 bytes, found 10500",
        ),
        ("search", serde_json::json!(["quartz"]), "no JSON object"),
        (
            "fetch",
            serde_json::json!({}),
            "`id` as a string, found none",
        ),
        ("fetch", serde_json::json!({"id": true}), "another type"),
        ("fetch", serde_json::json!({"id": "1"}), unknown),
        (
            "fetch",
            serde_json::json!({"id": "000000000000000000000000"}),
            unknown,
        ),
        (
            "fetch",
            serde_json::json!({"id": "000000000000000000000000#2"}),
            unknown,
        ),
        ("fetch", serde_json::json!({"id": "../docs/a.md"}), unknown),
        (
            "fetch",
            serde_json::json!({"id": "x".repeat(10_000)}),
            "at most 200 bytes",
        ),
    ] {
        let sentence = call(&knowledge, tool, &arguments).expect_err("a refusal");
        assert!(
            sentence.contains(expected),
            "{tool} {arguments}: {sentence}"
        );
    }
    assert!(Tools::new(knowledge.clone()).call("delete", None).is_none());
    library.close().await;
}

#[tokio::test]
async fn a_long_document_comes_in_parts_that_name_the_next() {
    let mut library = Library::new();
    library.settings.search.page_characters = 1_000;
    library.collection("docs");
    let text: String = (0..700).map(|n| format!("grüne Zeile {n}\n")).collect();
    library.write("docs/long.txt", &text);
    let knowledge = library.opened().await;
    let found =
        call(&knowledge, "search", &serde_json::json!({"query": "Zeile"})).expect("results");
    let first = found["results"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (mut id, mut whole) = (first.clone(), String::new());
    loop {
        let part = call(&knowledge, "fetch", &serde_json::json!({"id": id})).expect("a part");
        assert_eq!(part["id"], id);
        assert_eq!(part["metadata"]["truncated"], true);
        assert_eq!(part["metadata"]["total_chars"], text.chars().count());
        let shown = part["text"].as_str().expect("a text");
        let Some(next) = part["metadata"]["next_id"].as_str() else {
            whole.push_str(shown);
            break;
        };
        let (content, mark) = shown.split_once("\n\n[Cut here").expect("a visible mark");
        assert!(mark.contains(next), "{mark}");
        assert!(content.chars().count() <= 1_000);
        whole.push_str(content);
        next.clone_into(&mut id);
    }
    assert_eq!(whole, text);
    let beyond = serde_json::json!({"id": format!("{first}#99")});
    let sentence = call(&knowledge, "fetch", &beyond).expect_err("a refusal");
    assert!(sentence.contains("The document has "), "{sentence}");
    library.close().await;
}

#[tokio::test]
async fn a_search_gives_as_many_results_as_configured() {
    let mut library = Library::new();
    library.settings.search.results = 3;
    library.collection("docs");
    for n in 0..9 {
        library.write(&format!("docs/{n}.txt"), format!("quartz {n}"));
    }
    let knowledge = library.opened().await;
    assert_eq!(search(&knowledge, "quartz").len(), 3);
    library.close().await;
}
