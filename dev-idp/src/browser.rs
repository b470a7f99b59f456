//! A browser without a screen: keeps cookies, follows redirects, reads forms and sends them back.
//!
//! The demo and the tests log in with it, following what the pages really contain. It stops at the first redirect that
//! leads away from the server it started at: that is the answer to the client, which nobody needs to listen for.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use url::Url;

/// More redirects than any login has.
const MOST_REDIRECTS: usize = 10;

/// One browser with its cookies.
pub struct Browser {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// Where a request ended.
#[derive(Debug)]
pub enum Arrival {
    /// At a page of the same server.
    Page(Page),
    /// On the way to another address, which was not called.
    Elsewhere(Url),
}

/// A page as it came.
#[derive(Debug)]
pub struct Page {
    /// Its address after all redirects.
    pub address: Url,
    /// The HTTP status.
    pub status: u16,
    /// The markup.
    pub markup: String,
}

/// A form: where it goes, and what its fields and buttons are called and hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    /// As written in `action`.
    pub action: String,
    /// `input` elements, in order.
    pub fields: Vec<(String, String)>,
    /// `button` elements, in order; without a name where they have none.
    pub buttons: Vec<(String, String)>,
}

/// Why a browser gave up.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Nothing answered, or not in time.
    #[error("{address} does not answer: {fault}")]
    NoAnswer {
        /// What was called.
        address: String,
        /// What went wrong.
        fault: reqwest::Error,
    },
    /// A redirect without a usable address, or too many of them.
    #[error("{0} redirects to nowhere")]
    LostRedirect(Url),
    /// An address in a page or a redirect that is none.
    #[error("{0:?} is no address")]
    Address(String),
}

impl Browser {
    /// A browser that has been nowhere yet.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(10))
            .no_proxy()
            .build()?;
        let cookies = BTreeMap::new();
        Ok(Self { http, cookies })
    }

    /// Opens an address and follows redirects.
    pub async fn open(&mut self, address: &str) -> Result<Arrival, BrowserError> {
        let address =
            Url::parse(address).map_err(|_fault| BrowserError::Address(address.to_owned()))?;
        let request = self.http.get(address.clone());
        self.follow(address, request).await
    }

    /// Sends `form` of `page`: its own fields as they are, `typed` over them.
    pub async fn submit(
        &mut self,
        page: &Page,
        form: &Form,
        typed: &[(&str, &str)],
    ) -> Result<Arrival, BrowserError> {
        let address = page
            .address
            .join(&form.action)
            .map_err(|_fault| BrowserError::Address(form.action.clone()))?;
        let kept = form
            .fields
            .iter()
            .filter(|(name, _)| typed.iter().all(|(typed, _)| typed != name));
        let fields: Vec<(&str, &str)> = kept
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(typed.iter().copied())
            .collect();
        let origin = page.address.origin().ascii_serialization();
        let request = self
            .http
            .post(address.clone())
            .header("Origin", origin)
            .form(&fields);
        self.follow(address, request).await
    }

    async fn follow(
        &mut self,
        start: Url,
        request: reqwest::RequestBuilder,
    ) -> Result<Arrival, BrowserError> {
        let mut address = start.clone();
        let mut request = request;
        for _ in 0..MOST_REDIRECTS {
            let response = self.send(&address, request).await?;
            if !response.status().is_redirection() {
                let status = response.status().as_u16();
                let markup = response
                    .text()
                    .await
                    .map_err(|fault| no_answer(&address, fault))?;
                return Ok(Arrival::Page(Page {
                    address,
                    status,
                    markup,
                }));
            }
            let location = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| address.join(location).ok());
            let Some(next) = next else {
                return Err(BrowserError::LostRedirect(address));
            };
            if next.origin() != start.origin() {
                return Ok(Arrival::Elsewhere(next));
            }
            request = self.http.get(next.clone());
            address = next;
        }
        Err(BrowserError::LostRedirect(address))
    }

    async fn send(
        &mut self,
        address: &Url,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, BrowserError> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = if cookies.is_empty() {
            request
        } else {
            request.header(COOKIE, cookies.join("; "))
        };
        let response = request
            .send()
            .await
            .map_err(|fault| no_answer(address, fault))?;
        for value in response
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
        {
            let pair = value.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies
                    .insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Ok(response)
    }
}

fn no_answer(address: &Url, fault: reqwest::Error) -> BrowserError {
    BrowserError::NoAnswer {
        address: address.to_string(),
        fault: fault.without_url(),
    }
}

impl Page {
    /// The text of the first heading.
    #[must_use]
    pub fn heading(&self) -> String {
        text_of(between(&self.markup, "<h1>", "</h1>").unwrap_or_default())
    }

    /// All text without markup, for checks of what a user reads.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(between(&self.markup, "<body>", "</body>").unwrap_or(&self.markup))
    }

    /// The rows of all tables, as the text of their cells.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<String>> {
        let rows = self
            .markup
            .split("<tr")
            .skip(1)
            .filter_map(|rest| rest.split("</tr>").next());
        rows.map(|row| {
            let cells = row
                .split("<t")
                .skip(1)
                .filter_map(|rest| rest.split_once('>'));
            cells
                .map(|(_, cell)| text_of(cell.split("</t").next().unwrap_or_default()))
                .collect()
        })
        .collect()
    }

    /// The forms in order.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        let forms = self
            .markup
            .split("<form")
            .skip(1)
            .filter_map(|rest| rest.split("</form>").next());
        forms
            .map(|form| Form {
                action: attribute(form, "action").unwrap_or_default(),
                fields: named_values(form, "<input"),
                buttons: named_values(form, "<button"),
            })
            .collect()
    }
}

fn named_values(form: &str, element: &str) -> Vec<(String, String)> {
    let tags = form.split(element).skip(1);
    tags.map(|tag| {
        (
            attribute(tag, "name").unwrap_or_default(),
            attribute(tag, "value").unwrap_or_default(),
        )
    })
    .collect()
}

/// An attribute of the tag that `rest` is the rest of. Values are quoted on our pages, and hold no bare `>`.
fn attribute(rest: &str, name: &str) -> Option<String> {
    let tag = rest.split('>').next().unwrap_or_default();
    between(tag, &format!(" {name}=\""), "\"").map(unescaped)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn text_of(markup: &str) -> String {
    let mut text = String::new();
    for (index, part) in markup.split('<').enumerate() {
        let content = if index == 0 {
            part
        } else {
            part.split_once('>').map_or("", |(_, content)| content)
        };
        text.push_str(content);
        text.push(' ');
    }
    unescaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| {
            text.replace(entity, character)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_headings_tables_and_forms() {
        let page = Page {
            address: Url::parse("http://127.0.0.1:9000/authorize").unwrap(),
            status: 200,
            markup: "<body><h1>Log <b>in</b></h1><form method=\"post\" action=\"/login\">\
                     <input type=\"hidden\" name=\"request\" value=\"a&amp;b=&quot;\">\
                     <button name=\"decision\" value=\"deny\">Deny</button></form>\
                     <table><tr><th scope=\"row\">alice</th><td><code>x&lt;y</code></td></tr></table></body>"
                .to_owned(),
        };
        assert_eq!(page.heading(), "Log in");
        assert_eq!(page.rows(), [["alice", "x<y"]]);
        let form = Form {
            action: "/login".to_owned(),
            fields: vec![("request".to_owned(), "a&b=\"".to_owned())],
            buttons: vec![("decision".to_owned(), "deny".to_owned())],
        };
        assert_eq!(page.forms(), [form]);
    }
}
