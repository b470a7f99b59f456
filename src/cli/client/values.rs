//! What a person types into a client after it was registered.

use std::fmt::Write;

use serde_json::json;

use crate::auth::registration::{
    AuthorizationServer, ClientMetadata, ClientSecret, RegisteredClient,
};
use crate::clients::KnownClient;

/// Everything that is known after a registration.
#[derive(Clone, Copy)]
pub(super) struct Values<'v> {
    pub(super) client: Option<KnownClient>,
    pub(super) public_url: &'v str,
    pub(super) server: &'v AuthorizationServer,
    pub(super) asked: &'v ClientMetadata,
    pub(super) registered: &'v RegisteredClient,
}

impl Values<'_> {
    /// For people: what was registered, and then the client's own form, field by field.
    pub(super) fn text(&self) -> String {
        let mut text = format!("registered at {}\n\n", self.server.issuer);
        let mut registered = vec![
            ("client id", self.registered.id.clone()),
            (
                "client secret",
                self.secret_or("none: it proves itself by PKCE"),
            ),
        ];
        let addresses = self.redirect_uris().iter();
        registered.extend(addresses.map(|address| ("redirect address", address.clone())));
        registered.push(("scopes", self.scopes()));
        table(&mut text, &registered);
        // Writing into a string cannot fail.
        let _ = writeln!(text, "\n{}", self.place());
        match self.file() {
            Some(file) => text.push_str(&file),
            None => table(&mut text, &self.form()),
        }
        text
    }

    /// For programs, with what RFC 7592 needs to change or delete the registration later.
    pub(super) fn json(&self) -> String {
        let secret = |secret: &Option<ClientSecret>| secret.as_ref().map(|s| s.expose().to_owned());
        let value = json!({
            "issuer": self.server.issuer,
            "client_id": self.registered.id,
            "client_secret": secret(&self.registered.secret),
            "client_secret_expires_at": self.registered.secret_expires_at,
            "token_endpoint_auth_method": self.authentication(),
            "redirect_uris": self.redirect_uris(),
            "scope": self.scopes(),
            "server_url": self.server_url(),
            "authorization_endpoint": self.server.authorization_endpoint,
            "token_endpoint": self.server.token_endpoint,
            "registration_client_uri": self.registered.registration_client_uri,
            "registration_access_token": secret(&self.registered.registration_access_token),
        });
        format!("{value:#}\n")
    }

    /// Where the values are typed in. The words are the vendors', and change.
    fn place(&self) -> &'static str {
        match self.client {
            None | Some(KnownClient::Generic) => "What the client's set-up may ask for",
            Some(KnownClient::ChatGpt) => {
                "In ChatGPT, with developer mode on: Settings > Apps > Create, authentication OAuth, and under its advanced \
                 settings a client of your own"
            }
            Some(KnownClient::Claude) => "In Claude: Settings > Connectors > Add custom connector",
            Some(KnownClient::ClaudeCode) => {
                "In a terminal: claude mcp add --transport http --client-id CLIENT_ID usher URL"
            }
            Some(KnownClient::Cursor) => "In ~/.cursor/mcp.json, or .cursor/mcp.json of a project",
            Some(KnownClient::Inspector) => {
                "In the MCP Inspector: the server's settings, transport Streamable HTTP"
            }
            Some(KnownClient::VsCode) => "In .vscode/mcp.json, or MCP: Open User Configuration",
        }
    }

    /// The fields of the client's form.
    fn form(&self) -> Vec<(&'static str, String)> {
        let url = |url: &Option<String>| url.clone().unwrap_or_else(|| "not known".to_owned());
        let id = || self.registered.id.clone();
        match self.client {
            Some(KnownClient::Claude) => vec![
                ("Remote MCP server URL", self.server_url()),
                ("Advanced settings: OAuth Client ID", id()),
                (
                    "Advanced settings: OAuth Client Secret",
                    self.secret_or("leave it empty"),
                ),
            ],
            Some(KnownClient::ClaudeCode) => vec![
                ("URL", self.server_url()),
                ("--client-id", id()),
                ("--client-secret", self.secret_or("leave it out")),
            ],
            Some(KnownClient::Inspector) => vec![
                ("URL", self.server_url()),
                ("OAuth client ID", id()),
                ("OAuth client secret", self.secret_or("leave it empty")),
                ("OAuth scope", self.scopes()),
            ],
            // Cursor and VS Code have a file instead.
            None
            | Some(
                KnownClient::ChatGpt
                | KnownClient::Cursor
                | KnownClient::Generic
                | KnownClient::VsCode,
            ) => vec![
                ("MCP server URL", self.server_url()),
                ("OAuth client ID", id()),
                ("OAuth client secret", self.secret_or("leave it empty")),
                (
                    "Token endpoint auth method",
                    self.authentication().to_owned(),
                ),
                ("Scopes", self.scopes()),
                (
                    "Authorization URL",
                    url(&self.server.authorization_endpoint),
                ),
                ("Token URL", url(&self.server.token_endpoint)),
                ("Authorization server", self.server.issuer.clone()),
                ("Resource", self.server_url()),
            ],
        }
    }

    /// For the clients that have a file in place of a form.
    fn file(&self) -> Option<String> {
        let id = &self.registered.id;
        let url = self.server_url();
        let file = match self.client? {
            KnownClient::Cursor => {
                let scopes = self.scopes();
                let scopes: Vec<_> = scopes.split(' ').collect();
                let auth = match &self.registered.secret {
                    None => json!({ "CLIENT_ID": id, "scopes": scopes }),
                    Some(secret) => json!({
                        "CLIENT_ID": id, "CLIENT_SECRET": secret.expose(), "scopes": scopes,
                    }),
                };
                json!({ "mcpServers": { "usher": { "url": url, "auth": auth } } })
            }
            // It has no member for a secret, and asks for one.
            KnownClient::VsCode => {
                let oauth = json!({ "clientId": id });
                json!({ "servers": { "usher": { "type": "http", "url": url, "oauth": oauth } } })
            }
            KnownClient::ChatGpt
            | KnownClient::Claude
            | KnownClient::ClaudeCode
            | KnownClient::Generic
            | KnownClient::Inspector => return None,
        };
        Some(format!("{file:#}\n"))
    }

    fn server_url(&self) -> String {
        format!("{}/mcp", self.public_url)
    }

    fn secret_or(&self, without: &str) -> String {
        let secret = self.registered.secret.as_ref();
        secret.map_or_else(|| without.to_owned(), |secret| secret.expose().to_owned())
    }

    /// What the issuer says, which counts; else what was asked for.
    pub(super) fn redirect_uris(&self) -> &[String] {
        let registered = self.registered.redirect_uris.as_ref();
        registered.unwrap_or(&self.asked.redirect_uris)
    }

    fn scopes(&self) -> String {
        // What was asked for is in the order that people know, and the notes say what is missing.
        let registered = self.registered.scope.clone();
        match self.asked.scopes.is_empty() {
            true => registered.unwrap_or_default(),
            false => self.asked.scopes.to_string(),
        }
    }

    /// RFC 7591 §2: "If unspecified or omitted, the default is `client_secret_basic`"; without a secret it cannot be.
    pub(super) fn authentication(&self) -> &str {
        let by_default = match self.registered.secret {
            Some(_) => "client_secret_basic",
            None => "none",
        };
        self.registered
            .authentication
            .as_deref()
            .unwrap_or(by_default)
    }
}

/// Two columns.
fn table(text: &mut String, rows: &[(&str, String)]) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<width$}  {value}");
    }
}
