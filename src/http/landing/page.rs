//! The onboarding page: one self-contained document, no request to anywhere else, readable without scripts.
//!
//! What goes into it is escaped, and its policy lets run only the style and the script that are compiled in.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Landing;
use crate::http::State;
use crate::http::answer::text;
use crate::http::health::readiness;
use crate::http::surface::{Access, Endpoint};
use crate::sealing::sha256;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page about `landing`.
pub(super) fn response(landing: &Landing, state: &State) -> Response {
    let body = fill(&Values::new(landing, state));
    let mut response = text(StatusCode::OK, "text/html; charset=utf-8", body);
    let headers = response.headers_mut();
    let hash = |text: &str| STANDARD.encode(sha256(text.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT),
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// What the template asks for, already HTML.
struct Values {
    name: String,
    version: &'static str,
    mcp_url: String,
    ready: bool,
    local_note: &'static str,
    issuers: String,
    scopes: String,
    endpoints: String,
    revisions: String,
}

impl Values {
    fn new(landing: &Landing, state: &State) -> Self {
        let mcp_url = &landing.endpoints.mcp;
        let code = |text: &str| format!("<code>{}</code>", escape(text));
        let list = |texts: &[String]| {
            texts
                .iter()
                .map(|text| code(text))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let revisions: Vec<String> = landing
            .revisions
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        Self {
            name: escape(&landing.name),
            version: landing.version,
            mcp_url: escape(mcp_url),
            ready: readiness(state).is_ready(),
            local_note: if is_local(mcp_url) { LOCAL_NOTE } else { "" },
            issuers: landing
                .issuers
                .iter()
                .map(|issuer| format!("<li>{}</li>", code(issuer)))
                .collect(),
            scopes: list(&landing.oauth.scopes_supported),
            endpoints: endpoints(),
            revisions: list(&revisions),
        }
    }

    fn get(&self, name: &str) -> &str {
        match name {
            "name" => &self.name,
            "version" => self.version,
            "mcp_url" => &self.mcp_url,
            "status_class" => {
                if self.ready {
                    "ready"
                } else {
                    "waiting"
                }
            }
            "status_text" => {
                if self.ready {
                    "Ready"
                } else {
                    "Not ready yet"
                }
            }
            "local_note" => self.local_note,
            "issuers" => &self.issuers,
            "scopes" => &self.scopes,
            "endpoints" => &self.endpoints,
            "revisions" => &self.revisions,
            "style" => STYLE,
            "script" => SCRIPT,
            _ => "",
        }
    }
}

/// Hosted clients cannot come here: better said before they try.
const LOCAL_NOTE: &str = "<p class=\"note\"><strong>Only this machine reaches this address.</strong> ChatGPT and Claude on \
                          the web connect from their own data centres and need a public <code>https</code> address; \
                          editors and command lines on this machine work as they are.</p>";

fn is_local(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|local| rest.starts_with(local))
}

/// One row per path.
fn endpoints() -> String {
    let mut rows = String::new();
    for endpoint in Endpoint::ALL {
        let (what, access) = (describe(endpoint), endpoint.access());
        let who = match access {
            Access::Guarded => "token",
            Access::Public => "open",
        };
        let path = escape(endpoint.label());
        rows.push_str(&format!(
            "<tr><th scope=\"row\"><code>{path}</code></th><td>{what}</td>\
             <td><span class=\"tag {who}\">{who}</span></td></tr>",
        ));
    }
    rows
}

fn describe(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::AuthorizationServerMetadata => "The issuer’s metadata, for clients of 2025-03-26",
        Endpoint::Document => "One document behind <code>search</code> and <code>fetch</code>",
        Endpoint::Health => "Liveness; <code>?deep=1</code> tells more",
        Endpoint::Landing => "This page, or JSON for programs",
        Endpoint::LegacyMessages => "Messages of the old HTTP+SSE transport",
        Endpoint::LegacySse => "The old HTTP+SSE transport of 2024-11-05",
        Endpoint::Mcp => "The MCP endpoint, every revision",
        Endpoint::McpRoot => "The MCP endpoint once more, for clients that drop the path",
        Endpoint::McpUpstream => {
            "The MCP endpoint of one server behind this one, where there are some"
        }
        Endpoint::OpenapiJson => "The HTTP surface described",
        Endpoint::OpenapiYaml => "The same as YAML",
        Endpoint::Ready => "Readiness",
        Endpoint::ResourceMetadata => "Who issues tickets (RFC 9728)",
    }
}

/// The template with its `{{name}}`s filled in.
fn fill(values: &Values) -> String {
    let mut page = String::with_capacity(TEMPLATE.len() + STYLE.len() + SCRIPT.len() + 4096);
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        page.push_str(values.get(name));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Text as HTML, also inside of quoted attributes.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(name: &str) -> Values {
        Values {
            name: escape(name),
            version: "1.2.3",
            mcp_url: escape("https://mcp.test/mcp"),
            ready: true,
            local_note: "",
            issuers: String::new(),
            scopes: String::new(),
            endpoints: endpoints(),
            revisions: String::new(),
        }
    }

    #[test]
    fn a_name_cannot_write_markup() {
        let page = fill(&values("<script>alert('1')</script>\"&"));
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"));
        assert_eq!(page.matches("<script>").count(), 1);
    }

    #[test]
    fn every_placeholder_is_filled_and_the_page_asks_nobody_else() {
        let page = fill(&values("Usher"));
        for odd in [
            "{{",
            "}}",
            "src=",
            "@import",
            "url(",
            "<link rel=\"stylesheet\"",
            " onclick",
            "style=\"",
        ] {
            assert!(!page.contains(odd), "{odd}");
        }
        let names = TEMPLATE
            .split("{{")
            .skip(1)
            .map(|rest| rest.split("}}").next().unwrap());
        for name in
            names.filter(|name| !matches!(*name, "local_note" | "issuers" | "scopes" | "revisions"))
        {
            assert!(!values("Usher").get(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn loopback_addresses_get_the_note() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/mcp", true),
            ("http://localhost:8080/mcp", true),
            ("http://[::1]:8080/mcp", true),
            ("https://mcp.example.com/mcp", false),
        ] {
            assert_eq!(is_local(url), expected, "{url}");
        }
    }
}
