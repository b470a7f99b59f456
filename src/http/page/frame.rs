//! The document around what a page says, and the policy under which it is read.

use std::sync::OnceLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::blocks::Tone;
use super::element::{Href, Html, el};
use crate::http::answer::text;
use crate::sealing::sha256;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The mark, a ticket: in the header and in the browser's tab.
const TICKET: &str = "M5 9a3 3 0 0 1 3-3h16a3 3 0 0 1 3 3v3.2a4 4 0 0 0 0 7.6V23a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3v-3.2a4 4 0 0 0 0-7.6z";
const TICK: &str = "m11 16.4 3.4 3.4 6.8-7.4";
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath d='M5 9a3 3 0 0 1 3-3h16a3 3 0 0 1 3 3v3.2a4 4 0 0 0 0 7.6V23a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3v-3.2a4 4 0 0 0 0-7.6z' fill='%238a2b34'/%3E%3C/svg%3E";

/// One page.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Page {
    /// What the browser's tab says.
    pub title: String,
    /// Whose page it is.
    pub name: String,
    /// How it stands with it, if that is told in the header.
    pub status: Option<(Tone, String)>,
    /// The pages beside it: where, what it is called, and whether it is this one.
    pub siblings: Vec<(&'static str, &'static str, bool)>,
    /// What it says, beginning with a heading of the first level.
    pub main: Html,
    /// What stands below.
    pub footer: Html,
}

impl Page {
    /// The page as an answer.
    pub(in crate::http) fn into_response(self) -> Response {
        let document = self.document();
        let mut response = text(StatusCode::OK, "text/html; charset=utf-8", document);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy());
        let no_referrer = HeaderValue::from_static("no-referrer");
        headers.insert(header::REFERRER_POLICY, no_referrer);
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        response
    }

    fn document(self) -> String {
        let meta = |name: &'static str, content: &'static str| {
            el("meta").attr("name", name).attr("content", content)
        };
        let head = el("head")
            .with(el("meta").attr("charset", "utf-8"))
            .with(meta("viewport", "width=device-width, initial-scale=1"))
            .with(meta("color-scheme", "light dark"))
            .with(meta("robots", "noindex"))
            .with(el("title").with(self.title.as_str()))
            .with(
                el("link")
                    .attr("rel", "icon")
                    .href(&Href::program(ICON, "")),
            )
            .with(el("style").verbatim(STYLE));
        let skip = el("a").class("skip").with("Skip to the content");
        let skip = match Href::here("#content") {
            Some(href) => skip.href(&href),
            None => skip,
        };
        let main = el("main").attr("id", "content").attr("tabindex", "-1");
        let copied = el("p").class("unseen").attr("role", "status");
        let copied = copied.attr("aria-live", "polite").attr("id", "copied");
        let body = match self.siblings.as_slice() {
            [] => el("body"),
            _ => el("body").class("wide"),
        };
        let body = body
            .with(skip)
            .with(self.header())
            .with(main.with(self.main))
            .with(el("footer").with(self.footer))
            .with(copied)
            .with(el("script").verbatim(SCRIPT));
        let html = el("html").attr("lang", "en").with(head).with(body);
        format!("<!doctype html>\n{}\n", Html::from(html).as_str())
    }

    fn header(&self) -> Html {
        let name = el("span").with(self.name.as_str());
        let brand = el("div").class("brand").with(mark()).with(name);
        let mut header = el("header").with(brand);
        if let Some((tone, words)) = &self.status {
            let dot = el("span").attr("class", &format!("dot {}", tone.class()));
            let dot = dot.attr("aria-hidden", "true");
            let status = el("p").class("status").with(dot);
            header = header.with(status.with(words.as_str()));
        }
        if !self.siblings.is_empty() {
            let link = |(path, name, is_here): &(&'static str, &'static str, bool)| {
                let link = Href::here(*path).map_or_else(|| el("a"), |href| el("a").href(&href));
                let link = if *is_here {
                    link.attr("aria-current", "page")
                } else {
                    link
                };
                Html::from(link.with(*name))
            };
            let nav = el("nav").class("siblings").attr("aria-label", "Pages");
            header = header.with(nav.all(self.siblings.iter().map(link)));
        }
        header.into()
    }
}

fn mark() -> Html {
    let ticket = el("path").attr("d", TICKET).attr("fill", "currentColor");
    let tick = el("path")
        .attr("d", TICK)
        .attr("fill", "none")
        .class("tick");
    let svg = el("svg").attr("width", "28").attr("height", "28");
    let svg = svg.attr("viewBox", "0 0 32 32").attr("aria-hidden", "true");
    svg.attr("focusable", "false")
        .with(ticket)
        .with(tick)
        .into()
}

/// Nothing runs and nothing is fetched but what is compiled in (CSP Level 3); nobody frames it.
fn policy() -> HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    let write = || {
        let hash = |text: &str| STANDARD.encode(sha256(text.as_bytes()));
        let policy = format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT),
        );
        HeaderValue::try_from(policy).expect("invariant: hashes in base64 are visible ASCII")
    };
    POLICY.get_or_init(write).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_asks_nobody_else_and_runs_only_what_is_compiled_in() {
        let page = Page {
            title: "<title>".to_owned(),
            name: "</span><script>".to_owned(),
            status: Some((Tone::Good, "<b>Ready".to_owned())),
            siblings: vec![("/", "Overview", true), ("/tools", "Tools", false)],
            main: el("h1").with("Hello").into(),
            footer: Html::from("that is all"),
        };
        let document = page.document();
        assert_eq!(document.matches("<script>").count(), 1);
        assert_eq!(document.matches("<style>").count(), 1);
        for odd in [
            "src=", "@import", "url(", " onclick", "style=\"", "http:", "https:", "<b>",
        ] {
            let found = document
                .replace("http://www.w3.org/2000/svg", "")
                .contains(odd);
            assert!(!found, "{odd}");
        }
        assert!(document.contains("<a href=\"/\" aria-current=\"page\">Overview</a>"));
    }

    #[test]
    fn the_policy_names_the_hashes_of_style_and_script() {
        let policy = policy();
        let policy = policy.to_str().expect("ASCII");
        assert!(policy.starts_with("default-src 'none'; "));
        assert!(!policy.contains("unsafe"));
        for text in [STYLE, SCRIPT] {
            let hash = STANDARD.encode(sha256(text.as_bytes()));
            assert!(policy.contains(&format!("'sha256-{hash}'")));
        }
    }
}
