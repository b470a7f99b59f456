//! What a look at an upstream found, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::advice::{self, Advice};
use crate::config::Config;
use crate::harmless;
use crate::outbound::without_secrets;
use crate::upstream::{
    Definition, Era, Handshake, Hello, Names, Offer, Step, Survey, Tried, UpstreamSettings,
};

/// How an upstream is reached, without what may be secret: arguments and the query of an address.
pub(super) fn way(definition: &Definition) -> String {
    let settings = &definition.settings;
    let address = settings.http.as_ref().or(settings.sse.as_ref());
    match (address, &settings.stdio.command) {
        (Some(address), _) => match url::Url::parse(address) {
            Ok(url) => without_secrets(&url),
            Err(_) => "an address that is none".to_owned(),
        },
        (None, command) => format!("process {}", command.as_deref().unwrap_or_default()),
    }
}

/// What was tried, as an operator knows it.
pub(super) fn tried(tried: Tried) -> &'static str {
    match tried {
        Tried::Handshake(Handshake::Either) => "either handshake",
        Tried::Handshake(Handshake::Modern) => "server/discover (modern)",
        Tried::Handshake(Handshake::Legacy) => "initialize (legacy)",
        Tried::Tools => "tools/list",
        Tried::Prompts => "prompts/list",
        Tried::Resources => "resources/list",
        Tried::Templates => "resources/templates/list",
    }
}

pub(super) fn era(era: Era) -> &'static str {
    match era {
        Era::Legacy => "legacy",
        Era::Modern => "modern",
    }
}

/// Another machine's words.
pub(super) fn harmless(text: &str) -> String {
    harmless::harmless(text, 200)
}

/// The server's name and version, as it says.
pub(super) fn server(hello: &Hello) -> String {
    match &hello.server {
        Some(server) => format!("{} {}", harmless(&server.name), harmless(&server.version))
            .trim_end()
            .to_owned(),
        None => "a server that does not say its name".to_owned(),
    }
}

/// What clients see of an upstream's tools and prompts.
#[derive(Clone, Copy)]
pub(super) struct Naming<'a> {
    settings: &'a UpstreamSettings,
    separator: &'a str,
}

impl<'a> Naming<'a> {
    pub(super) fn of(definition: &'a Definition, config: &'a Config) -> Self {
        Self {
            settings: &definition.settings,
            separator: &config.mcp.name_separator,
        }
    }

    /// The name in the one catalogue.
    fn listed(self, name: &str) -> String {
        match self.settings.names {
            Names::Prefixed => format!("{}{}{name}", self.settings.name, self.separator),
            Names::Verbatim => name.to_owned(),
        }
    }

    fn tools(self, offer: &Offer) -> Vec<String> {
        let tools = offer.tools.iter();
        tools.map(|tool| self.listed(&tool.name)).collect()
    }

    fn prompts(self, offer: &Offer) -> Vec<String> {
        let prompts = offer.prompts.iter();
        prompts.map(|name| harmless(&self.listed(name))).collect()
    }
}

/// Writes what an upstream offers, one name per line.
pub(super) fn write_offer(text: &mut String, naming: Naming<'_>, offer: &Offer) {
    let capabilities = offer.hello.capability_names();
    let capabilities = match capabilities.as_slice() {
        [] => "none".to_owned(),
        names => harmless(&names.join(", ")),
    };
    // Writing into a string cannot fail.
    let _ = writeln!(text, "  capabilities  {capabilities}");
    let addresses = |uris: &[String]| uris.iter().map(|uri| harmless(uri)).collect();
    let lists: [(&str, Vec<String>); 4] = [
        ("tools", naming.tools(offer)),
        ("prompts", naming.prompts(offer)),
        ("resources", addresses(&offer.resources)),
        ("templates", addresses(&offer.templates)),
    ];
    for (what, names) in lists {
        let _ = writeln!(text, "  {what:<13} {}", names.len());
        for name in names {
            let _ = writeln!(text, "    {name}");
        }
    }
}

/// The same as one JSON object.
pub(super) fn as_json(
    definition: &Definition,
    naming: Naming<'_>,
    survey: &Survey,
    seen: &[String],
) -> Value {
    let name = &definition.settings.name;
    let failure = survey.failure().map(|failure| {
        let Advice {
            expected,
            found,
            fix,
        } = advice::of(definition, failure, seen);
        json!({ "tried": tried(failure.0), "expected": expected, "found": found, "fix": fix })
    });
    let mut object = json!({
        "name": name,
        "reached_by": way(definition),
        "reachable": survey.offer.is_some(),
        "steps": survey.steps.iter().map(step).collect::<Vec<_>>(),
    });
    if let (Some(failure), Value::Object(members)) = (failure, &mut object) {
        members.insert("failure".to_owned(), failure);
    }
    if let (Some(offer), Value::Object(members)) = (&survey.offer, &mut object) {
        let server = offer.hello.server.as_ref();
        let told = json!({
            "era": era(offer.era),
            "revision": offer.hello.revision,
            "server": server.map(|server| json!({ "name": server.name, "version": server.version })),
            "capabilities": offer.hello.capability_names(),
            "tools": naming.tools(offer),
            "prompts": naming.prompts(offer),
            "resources": offer.resources,
            "resource_templates": offer.templates,
        });
        if let Value::Object(told) = told {
            members.extend(told);
        }
    }
    object
}

fn step(step: &Step) -> Value {
    json!({
        "tried": tried(step.tried),
        "seconds": step.took.as_secs_f64(),
        "ok": step.outcome.is_ok(),
        "count": step.outcome.ok().flatten(),
        "reason": step.outcome.err().map(crate::upstream::UpstreamError::reason),
    })
}
