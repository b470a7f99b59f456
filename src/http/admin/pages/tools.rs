//! `/tools`: what clients can use, what it takes, and which rule says so.

use serde::Serialize;

use crate::http::State;
use crate::http::page::{Html, Table, Tone, code, el, heading, list, tag};
use crate::mcp::OfferedEntry;

/// What `/tools` tells.
#[derive(Debug, Serialize)]
pub(super) struct Tools {
    /// Everything that is listed, as clients see it.
    offered: Vec<Offered>,
    /// Tools of upstreams that are kept back.
    quarantined: Vec<Quarantined>,
    /// Names that collide, and what else is left out, in sentences.
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Offered {
    /// `tool`, `prompt`, `resource` or `resource template`.
    kind: &'static str,
    name: String,
    /// Absent: Usher answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<String>,
    /// All of it has to be there.
    asked: Vec<Asked>,
}

#[derive(Debug, Serialize)]
struct Asked {
    rule: String,
    what: String,
}

#[derive(Debug, Serialize)]
struct Quarantined {
    upstream: String,
    tool: String,
    why: String,
}

impl From<OfferedEntry> for Offered {
    fn from(entry: OfferedEntry) -> Self {
        let asked = entry.asked.into_iter().map(|asked| Asked {
            rule: String::from(&*asked.rule),
            what: asked.what,
        });
        Self {
            kind: entry.kind,
            name: entry.name,
            upstream: entry.upstream,
            asked: asked.collect(),
        }
    }
}

impl Tools {
    pub(super) fn now(state: &State) -> Self {
        let offered = state.protocol.offered();
        let mut quarantined = Vec::new();
        for overview in state.upstreams.iter().map(|upstream| upstream.overview()) {
            let upstream = overview.name;
            quarantined.extend(
                overview
                    .quarantined
                    .into_iter()
                    .map(|(tool, why)| Quarantined {
                        upstream: upstream.clone(),
                        tool,
                        why,
                    }),
            );
        }
        Self {
            offered: offered.entries.into_iter().map(Offered::from).collect(),
            quarantined,
            warnings: offered.warnings,
        }
    }
}

pub(super) fn draw(tools: &Tools) -> Html {
    let mut html = Html::default();
    for (kind, id, title) in [
        ("tool", "tools", "Tools that are listed"),
        ("prompt", "prompts", "Prompts"),
        ("resource", "resources", "Resources"),
        ("resource template", "templates", "Resource templates"),
    ] {
        let mut of_kind = tools
            .offered
            .iter()
            .filter(|entry| entry.kind == kind)
            .peekable();
        if kind != "tool" && of_kind.peek().is_none() {
            continue;
        }
        let mut table = Table::new("What there is", ["Name", "From", "Takes", "By the rule"]);
        for entry in of_kind {
            table.row(row(entry));
        }
        html.push(heading(2, id, title));
        html.push(table.or("There is none."));
    }
    html.with(kept_back(tools)).with(warnings(tools))
}

fn row(entry: &Offered) -> [Html; 4] {
    let from = match &entry.upstream {
        Some(upstream) => upstream.as_str().into(),
        None => el("span").class("quiet").with("Usher").into(),
    };
    let (what, rules) = match entry.asked.as_slice() {
        [] => ("a ticket, and no more".into(), "none".into()),
        asked => {
            let lines = |line: fn(&Asked) -> Html| {
                Html::from(
                    el("div")
                        .class("uris")
                        .with(list("ul", asked.iter().map(line))),
                )
            };
            (
                lines(|asked| words(&asked.what)),
                lines(|asked| asked.rule.as_str().into()),
            )
        }
    };
    [code(&entry.name), from, what, rules]
}

/// What a rule asks, with its names as code.
fn words(what: &str) -> Html {
    let mut html = Html::default();
    for (place, part) in what.split('`').enumerate() {
        html.push(match place % 2 {
            0 => part.into(),
            _ => code(part),
        });
    }
    html
}

fn kept_back(tools: &Tools) -> Html {
    if tools.quarantined.is_empty() {
        return Html::default();
    }
    let mut table = Table::new(
        "Tools that are kept back",
        ["Tool", "Upstream", "Why", "State"],
    );
    for tool in &tools.quarantined {
        table.row([
            code(&tool.tool),
            tool.upstream.as_str().into(),
            tool.why.as_str().into(),
            tag(Tone::Wait, "kept back"),
        ]);
    }
    let how = "Nobody sees them until somebody approves them: ";
    let how = Html::from(how)
        .with(code("usher upstream diff"))
        .with(" and ")
        .with(code("usher upstream approve"));
    heading(2, "quarantined", "Kept back")
        .with(table.or(""))
        .with(el("p").class("quiet").with(how))
}

fn warnings(tools: &Tools) -> Html {
    if tools.warnings.is_empty() {
        return Html::default();
    }
    let all = tools.warnings.iter().map(String::as_str);
    heading(2, "warnings", "Left out, or not for every client").with(list("ul", all))
}
