//! What one client needs for this very server: the steps in its own words, and every value that it asks for.

use super::reach::Reach;
use super::snippets::Server;
use super::told::Told;
use crate::auth::Offers;
use crate::clients::{KnownClient, Registration};
use crate::http::page::{
    Element, Href, Html, Tone, code, codes, copyable, el, facts, heading, list, note, prose, tag,
};

/// In the order of the page.
pub(super) const ORDER: [KnownClient; 7] = [
    KnownClient::ChatGpt,
    KnownClient::Claude,
    KnownClient::ClaudeCode,
    KnownClient::VsCode,
    KnownClient::Cursor,
    KnownClient::Inspector,
    KnownClient::Generic,
];

/// The page below `docs/` that has more.
fn guide(client: KnownClient) -> &'static str {
    match client {
        KnownClient::ChatGpt => "clients/chatgpt.md",
        KnownClient::Claude | KnownClient::ClaudeCode => "clients/claude.md",
        KnownClient::Cursor => "clients/cursor.md",
        KnownClient::Generic => "validation.md",
        KnownClient::Inspector => "clients/inspector.md",
        KnownClient::VsCode => "clients/vscode.md",
    }
}

/// How a client comes to a client id at an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientId<'t> {
    /// Somebody registered it, and it is this.
    Predefined(&'t str),
    /// It needs none from anybody.
    ByItself(Registration),
    /// Somebody has to register it.
    ByHand,
    /// The issuer's metadata was not read yet.
    NotKnown,
}

impl<'t> ClientId<'t> {
    fn of(client: KnownClient, told: &'t Told<'_>) -> Self {
        if let Some(id) = told.settings.client_ids.of(client) {
            return Self::Predefined(id);
        }
        // Clients take the first issuer that the metadata lists.
        let Some(offered) = told.offers.first().and_then(|offers| offers.registration) else {
            return Self::NotKnown;
        };
        let needs = client.needs();
        let works = |way: &Registration| match way {
            Registration::Predefined => false,
            Registration::ClientDocument => {
                offered.documents && (offered.lists_none || !needs.wants_none_listed)
            }
            Registration::Dynamic => offered.dynamic,
        };
        let way = needs.registrations.iter().copied().find(works);
        way.map_or(Self::ByHand, Self::ByItself)
    }
}

/// The whole section about a client.
pub(super) fn section(client: KnownClient, told: &Told<'_>) -> Html {
    let server = Server {
        name: &told.short_name,
        address: told.address(),
        client_id: told.settings.client_ids.of(client),
        scopes: told.scopes(),
    };
    let title = heading(3, client.name(), client.title());
    let top = el("div")
        .class("top")
        .with(title)
        .with(whereabouts(client, told));
    let section = el("section").class("card");
    let section = section.attr("aria-labelledby", client.name()).with(top);
    let section = match unreachable(client, told) {
        Some(warning) => section.with(warning),
        None => section,
    };
    let (id, offers) = (ClientId::of(client, told), told.offers.first());
    section
        .with(steps(client, &server, told))
        .with(values((client, id), offers, told))
        .with(
            el("p")
                .class("quiet")
                .with("More: ")
                .with(told.guide(guide(client))),
        )
        .into()
}

fn whereabouts(client: KnownClient, told: &Told<'_>) -> Html {
    match (client.calls_from_the_internet(), told.reach) {
        (true, Reach::Public) => tag(Tone::Plain, "calls from the internet"),
        (true, Reach::Loopback | Reach::Private) => tag(Tone::Wait, "cannot reach this address"),
        (false, Reach::Loopback) => tag(Tone::Plain, "on this machine only"),
        (false, Reach::Private) => tag(Tone::Plain, "inside this network only"),
        (false, Reach::Public) => tag(Tone::Plain, "runs where you are"),
    }
}

