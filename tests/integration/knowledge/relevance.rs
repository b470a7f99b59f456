//! How good the answers are, on a public test collection with judged questions.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test panics where its data is not as expected"
)]

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use usher::knowledge::{CollectionSettings, Fields, Knowledge};

use crate::library::{Library, settled};

/// What BM25 over one combined field reaches is 0.68; less means that something in the analysis or the scoring broke.
const LEAST: f64 = 0.67;

/// Where shared test data is: beside the repository, or where `USHER_SHARED` says.
fn scifact() -> PathBuf {
    let shared = std::env::var_os("USHER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    shared.join("collections/scifact")
}

#[tokio::test]
async fn finds_what_judges_of_scifact_found_relevant() {
    let folder = scifact();
    if !folder.exists() {
        // Not with eprintln!, whose words a passing test keeps for itself.
        let notice = format!(
            "NOT TESTED: relevance. SciFact is not at {}; put it there or set USHER_SHARED to the folder above `collections`\n",
            folder.display()
        );
        drop(std::io::stderr().write_all(notice.as_bytes()));
        return;
    }
    let mut library = Library::new();
    library.settings.collections.push(CollectionSettings {
        fields: Fields {
            id: "_id".to_owned(),
            ..Fields::default()
        },
        ..CollectionSettings::from_path(folder.join("corpus.jsonl"))
    });
    let knowledge = library.opened().await;
    assert_eq!(settled(&knowledge).await.documents(), 5183);

    let judged = judgements(&folder);
    let questions = fs::read_to_string(folder.join("queries.jsonl")).expect("the questions");
    let mut gains = Vec::new();
    for line in questions.lines() {
        let question: serde_json::Value = serde_json::from_str(line).expect("a question");
        let id = question["_id"].as_str().expect("an id");
        if let Some(relevant) = judged.get(id) {
            let text = question["text"].as_str().expect("a text");
            gains.push(ndcg_at_10(&ranked(&knowledge, text), relevant));
        }
    }
    assert_eq!(gains.len(), 300);
    let mean = gains.iter().sum::<f64>() / 300.0;
    println!("nDCG@10 on SciFact: {mean:.4}");
    assert!(
        mean >= LEAST,
        "nDCG@10 is {mean:.4}, expected at least {LEAST}"
    );
    library.close().await;
}

/// Relevance by document, by question.
fn judgements(folder: &Path) -> HashMap<String, HashMap<String, f64>> {
    let table = fs::read_to_string(folder.join("qrels/test.tsv")).expect("the judgements");
    let mut judged: HashMap<String, HashMap<String, f64>> = HashMap::new();
    for row in table.lines().skip(1) {
        let [question, document, score] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("expected three columns, found {row}");
        };
        let score = score.parse().expect("a score");
        let relevant = judged.entry(question.to_owned()).or_default();
        relevant.insert(document.to_owned(), score);
    }
    judged
}

/// The records' own ids of the best ten.
fn ranked(knowledge: &Knowledge, question: &str) -> Vec<String> {
    let hits = knowledge.search(question).expect("an answer");
    let own_id = |id| {
        let document = knowledge.document(id).ok()??;
        let metadata: serde_json::Value = serde_json::from_str(&document.metadata).ok()?;
        Some(metadata["record"].as_str()?.to_owned())
    };
    hits.iter()
        .map(|hit| own_id(hit.id).expect("a record"))
        .collect()
}

/// As `trec_eval` counts it: linear gain, discounted by the logarithm of the rank, against the best possible order.
fn ndcg_at_10(ranked: &[String], relevant: &HashMap<String, f64>) -> f64 {
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        let ranks = gains.take(10).zip(2_u32..);
        ranks
            .map(|(gain, rank)| gain / f64::from(rank).log2())
            .sum()
    };
    let mut found = ranked
        .iter()
        .map(|id| relevant.get(id).copied().unwrap_or(0.0));
    let mut best: Vec<f64> = relevant.values().copied().collect();
    best.sort_by(|a, b| b.total_cmp(a));
    discounted(&mut found) / discounted(&mut best.into_iter())
}
