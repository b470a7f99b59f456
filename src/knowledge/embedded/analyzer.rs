//! How a text becomes words that can be compared: the same for documents and questions.

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language as Stemmed, LowerCaser, RemoveLongFilter, SimpleTokenizer,
    Stemmer, StopWordFilter, TextAnalyzer,
};

use crate::knowledge::settings::Language;

/// Changes when the words of an existing index would no longer be the words of a question.
pub(super) const REVISION: u32 = 1;

/// Longer words are noise: encoded data, separators.
const LONGEST_WORD: usize = 40;

/// Split, lower case, without stop words, stemmed, without accents.
pub(super) fn build(language: Language) -> TextAnalyzer {
    let words = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(LONGEST_WORD))
        .filter(LowerCaser)
        .dynamic();
    let words = match stemmed(language) {
        Some(stemmed) => match StopWordFilter::new(stemmed) {
            Some(stop_words) => words.filter_dynamic(stop_words),
            None => words,
        }
        .filter_dynamic(Stemmer::new(stemmed)),
        None => words,
    };
    // After the stemmer, whose rules know the accents.
    words.filter_dynamic(AsciiFoldingFilter).build()
}

/// The name under which the engine finds the analyzer, and of the field that holds its words.
pub(super) fn name(language: Language) -> &'static str {
    match language {
        Language::Arabic => "text_ar",
        Language::Danish => "text_da",
        Language::Dutch => "text_nl",
        Language::English => "text_en",
        Language::Finnish => "text_fi",
        Language::French => "text_fr",
        Language::German => "text_de",
        Language::Greek => "text_el",
        Language::Hungarian => "text_hu",
        Language::Italian => "text_it",
        Language::None => "text",
        Language::Norwegian => "text_no",
        Language::Portuguese => "text_pt",
        Language::Romanian => "text_ro",
        Language::Russian => "text_ru",
        Language::Spanish => "text_es",
        Language::Swedish => "text_sv",
        Language::Tamil => "text_ta",
        Language::Turkish => "text_tr",
    }
}

fn stemmed(language: Language) -> Option<Stemmed> {
    Some(match language {
        Language::Arabic => Stemmed::Arabic,
        Language::Danish => Stemmed::Danish,
        Language::Dutch => Stemmed::Dutch,
        Language::English => Stemmed::English,
        Language::Finnish => Stemmed::Finnish,
        Language::French => Stemmed::French,
        Language::German => Stemmed::German,
        Language::Greek => Stemmed::Greek,
        Language::Hungarian => Stemmed::Hungarian,
        Language::Italian => Stemmed::Italian,
        Language::None => return None,
        Language::Norwegian => Stemmed::Norwegian,
        Language::Portuguese => Stemmed::Portuguese,
        Language::Romanian => Stemmed::Romanian,
        Language::Russian => Stemmed::Russian,
        Language::Spanish => Stemmed::Spanish,
        Language::Swedish => Stemmed::Swedish,
        Language::Tamil => Stemmed::Tamil,
        Language::Turkish => Stemmed::Turkish,
    })
}

/// The distinct words of a question, in the order asked, at most `most`.
pub(super) fn words(mut analyzer: TextAnalyzer, question: &str, most: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut stream = analyzer.token_stream(question);
    while words.len() < most && stream.advance() {
        let word = &stream.token().text;
        if !words.contains(word) {
            words.push(word.clone());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_by_stem_without_case_accent_and_stop_words() {
        let check = |language, question: &str, expected: &[&str]| {
            assert_eq!(words(build(language), question, 10), expected, "{question}");
        };
        check(
            Language::English,
            "The Café's deliveries",
            &["cafe", "s", "deliveri"],
        );
        check(
            Language::English,
            "delivery Delivered",
            &["deliveri", "deliv"],
        );
        check(
            Language::English,
            r#"acl:x" OR -(title:*)^9"#,
            &["acl", "x", "titl", "9"],
        );
        check(Language::German, "Die Häuser", &["haus"]);
        check(Language::None, "The Häuser", &["the", "hauser"]);
        check(Language::English, "", &[]);
        check(Language::English, "日本語", &["日本語"]);
    }
}
