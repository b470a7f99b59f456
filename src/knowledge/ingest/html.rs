//! HTML: the text of a page without what surrounds it.

mod shape;

use html2text::Element;
use html2text::{Handle, RcDom, config};

use super::{Broken, Extracted};

/// What a page says besides its content.
const SURROUNDINGS: [&str; 10] = [
    "aside", "footer", "iframe", "nav", "noscript", "script", "style", "svg", "template", "head",
];

/// Attributes that say something.
const SAID: [&str; 2] = ["alt", "src"];

/// Deeper pages are not written by people, and rendering them costs stack.
const DEEPEST: usize = 200;

/// Lines are broken here.
const WIDTH: usize = 120;

/// Title and text of a page.
pub(super) fn extract(source: &str) -> Result<Extracted, Broken> {
    if !shape::is_reasonable(source.as_bytes()) {
        return Err(Broken::Deep);
    }
    let page = config::plain_no_decorate()
        .parse_html(source.as_bytes())
        .map_err(not_html)?;
    let root = Handle::clone(&page.document);
    let title = text_of_first(&root, "title")?.or(text_of_first(&root, "h1")?);
    let content = find(&root, "main")?.unwrap_or(root);
    walk(&content, |node| {
        if let Element { attrs, .. } = &node.data {
            // All but what an image says is for looks; the renderer fails on some column spans.
            attrs
                .borrow_mut()
                .retain(|attr| SAID.contains(&&*attr.name.local));
        }
        node.children
            .borrow_mut()
            .retain(|child| !SURROUNDINGS.iter().any(|name| is_named(child, name)));
        false
    })?;
    Ok(Extracted {
        title,
        text: text_of(&content)?,
        searchable: None,
    })
}

fn text_of_first(root: &Handle, name: &str) -> Result<Option<String>, Broken> {
    let found = find(root, name)?.as_ref().map(text_of).transpose()?;
    Ok(found.filter(|text| !text.is_empty()))
}

/// The text in a node, without markup.
fn text_of(node: &Handle) -> Result<String, Broken> {
    let part = RcDom::default();
    part.document
        .children
        .replace(node.children.borrow().clone());
    // Raw: cells one after the other, no drawn tables.
    let config = config::plain_no_decorate()
        .raw_mode(true)
        .allow_width_overflow();
    let text = config
        .dom_to_render_tree(&part)
        .and_then(|tree| config.render_to_string(tree, WIDTH))
        .map_err(not_html)?;
    Ok(text.trim().to_owned())
}

fn not_html(_refused: html2text::Error) -> Broken {
    Broken::NotText
}

fn find(root: &Handle, name: &str) -> Result<Option<Handle>, Broken> {
    walk(root, |node| is_named(node, name))
}

fn is_named(node: &Handle, name: &str) -> bool {
    matches!(&node.data, Element { name: own, .. } if &*own.local == name)
}

/// Walks a tree in document order, without recursion, until `found` says so.
fn walk(root: &Handle, mut found: impl FnMut(&Handle) -> bool) -> Result<Option<Handle>, Broken> {
    let mut open = vec![(Handle::clone(root), 0)];
    while let Some((node, depth)) = open.pop() {
        if depth > DEEPEST {
            return Err(Broken::Deep);
        }
        if found(&node) {
            return Ok(Some(node));
        }
        let children = node.children.borrow();
        let children = children.iter().rev();
        open.extend(children.map(|child| (Handle::clone(child), depth + 1)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, title: Option<&str>, text: &str) {
        let extracted = extract(source).unwrap();
        assert_eq!(extracted.title.as_deref(), title, "{source}");
        let words: Vec<&str> = extracted.text.split_whitespace().collect();
        assert_eq!(words.join(" "), text, "{source}");
    }

    #[test]
    fn gives_the_content_without_what_surrounds_it() {
        check(
            "<html><head><title>Page</title><style>p{}</style></head><body><nav>Home</nav><h1>Big</h1>\
             <p>One <b>two</b>.</p><script>alert(1)</script><footer>Imprint</footer></body></html>",
            Some("Page"),
            "# Big One two.",
        );
        check(
            "<title> </title><body>menu<main><h1>Head</h1><p>text</p></main>ads",
            Some("Head"),
            "# Head text",
        );
        check("<table><tr><td>a</td><td>b</td></tr></table>", None, "a b");
        check("a &amp; b &#252;", None, "a & b ü");
        check("no markup at all", None, "no markup at all");
        check("", None, "");
    }

    #[test]
    fn hostile_pages_end_in_an_answer() {
        let deep = "<div>".repeat(100_000);
        assert_eq!(extract(&deep).unwrap_err(), Broken::Deep);
        let wide = "<table><tr><td colspan=1000000000>a<td rowspan=1000000000>b</table>";
        check(wide, None, "a b");
        let unclosed = "<b><i><a href=x>".repeat(60);
        assert!(extract(&unclosed).is_ok() || extract(&unclosed) == Err(Broken::Deep));
        check("<p>a<!-- never closed", None, "a");
    }
}
