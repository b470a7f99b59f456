//! What is pasted into clients: files, commands and links, for this very server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use crate::http::page::Href;

/// What a snippet is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server<'s> {
    /// What it is called in files and commands.
    pub name: &'s str,
    /// The MCP endpoint.
    pub address: &'s str,
    /// The client id that was registered for this client, if one was.
    pub client_id: Option<&'s str>,
    /// What to ask for.
    pub scopes: &'s [String],
}

/// A name for files and commands, from what people call the server.
pub(super) fn short_name(name: &str) -> String {
    let mut short = String::new();
    for c in name.chars().take(40) {
        if c.is_ascii_alphanumeric() {
            short.push(c.to_ascii_lowercase());
        } else if !short.is_empty() && !short.ends_with('-') {
            short.push('-');
        }
    }
    let short = short.trim_end_matches('-');
    if short.is_empty() { "usher" } else { short }.to_owned()
}

impl Server<'_> {
    /// `.vscode/mcp.json`.
    pub(super) fn vscode_file(&self) -> String {
        let name = self.name;
        pretty(&json!({ "servers": { name: self.vscode() } }))
    }

    /// One click: VS Code asks before it adds the server
    /// (<https://code.visualstudio.com/docs/copilot/chat/mcp-servers>, installation by URL).
    pub(super) fn vscode_link(&self) -> Href {
        let mut server = self.vscode();
        if let Some(server) = server.as_object_mut() {
            server.insert("name".to_owned(), self.name.into());
        }
        Href::program("vscode:mcp/install?", &encoded(&server.to_string()))
    }

    fn vscode(&self) -> Value {
        let url = self.address;
        match self.client_id {
            None => json!({ "type": "http", "url": url }),
            Some(id) => json!({ "type": "http", "url": url, "oauth": { "clientId": id } }),
        }
    }

    /// `~/.cursor/mcp.json`.
    pub(super) fn cursor_file(&self) -> String {
        let name = self.name;
        pretty(&json!({ "mcpServers": { name: self.cursor() } }))
    }

    /// One click: Cursor asks before it adds the server (<https://cursor.com/docs/mcp/install-links>).
    pub(super) fn cursor_link(&self) -> Href {
        let config = STANDARD.encode(self.cursor().to_string());
        let query = format!("name={}&config={}", encoded(self.name), encoded(&config));
        Href::program("cursor://anysphere.cursor-deeplink/mcp/install?", &query)
    }

    fn cursor(&self) -> Value {
        let url = self.address;
        match self.client_id {
            None => json!({ "url": url }),
            Some(id) => {
                json!({ "url": url, "auth": { "CLIENT_ID": id, "scopes": self.scopes } })
            }
        }
    }

    /// Claude Code's command. A client of one's own has one redirect address, so its port is fixed.
    pub(super) fn claude_code(&self) -> String {
        let Self { name, address, .. } = self;
        let own = self.client_id.map_or_else(String::new, |id| {
            format!(" --client-id {} --callback-port 8123", shell(id))
        });
        format!(
            "claude mcp add --transport http{own} {name} {}",
            shell(address)
        )
    }

    /// The doctor's, for one client or for all of them.
    pub(super) fn doctor(&self, client: Option<&str>) -> String {
        let client = client.map_or_else(String::new, |name| format!(" --as {name}"));
        format!("usher doctor {}{client}", shell(self.address))
    }

    /// The first answer that every client gets.
    pub(super) fn curl(&self) -> String {
        format!("curl -i -X POST {}", shell(self.address))
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// Percent-encoded for a query. A space is `%20`, which every reader takes.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// A word for a shell (POSIX, quoting).
fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,[]".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) && !word.contains('[') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::page::{Html, el};

    const SCOPES: &[String] = &[];

    fn server(client_id: Option<&'static str>) -> Server<'static> {
        Server {
            name: "handbook",
            address: "https://mcp.test/mcp",
            client_id,
            scopes: SCOPES,
        }
    }

    #[test]
    fn a_name_for_files_has_no_odd_letters() {
        for (name, expected) in [
            ("Usher", "usher"),
            ("Handbook of Example Inc.", "handbook-of-example-inc"),
            ("  Café «Ö» ", "caf"),
            ("日本", "usher"),
            ("$(rm -rf /)", "rm-rf"),
        ] {
            assert_eq!(short_name(name), expected);
        }
    }

    #[test]
    fn files_have_the_client_id_where_there_is_one() {
        let with = server(Some("a \"b\""));
        assert!(
            server(None)
                .vscode_file()
                .contains("\"url\": \"https://mcp.test/mcp\"")
        );
        assert!(!server(None).vscode_file().contains("oauth"));
        assert!(with.vscode_file().contains(r#""clientId": "a \"b\"""#));
        assert!(with.cursor_file().contains(r#""CLIENT_ID": "a \"b\"""#));
        assert!(!server(None).cursor_file().contains("auth"));
    }

    #[test]
    fn commands_hold_whatever_the_client_id_is() {
        assert_eq!(
            server(None).claude_code(),
            "claude mcp add --transport http handbook https://mcp.test/mcp"
        );
        assert_eq!(
            server(Some("a'; rm -rf ~")).claude_code(),
            r"claude mcp add --transport http --client-id 'a'\''; rm -rf ~' --callback-port 8123 handbook https://mcp.test/mcp"
        );
        assert_eq!(
            server(None).doctor(Some("chatgpt")),
            "usher doctor https://mcp.test/mcp --as chatgpt"
        );
        assert_eq!(shell("http://[::1]:8080/mcp"), "'http://[::1]:8080/mcp'");
    }

    #[test]
    fn links_open_the_editor_with_the_server_in_them() {
        let link = |href: &Href| String::from(Html::from(el("a").href(href)).as_str());
        let vscode = link(&server(None).vscode_link());
        assert!(vscode.contains("vscode:mcp/install?%7B%22"), "{vscode}");
        let cursor = link(&server(None).cursor_link());
        let config = STANDARD.encode(r#"{"url":"https://mcp.test/mcp"}"#);
        assert!(cursor.contains(&encoded(&config)), "{cursor}");
    }
}
