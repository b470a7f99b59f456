//! What pages are made of.

use super::element::{Element, Html, el};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Tone {
    /// As it should be.
    Good,
    /// Neither good nor bad.
    Plain,
    /// It wants to be looked at.
    Wait,
    /// It does not work.
    Bad,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Wait => "wait",
            Self::Bad => "bad",
        }
    }
}

/// A heading that can be linked to. Levels are not skipped (WCAG 1.3.1): the caller's matter, and a test's.
pub(in crate::http) fn heading(level: u8, id: &str, text: &str) -> Html {
    let name = match level {
        1 => "h1",
        2 => "h2",
        _ => "h3",
    };
    el(name).attr("id", id).with(text).into()
}

/// A name or a value, to the letter.
pub(in crate::http) fn code(text: &str) -> Html {
    el("code").with(text).into()
}

/// Several of them; `none` if there are none.
pub(in crate::http) fn codes<'t>(texts: impl IntoIterator<Item = &'t str>) -> Html {
    let mut all = Html::default();
    for text in texts {
        if !all.is_empty() {
            all.push(" ");
        }
        all.push(code(text));
    }
    if all.is_empty() { "none".into() } else { all }
}

/// Something to take along, with a button that copies it where scripts run. `what` is read out: "Copy the address".
pub(in crate::http) fn copyable(id: &str, what: &str, text: &str) -> Element {
    let button = el("button").attr("type", "button").flag("hidden");
    let button = button.attr("data-copy", id);
    let button = button.attr("aria-label", &format!("Copy {what}"));
    let text = el("code").attr("id", id).with(text);
    let snippet = el("div").class("snippet").with(el("pre").with(text));
    snippet.with(button.with("Copy"))
}

/// Our own words, with `**strong**` and `` `code` `` in them.
pub(in crate::http) fn prose(words: &'static str) -> Html {
    let mut html = Html::default();
    let mut rest = words;
    while let Some((before, mark, after)) = first_mark(rest) {
        let Some((inside, end)) = after.split_once(mark) else {
            break;
        };
        html.push(before);
        html.push(match mark {
            "**" => el("strong").with(inside),
            _ => el("code").with(inside),
        });
        rest = end;
    }
    html.with(rest)
}

fn first_mark(text: &'static str) -> Option<(&'static str, &'static str, &'static str)> {
    let marks = ["**", "`"].into_iter();
    let found = marks.filter_map(|mark| text.split_once(mark).map(|(a, b)| (a, mark, b)));
    found.min_by_key(|(before, ..)| before.len())
}

/// A word about how something stands. Colour alone says nothing (WCAG 1.4.1).
pub(in crate::http) fn tag(tone: Tone, word: &str) -> Html {
    let tag = match tone {
        Tone::Good => el("span").class("tag good"),
        Tone::Plain => el("span").class("tag plain"),
        Tone::Wait => el("span").class("tag wait"),
        Tone::Bad => el("span").class("tag bad"),
    };
    tag.with(word).into()
}

/// Something that must not be overlooked.
pub(in crate::http) fn note(content: impl Into<Html>) -> Html {
    el("p").class("note").with(content).into()
}

/// Names and their values.
pub(in crate::http) fn facts(
    facts: impl IntoIterator<Item = (&'static str, impl Into<Html>)>,
) -> Html {
    let fact = |(name, value): (&str, _)| {
        let value = Html::from(el("dd").with(value));
        Html::from(el("div").with(el("dt").with(name)).with(value))
    };
    let facts = facts
        .into_iter()
        .map(|(name, value)| fact((name, value.into())));
    el("dl").class("facts").all(facts).into()
}

/// A list; `ol` for steps, `ul` for anything else.
pub(in crate::http) fn list(
    name: &'static str,
    items: impl IntoIterator<Item = impl Into<Html>>,
) -> Html {
    let items = items
        .into_iter()
        .map(|item| Html::from(el("li").with(item)));
    el(name).all(items).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_the_text_and_the_button_waits_for_scripts() {
        let html = Html::from(copyable("a", "the <address>", "x & y"));
        assert_eq!(
            html.as_str(),
            "<div class=\"snippet\"><pre><code id=\"a\">x &amp; y</code></pre>\
             <button type=\"button\" hidden data-copy=\"a\" aria-label=\"Copy the &lt;address&gt;\">Copy</button></div>"
        );
    }

    #[test]
    fn prose_has_strong_words_and_code_and_stray_marks_stay() {
        for (words, expected) in [
            (
                "a **b** `c<` d",
                "a <strong>b</strong> <code>c&lt;</code> d",
            ),
            ("`a**b` **c", "<code>a**b</code> **c"),
            ("plain", "plain"),
        ] {
            assert_eq!(prose(words).as_str(), expected);
        }
    }

    #[test]
    fn nothing_is_said_in_a_word() {
        assert_eq!(codes([]).as_str(), "none");
        assert_eq!(codes(["a", "b"]).as_str(), "<code>a</code> <code>b</code>");
    }
}