/// Why a hosted client cannot come here, before somebody tries.
fn unreachable(client: KnownClient, told: &Told<'_>) -> Option<Html> {
    if !client.calls_from_the_internet() {
        return None;
    }
    let place = match told.reach {
        Reach::Loopback => "on this machine",
        Reach::Private => "in a private network",
        Reach::Public => return None,
    };
    let page = match client {
        KnownClient::ChatGpt => "openai-tunnel.md",
        KnownClient::Claude
        | KnownClient::ClaudeCode
        | KnownClient::Cursor
        | KnownClient::Generic
        | KnownClient::Inspector
        | KnownClient::VsCode => "docker-compose.md",
    };
    let why = format!(
        "{} calls from its vendor’s servers on the internet, and this address is {place}. It needs a public https address or a \
         tunnel: ",
        client.title()
    );
    Some(note(Html::from(why).with(told.guide(page))))
}

fn steps(client: KnownClient, server: &Server<'_>, told: &Told<'_>) -> Html {
    let own = server.client_id.is_some();
    match client {
        KnownClient::ChatGpt => chatgpt(own),
        KnownClient::Claude => claude(own),
        KnownClient::ClaudeCode => {
            let command = copyable("claude-code-command", "the command", &server.claude_code());
            prose("In a terminal:")
                .with(command)
                .with(el("p").with(prose(
                    "Then `/mcp` in a session, choose the server, and **Authenticate**.",
                )))
        }
        KnownClient::VsCode => {
            let link = el("a").class("button").href(&server.vscode_link());
            one_click(link.with("Add to VS Code"))
                .with(prose(
                    "Or put this into `.vscode/mcp.json` and start the server from there:",
                ))
                .with(copyable("vscode-file", "the file", &server.vscode_file()))
        }
        KnownClient::Cursor => {
            let link = el("a").class("button").href(&server.cursor_link());
            one_click(link.with("Add to Cursor"))
                .with(prose(
                    "Or put this into `~/.cursor/mcp.json`, then log in at **Settings → MCP**:",
                ))
                .with(copyable("cursor-file", "the file", &server.cursor_file()))
        }
        KnownClient::Inspector => inspector(told),
        KnownClient::Generic => {
            let curl = copyable("generic-command", "the command", &server.curl());
            prose(
                "Paste the address where the client asks for a Streamable HTTP server (for clients of 2024-11-05 there is \
                 `/sse`). A request without a token is answered with 401 and the address of the metadata, from which every \
                 client that follows the MCP authorization rules finds the login:",
            )
            .with(curl)
        }
    }
}

fn one_click(link: Element) -> Html {
    el("p").class("buttons").with(link).into()
}

fn chatgpt(has_client: bool) -> Html {
    let mut steps = vec![
        prose(
            "Open **Settings → Apps → Advanced settings** and switch on **Developer mode**. In a workspace an administrator has to allow it first.",
        ),
        prose("Choose **Create**, give it a name, and paste the address as **MCP server URL**."),
        prose("Leave **Authentication** on **OAuth**."),
    ];
    if has_client {
        steps.push(prose(
            "Open its advanced settings and type in the client ID from below.",
        ));
    }
    steps.push(prose("Create it, and log in when the window opens."));
    list("ol", steps)
}

fn claude(has_client: bool) -> Html {
    let mut steps = vec![
        prose(
            "Open **Settings → Connectors** and choose **Add custom connector**. In a team an owner does this in the organisation’s settings.",
        ),
        prose("Paste the address as **Remote MCP server URL**."),
    ];
    if has_client {
        steps.push(prose(
            "Under **Advanced settings** type in the client ID from below.",
        ));
    }
    steps.push(prose("Choose **Connect**, and log in."));
    list("ol", steps)
}

