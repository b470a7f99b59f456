//! What the metadata says (RFC 9728 §2), judged as clients read it.

use serde_json::Value;
use url::Url;

use crate::doctor::Finding;
use crate::doctor::checks::challenge::{METADATA_ISSUER, METADATA_RESOURCE, METADATA_VALID};
use crate::doctor::walk::challenge::Challenged;
use crate::doctor::walk::heard::{in_words, is_html};
use crate::doctor::walk::{Asked, Walk};
use crate::outbound::{End, Heard};

/// More authorization servers than this are not looked at: the first is the one that counts.
const MOST_ISSUERS: usize = 4;
/// More scopes than this are not looked at.
const MOST_SCOPES: usize = 64;

/// The metadata, as far as it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor::walk) struct Document {
    /// `resource`, which clients send to the authorization server.
    pub(in crate::doctor::walk) resource: String,
    /// `authorization_servers`, those that are addresses.
    pub(in crate::doctor::walk) issuers: Vec<String>,
    /// `scopes_supported`.
    pub(in crate::doctor::walk) scopes: Vec<String>,
}

impl Document {
    /// Reads and judges it.
    pub(super) async fn read(walk: &Walk, heard: &Heard) -> (Option<Self>, Vec<Finding>) {
        let value = match object(heard) {
            Ok(value) => value,
            Err(found) => {
                let finding = Finding::failure(&METADATA_VALID, found);
                let expected = "a JSON object with resource and authorization_servers";
                return (None, vec![finding.expected(expected)]);
            }
        };
        let Some(resource) = value.get("resource").and_then(Value::as_str) else {
            let finding = Finding::failure(&METADATA_VALID, kind_of(&value, "resource"));
            return (
                None,
                vec![finding.expected("a string `resource` (RFC 9728 §2)")],
            );
        };
        let mut findings = vec![media_type(heard), same_resource(walk, resource)];
        let (issuers, judged) = issuers(&value);
        findings.push(judged);
        let scopes = strings(&value, "scopes_supported", MOST_SCOPES);
        let document = Self {
            resource: resource.to_owned(),
            issuers,
            scopes,
        };
        (Some(document), findings)
    }

    /// What to ask each authorization server.
    pub(in crate::doctor::walk) fn asked(
        &self,
        walk: &Walk,
        challenged: &Challenged,
    ) -> Vec<Asked> {
        let scopes = if challenged.scopes.is_empty() {
            &self.scopes
        } else {
            &challenged.scopes
        };
        let numbered = self.issuers.iter().enumerate();
        let asked = numbered.map(|(at, issuer)| Asked {
            issuer: issuer.clone(),
            is_first: at == 0,
            resource: self.resource.clone(),
            scopes: scopes.clone(),
            clients: walk.clients.clone(),
            named: walk.named,
            client_id: walk.client_id.clone(),
            registers: walk.registers.clone(),
            now: walk.clock.unix_seconds(),
        });
        asked.collect()
    }
}

fn object(heard: &Heard) -> Result<Value, String> {
    match &heard.end {
        End::Complete => {}
        End::Cut => return Err("more than 64 KiB, or a body without end".to_owned()),
        End::Late | End::Broken(_) => return Err(in_words(heard)),
    }
    if is_html(heard) {
        return Err(in_words(heard));
    }
    match serde_json::from_slice(&heard.body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("JSON, but no object".to_owned()),
        Err(cause) => Err(format!("no JSON that can be read: {cause}")),
    }
}

/// Clients parse JSON whatever it is called; some look at its name first.
fn media_type(heard: &Heard) -> Finding {
    let media_type = heard.media_type();
    if media_type == "application/json" || media_type.ends_with("+json") {
        Finding::ok(
            &METADATA_VALID,
            "JSON with resource and authorization_servers",
        )
    } else {
        let finding = Finding::warning(
            &METADATA_VALID,
            format!("JSON that is called {media_type:?}"),
        );
        finding.expected("Content-Type: application/json")
    }
}

/// RFC 9728 §3.3: it must be identical to the address that the metadata was looked for.
fn same_resource(walk: &Walk, resource: &str) -> Finding {
    let typed = walk.typed.as_str();
    let at_root =
        |text: &str| Url::parse(text).is_ok_and(|url| url.path() == "/" && url.query().is_none());
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    let same = resource == typed
        || (at_root(resource) && at_root(typed) && bare(resource) == bare(walk.url().as_str()));
    if same || Url::parse(resource).is_ok_and(|found| found == *walk.url()) {
        return Finding::ok(&METADATA_RESOURCE, resource);
    }
    let how =
        Url::parse(resource).map_or("it is no address", |found| difference(&found, walk.url()));
    let finding = Finding::failure(&METADATA_RESOURCE, format!("{resource:?}: {how}"));
    finding.expected(typed)
}

fn difference(found: &Url, typed: &Url) -> &'static str {
    let bare = |url: &Url| url.path().trim_end_matches('/').to_owned();
    if found.scheme() != typed.scheme() {
        "another scheme"
    } else if found.host_str() != typed.host_str() {
        "another host"
    } else if found.port_or_known_default() != typed.port_or_known_default() {
        "another port"
    } else if found.path() == typed.path() {
        "another query"
    } else if bare(found) == bare(typed) {
        "they differ in the slash at the end"
    } else {
        "another path"
    }
}

/// The authorization servers that are addresses.
fn issuers(value: &Value) -> (Vec<String>, Finding) {
    let expected = "authorization_servers with the issuer's address";
    let named = strings(value, "authorization_servers", MOST_ISSUERS);
    if named.is_empty() {
        let finding = Finding::failure(&METADATA_ISSUER, kind_of(value, "authorization_servers"));
        return (named, finding.expected(expected));
    }
    let is_address = |text: &String| {
        Url::parse(text).is_ok_and(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
    };
    let found = named.join(", ");
    let all = named.len();
    let addresses: Vec<String> = named.into_iter().filter(is_address).collect();
    if addresses.len() < all {
        let finding =
            Finding::failure(&METADATA_ISSUER, format!("{found}: not each is an address"));
        return (addresses, finding.expected(expected));
    }
    (addresses, Finding::ok(&METADATA_ISSUER, found))
}

fn strings(value: &Value, name: &str, most: usize) -> Vec<String> {
    let list = value.get(name).and_then(Value::as_array);
    let strings = list.into_iter().flatten().filter_map(Value::as_str);
    strings.take(most).map(str::to_owned).collect()
}

fn kind_of(value: &Value, name: &str) -> String {
    let kind = match value.get(name) {
        None => return format!("no `{name}`"),
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a string",
        Some(Value::Array(list)) if list.is_empty() => "an empty list",
        Some(Value::Array(_)) => "a list without strings",
        Some(Value::Object(_)) => "an object",
    };
    format!("`{name}` is {kind}")
}
