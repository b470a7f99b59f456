//! Markup: elements, their attributes, and the text between them.

use crate::harmless::acts;

/// A piece of a page. Text that becomes one is escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Html(String);

impl Html {
    /// Adds to the end.
    pub(in crate::http) fn push(&mut self, more: impl Into<Self>) {
        self.0.push_str(&more.into().0);
    }

    /// With `more` at the end.
    #[must_use]
    pub(in crate::http) fn with(mut self, more: impl Into<Self>) -> Self {
        self.push(more);
        self
    }

    /// The markup.
    pub(in crate::http) fn as_str(&self) -> &str {
        &self.0
    }

    /// True if there is nothing in it.
    pub(in crate::http) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Html {
    fn from(text: &str) -> Self {
        let mut html = String::with_capacity(text.len());
        escape(text, &mut html);
        Self(html)
    }
}

impl From<String> for Html {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl<H: Into<Self>> FromIterator<H> for Html {
    fn from_iter<I: IntoIterator<Item = H>>(pieces: I) -> Self {
        let mut html = Self::default();
        for piece in pieces {
            html.push(piece);
        }
        html
    }
}

/// One element in the making.
#[derive(Clone, Debug)]
pub(in crate::http) struct Element {
    name: &'static str,
    attributes: String,
    inner: String,
}

/// An element of this name.
pub(in crate::http) fn el(name: &'static str) -> Element {
    Element {
        name,
        attributes: String::new(),
        inner: String::new(),
    }
}

impl Element {
    /// With an attribute. Addresses go through [`Self::href`].
    #[must_use]
    pub(in crate::http) fn attr(mut self, name: &'static str, value: &str) -> Self {
        debug_assert!(!matches!(name, "href" | "src" | "style"), "{name}");
        debug_assert!(!name.starts_with("on"), "{name}");
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self.attributes.push_str("=\"");
        escape(value, &mut self.attributes);
        self.attributes.push('"');
        self
    }

    /// With an attribute that has no value.
    #[must_use]
    pub(in crate::http) fn flag(mut self, name: &'static str) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self
    }

    /// With classes.
    #[must_use]
    pub(in crate::http) fn class(self, names: &'static str) -> Self {
        self.attr("class", names)
    }

    /// Leading somewhere.
    #[must_use]
    pub(in crate::http) fn href(mut self, href: &Href) -> Self {
        self.attributes.push_str(" href=\"");
        escape(&href.0, &mut self.attributes);
        self.attributes.push('"');
        self
    }

    /// With more in it.
    #[must_use]
    pub(in crate::http) fn with(mut self, more: impl Into<Html>) -> Self {
        self.inner.push_str(&more.into().0);
        self
    }

    /// With all of these in it.
    #[must_use]
    pub(in crate::http) fn all(self, more: impl IntoIterator<Item = impl Into<Html>>) -> Self {
        self.with(more.into_iter().collect::<Html>())
    }

    /// With what a style sheet or a script says, as it was compiled in.
    #[must_use]
    pub(super) fn verbatim(mut self, text: &'static str) -> Self {
        self.inner.push_str(text);
        self
    }
}

impl From<Element> for Html {
    fn from(element: Element) -> Self {
        let Element {
            name,
            attributes,
            inner,
        } = element;
        Self(match name {
            // HTML, void elements: those that are used here.
            "br" | "link" | "meta" | "wbr" => format!("<{name}{attributes}>"),
            _ => format!("<{name}{attributes}>{inner}</{name}>"),
        })
    }
}

/// Where a link may lead. What is no such address is no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Href(String);

impl Href {
    /// A path or a part of this server's own pages.
    pub(in crate::http) fn here(address: impl Into<String>) -> Option<Self> {
        let address = address.into();
        let is_part = address.starts_with('#');
        let is_path = address.starts_with('/') && !address.starts_with("//");
        (is_part || is_path).then_some(Self(address))
    }

    /// A page on the web.
    pub(in crate::http) fn web(address: &str) -> Option<Self> {
        let url = url::Url::parse(address).ok()?;
        matches!(url.scheme(), "https" | "http").then(|| Self(url.into()))
    }

    /// An editor that takes this address: its scheme is compiled in.
    pub(in crate::http) fn program(beginning: &'static str, rest: &str) -> Self {
        Self(format!("{beginning}{rest}"))
    }
}

/// Text as HTML, also inside of quoted attributes.
fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // The last of these choose the picture of an emoji.
            '\t' | '\n' | '\u{fe00}'..='\u{fe0f}' => html.push(c),
            // Nothing that turns the direction of text, or that no reader sees, passes for what it is not.
            c if acts(c) => html.push('\u{fffd}'),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_write_markup_anywhere() {
        let bad = "<script>alert('1')</script>\"&";
        let element = el("p").attr("title", bad).with(bad);
        let escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;";
        let expected = format!("<p title=\"{escaped}\">{escaped}</p>");
        assert_eq!(Html::from(element).as_str(), expected);
    }

    #[test]
    fn text_cannot_hide_or_turn_around() {
        for hidden in [
            '\u{202e}', '\u{200b}', '\u{2066}', '\u{1b}', '\r', '\u{feff}', '\u{7f}',
        ] {
            assert_eq!(Html::from(format!("a{hidden}b")).as_str(), "a\u{fffd}b");
        }
        assert_eq!(Html::from("a\n\tb é").as_str(), "a\n\tb é");
    }

    #[test]
    fn a_link_leads_to_the_web_or_to_this_server_and_nowhere_else() {
        for good in ["https://a.test/b?c=d&e", "http://127.0.0.1:9/"] {
            assert!(Href::web(good).is_some(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//a.test",
            "a",
            "",
            "file:///x",
        ] {
            assert_eq!(Href::web(bad), None, "{bad}");
        }
        for good in ["/", "/tools", "#chatgpt"] {
            assert!(Href::here(good).is_some(), "{good}");
        }
        for bad in ["//evil.test/", "javascript:alert(1)", "", "tools"] {
            assert_eq!(Href::here(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_cannot_leave_its_attribute() {
        let href = Href::web("https://a.test/\"onclick=\"x").expect("a URL");
        let link = Html::from(el("a").href(&href).with("x"));
        assert!(!link.as_str().contains("\"onclick"), "{link:?}");
    }

    #[test]
    fn pieces_stand_in_order_and_void_elements_stay_empty() {
        let pieces = [Html::from("a"), Html::from(el("br")), Html::from("<")];
        let html: Html = pieces.into_iter().collect();
        assert_eq!(
            html.with(el("b").flag("hidden")).as_str(),
            "a<br>&lt;<b hidden></b>"
        );
    }
}
