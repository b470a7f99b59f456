//! An answer in a few words, for findings.

use crate::outbound::{End, Heard};

/// Status, kind and size, and what an HTML page calls itself: "403 with an HTML page \"Just a moment...\"".
pub(in crate::doctor) fn in_words(heard: &Heard) -> String {
    let kind = if heard.body.is_empty() {
        "without a body".to_owned()
    } else if is_html(heard) {
        match title(&heard.text()) {
            Some(title) => format!("with an HTML page titled {title:?}"),
            None => "with an HTML page".to_owned(),
        }
    } else {
        match heard.media_type().as_str() {
            "" => "without a content type".to_owned(),
            media_type => format!("with {media_type}"),
        }
    };
    let end = match heard.end {
        End::Complete => "",
        End::Cut => ", of which only the beginning was read",
        End::Late => ", which never ended",
        End::Broken(_) => ", which broke off",
    };
    format!("{} {kind}{end}", heard.status)
}

/// True for a page that a person is meant to read.
pub(in crate::doctor) fn is_html(heard: &Heard) -> bool {
    let beginning = String::from_utf8_lossy(heard.body.get(..256).unwrap_or(&heard.body));
    let beginning = beginning.trim_start().to_ascii_lowercase();
    heard.media_type() == "text/html"
        || ["<!doctype html", "<html"]
            .iter()
            .any(|mark| beginning.starts_with(mark))
}

/// The body as JSON, if it is all there and is some.
pub(in crate::doctor) fn json(heard: &Heard) -> Option<serde_json::Value> {
    serde_json::from_slice(&heard.body).ok()
}

fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower.get(from..)?.find('>')? + 1;
    let to = from + lower.get(from..)?.find("</title")?;
    let words: Vec<&str> = page.get(from..to)?.split_whitespace().collect();
    let title: String = words.join(" ").chars().take(80).collect();
    (!title.is_empty()).then_some(title)
}