fn inspector(told: &Told<'_>) -> Html {
    let command = "npx @modelcontextprotocol/inspector";
    let steps = [
        prose("In a terminal:").with(copyable("inspector-command", "the command", command)),
        prose(
            "Choose the transport **Streamable HTTP**, paste the address as **URL**, and **Connect**.",
        ),
    ];
    let steps = list("ol", steps);
    if told.takes_inspector {
        return steps;
    }
    steps.with(note(prose(
        "Its page calls from a browser, and this server does not let that page in. Whoever runs it adds \
         `http://localhost:6274` to `http.allowed_origins`.",
    )))
}

/// The fields of its form, and what the provider has to be told.
fn values(
    (client, id): (KnownClient, ClientId<'_>),
    offers: Option<&Offers>,
    told: &Told<'_>,
) -> Html {
    let provider = offers.map_or("the identity provider", Offers::title);
    let mut rows = vec![
        ("Server URL", code(told.address())),
        ("Client ID", client_id(client, id, offers)),
        ("Scopes", codes(told.scopes().iter().map(String::as_str))),
    ];
    let addresses = redirect_addresses(client);
    if !addresses.is_empty() {
        let field = offers.map_or("Redirect URIs", |offers| offers.profile().redirect_field());
        let who = match id {
            ClientId::ByItself(_) => format!(
                "It registers these itself. Where {provider} limits registration to known hosts, allow theirs."
            ),
            ClientId::ByHand | ClientId::NotKnown | ClientId::Predefined(_) => {
                format!("At {provider} in the field “{field}” of this client.")
            }
        };
        let who = el("p").class("quiet").with(who);
        rows.push(("Redirect addresses", addresses.with(who)));
    }
    facts(rows)
}

fn client_id(client: KnownClient, id: ClientId<'_>, offers: Option<&Offers>) -> Html {
    let title = client.title();
    let provider = offers.map_or("the identity provider", Offers::title);
    match id {
        ClientId::Predefined(id) => code(id).with(" No secret, unless you were given one."),
        ClientId::ByItself(Registration::ClientDocument) => format!(
            "Leave it empty: {provider} knows {title} by the document that its vendor publishes."
        )
        .into(),
        ClientId::ByItself(Registration::Dynamic | Registration::Predefined) => {
            format!("Leave it empty: {title} registers itself at {provider}.").into()
        }
        ClientId::ByHand => {
            let hint = offers.map_or("", |offers| offers.registration_hint);
            let ask = format!("Ask whoever runs this server: {provider} does not take {title} by itself.");
            let hint = format!("For them: {hint}. Then `landing.client_ids` shows the client ID here.");
            Html::from(ask).with(el("p").class("quiet").with(hint))
        }
        ClientId::NotKnown => format!(
            "Not known yet: {provider} has not answered since this server started. Leave it empty at first."
        )
        .into(),
    }
}

fn redirect_addresses(client: KnownClient) -> Html {
    let mut addresses: Vec<Html> = client.redirect_uris().iter().map(|uri| code(uri)).collect();
    if client == KnownClient::ChatGpt {
        let own = code("https://chatgpt.com/connector/oauth/…");
        addresses.push(own.with(" one for each connector, as its page in ChatGPT shows it"));
    }
    if client.picks_its_port() && !addresses.is_empty() {
        addresses
            .push("with any port, where the provider allows that for loopback addresses".into());
    }
    if addresses.is_empty() {
        return Html::default();
    }
    el("div").class("uris").with(list("ul", addresses)).into()
}

/// The names of the clients, each leading to its section.
pub(super) fn chips() -> Html {
    let link = |client: KnownClient| {
        let link = el("a").with(client.title());
        let link = match Href::here(format!("#{}", client.name())) {
            Some(href) => link.href(&href),
            None => link,
        };
        Html::from(el("li").with(link))
    };
    let links = el("ul").class("chips").all(ORDER.into_iter().map(link));
    el("nav").attr("aria-label", "Clients").with(links).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_client_has_a_section_and_its_guide_exists() {
        for client in KnownClient::ALL {
            assert!(ORDER.contains(&client), "{client:?}");
            let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
            assert!(page.join(guide(client)).is_file(), "{client:?}");
        }
    }
}
