//! Markdown: `fetch` gives it as written, questions are compared with its words.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::Extracted;

/// Title and text of a Markdown file.
pub(super) fn extract(source: &str) -> Extracted {
    let (front_matter, body) = split_front_matter(source);
    let mut reading = Reading::default();
    let extensions = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    for event in Parser::new_ext(body, extensions) {
        reading.take(&event);
    }
    Extracted {
        title: front_matter
            .and_then(title_in_front_matter)
            .or(reading.first_top_heading)
            .or(reading.first_heading),
        text: body.to_owned(),
        searchable: Some(reading.words),
    }
}

#[derive(Default)]
struct Reading {
    words: String,
    heading: Option<(HeadingLevel, String)>,
    first_heading: Option<String>,
    first_top_heading: Option<String>,
}

impl Reading {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some((*level, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                self.words.push('\n');
                self.end_heading();
            }
            Event::Text(text) | Event::Code(text) => {
                self.words.push_str(text);
                if let Some((_, heading)) = &mut self.heading {
                    heading.push_str(text);
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => push_without_tags(&mut self.words, html),
            Event::End(
                TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link,
            )
            | Event::Start(_) => {}
            _ => self.words.push(' '),
        }
    }

    fn end_heading(&mut self) {
        let Some((level, heading)) = self.heading.take() else {
            return;
        };
        if heading.trim().is_empty() {
            return;
        }
        if level == HeadingLevel::H1 && self.first_top_heading.is_none() {
            self.first_top_heading = Some(heading.clone());
        }
        if self.first_heading.is_none() {
            self.first_heading = Some(heading);
        }
    }
}

/// Appends the text between tags. Good enough for words; nothing is rendered from it.
fn push_without_tags(words: &mut String, html: &str) {
    for part in html.split('<') {
        let text = part.split_once('>').map_or(part, |(_tag, text)| text);
        words.push_str(text);
        words.push(' ');
    }
}

/// Splits YAML (`---`) or TOML (`+++`) front matter from the text below it.
fn split_front_matter(source: &str) -> (Option<&str>, &str) {
    for fence in ["---", "+++"] {
        let Some(rest) = source.strip_prefix(fence) else {
            continue;
        };
        let Some(rest) = rest
            .trim_start_matches([' ', '\t', '\r'])
            .strip_prefix('\n')
        else {
            continue;
        };
        let mut offset = 0;
        for line in rest.split_inclusive('\n') {
            if line.trim_end() == fence {
                let (front_matter, body) = rest.split_at(offset);
                let body = body.get(line.len()..).unwrap_or_default();
                return (Some(front_matter), body.trim_start_matches(['\r', '\n']));
            }
            offset += line.len();
        }
    }
    (None, source)
}

/// The value of a plain top-level `title:` (YAML) or `title =` (TOML) line.
fn title_in_front_matter(front_matter: &str) -> Option<String> {
    front_matter.lines().find_map(|line| {
        let value = line.strip_prefix("title")?.trim_start();
        let value = value.strip_prefix([':', '='])?.trim();
        let bare = ['"', '\'']
            .iter()
            .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
            .unwrap_or(value);
        (!bare.is_empty()).then(|| bare.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_front_matter_then_first_top_heading_then_first_heading() {
        for (source, title) in [
            (
                "---\ntitle: From matter\n---\n# Heading",
                Some("From matter"),
            ),
            (
                "---\ntitle: \"Quoted: yes\"\n---\n# Heading",
                Some("Quoted: yes"),
            ),
            ("+++\ntitle = 'TOML'\n+++\ntext", Some("TOML")),
            ("---\r\ntitle: Windows\r\n---\r\ntext", Some("Windows")),
            (
                "---\ntags: [a]\n---\n## Small\n# Big *one*",
                Some("Big one"),
            ),
            ("Intro\n\n## Only `small`", Some("Only small")),
            ("---\ntitle: never closed\n# Heading", Some("Heading")),
            ("no heading at all", None),
            ("#\n\ntext", None),
            ("", None),
        ] {
            assert_eq!(extract(source).title.as_deref(), title, "{source}");
        }
    }

    #[test]
    fn fetch_gets_the_text_as_written_and_questions_get_its_words() {
        let extracted = extract(
            "---\ntitle: T\n---\n\n# A *b*\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n<p>raw</p>\n\n[link](https://hidden.example)",
        );
        assert!(extracted.text.starts_with("# A *b*"), "{}", extracted.text);
        let words = extracted.searchable.unwrap();
        let words: Vec<&str> = words.split_whitespace().collect();
        assert_eq!(words, ["A", "b", "x", "y", "1", "2", "raw", "link"]);
    }
}
