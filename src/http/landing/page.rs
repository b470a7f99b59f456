//! The onboarding page: what this server is, its address, and for each client what to do. Readable without scripts.

use axum::response::Response;

use super::Landing;
use super::client::{ORDER, chips, section};
use super::reach::Reach;
use super::snippets::Server;
use super::told::{Told, keys};
use crate::http::State;
use crate::http::page::{
    Href, Html, Page, Table, Tone, code, codes, copyable, el, facts, heading, list, note, prose,
    tag,
};
use crate::http::surface::{Access, Endpoint};

/// The page about `landing`.
pub(super) fn response(landing: &Landing, state: &State) -> Response {
    page(&Told::new(landing, state)).into_response()
}

fn page(told: &Told<'_>) -> Page {
    let name = &told.landing.name;
    Page {
        title: format!("{name} · connect an AI client"),
        name: name.clone(),
        status: Some((told.status.tone, told.status.words.to_owned())),
        siblings: Vec::new(),
        main: hero(told)
            .with(heading(2, "clients", "Connect your client"))
            .with(chips())
            .with(
                ORDER
                    .into_iter()
                    .map(|client| section(client, told))
                    .collect::<Html>(),
            )
            .with(trouble(told))
            .with(standing(told))
            .with(endpoints()),
        footer: footer(told),
    }
}

fn hero(told: &Told<'_>) -> Html {
    let name = &told.landing.name;
    let lead = "This is an MCP server: it gives AI clients tools to work with, such as search. Paste its address into a client \
                that speaks the Model Context Protocol. The client finds the login by itself, and you log in where you always do.";
    let address = copyable("address", "the address", told.address());
    let hero = heading(1, "top", &format!("Connect to {name}"))
        .with(el("p").class("lead").with(lead))
        .with(el("div").class("address").with(address));
    match told.reach {
        Reach::Loopback => hero.with(note(prose(
            "**Only this machine reaches this address.** Editors and command lines on it work as they are; ChatGPT and Claude on \
             the web call from the internet, and cannot come here.",
        ))),
        Reach::Private => hero.with(note(prose(
            "**Only one network reaches this address.** Editors and command lines in it work as they are; ChatGPT and Claude on \
             the web call from the internet, and cannot come here.",
        ))),
        Reach::Public => hero,
    }
}

/// What to do when it fails.
fn trouble(told: &Told<'_>) -> Html {
    let server = Server {
        name: &told.short_name,
        address: told.address(),
        client_id: None,
        scopes: told.scopes(),
    };
    let doctor = copyable("doctor", "the command", &server.doctor(None));
    let exactly = prose("Compare the address letter by letter: ").with(code(told.address())).with(
        " is the name of this server in every ticket. With a slash at its end it is another one.",
    );
    let steps = [
        prose("Ask the doctor. It walks the connection as each client does, and names the first thing that is wrong and how to mend it:")
            .with(doctor)
            .with(el("p").class("quiet").with(prose(
                "With `--as chatgpt` (or any name of a client) as that client, with `--login` up to the first search.",
            ))),
        exactly,
        prose("Look the message up that your client shows, in the very words: ").with(told.guide("troubleshooting.md")),
        prose("Nothing helps? Tell whoever runs this server the time, and the `request_id` of the error if there is one: their log has the reason under it."),
    ];
    heading(2, "trouble", "If it does not work").with(list("ol", steps))
}

/// Who issues tickets, and whether that works just now.
fn standing(told: &Told<'_>) -> Html {
    let mut table = Table::new(
        "Who issues tickets",
        ["Issuer", "Provider", "Reached", "Keys"],
    );
    for offers in &told.offers {
        let (reached, word) = match offers.registration {
            Some(_) => (Tone::Good, "yes"),
            None => (Tone::Wait, "not yet"),
        };
        let (tone, words) = keys(offers);
        let profile = offers.profile();
        table.row([
            code(&offers.status.issuer),
            profile.title().into(),
            tag(reached, word),
            tag(tone, &words),
        ]);
    }
    let mut about = vec![
        (
            "Scopes to ask for",
            codes(told.scopes().iter().map(String::as_str)),
        ),
        ("Resource", code(&told.landing.oauth.resource)),
        ("Protocol", codes(told.landing.revisions.iter().copied())),
    ];
    if let Some(href) = told.documentation.as_deref().and_then(Href::web) {
        let text = told.documentation.as_deref().unwrap_or_default();
        about.push(("Documentation", el("a").href(&href).with(text).into()));
    }
    let quiet = "Login, consent and registration happen there; this server only checks tickets. It has no password of yours, and \
                 never asks for one.";
    heading(2, "standing", "Who issues tickets")
        .with(table.or("nobody"))
        .with(el("p").class("quiet").with(quiet))
        .with(facts(about))
}

/// One row per path, for programs and their authors.
fn endpoints() -> Html {
    let mut table = Table::new("Addresses of this server", ["Path", "What", "Who may ask"]);
    for endpoint in Endpoint::ALL {
        let who = match endpoint.access() {
            Access::Guarded => tag(Tone::Plain, "with a token"),
            Access::Public => tag(Tone::Good, "anybody"),
        };
        table.row([code(endpoint.label()), prose(describe(endpoint)), who]);
    }
    heading(2, "addresses", "For programs").with(table.or("none"))
}

fn footer(told: &Told<'_>) -> Html {
    let version = told.landing.version;
    let links = [
        ("/healthz?deep=1", "Health"),
        ("/openapi.json", "OpenAPI"),
        ("/.well-known/oauth-protected-resource/mcp", "Metadata"),
    ];
    let link = |(path, name): (&'static str, &'static str)| {
        let link = Href::here(path).map_or_else(|| el("a"), |href| el("a").href(&href));
        Html::from(link.with(name))
    };
    let nav = el("nav")
        .attr("aria-label", "For programs")
        .all(links.into_iter().map(link));
    let words = format!("Usher {version} checks tickets; it sells none.");
    Html::from(el("p").with(words)).with(nav)
}

fn describe(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::AuthorizationServerMetadata => "The issuer’s metadata, for clients of 2025-03-26",
        Endpoint::Document => "One document behind `search` and `fetch`",
        Endpoint::Health => "Liveness; `?deep=1` tells more",
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
