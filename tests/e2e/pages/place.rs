//! A server with public names, in this process: its issuer is behind TLS and a proxy, so that the names need no DNS. It has
//! upstreams, rules, clients that call, one that listens, and some that are refused.

use anyhow::ensure;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use usher::policy::RuleSettings;
use usher::upstream::UpstreamSettings;

use crate::eventually::eventually;
use crate::gateway::{Reply, TestGateway};
use crate::issuer::TestIssuer;
use crate::raw_upstream::{RawUpstream, Speaks};
use crate::tls::{Authority, Certificate, Chain, Front};

const ISSUER: &str = "https://sso.example.com/realms/handbook";
const TICKETS: &str = r#"[
  {"name":"create_ticket","inputSchema":{"type":"object"}},
  {"name":"close_ticket","inputSchema":{"type":"object"}},
  {"name":"find_tickets","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}
]"#;

/// The server, and what it stands on.
pub(super) struct Place {
    pub(super) gateway: TestGateway,
    /// Somebody listens for as long as this is here.
    _listening: Vec<reqwest::Response>,
    _front: Front,
    _proxy: Proxy,
    _folder: TempDir,
}

impl Place {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new();
        let issuer = TestIssuer::start_at("/realms/handbook").await;
        let shown = Certificate {
            name: "sso.example.com",
            expired: false,
            chain: Chain::Whole,
        };
        let front = authority.front(issuer.address(), shown).await;
        issuer.claim_issuer(ISSUER);
        issuer.set_metadata("jwks_uri", json!("https://sso.example.com/jwks"));
        let proxy = Proxy::start(front.url().trim_start_matches("https://").to_owned()).await?;
        let tickets = RawUpstream::start(Speaks::Modern).await;
        tickets.tools(TICKETS);
        let (ca_file, proxy_url, tickets_url) = (
            authority.file(folder.path()),
            proxy.url.clone(),
            tickets.url.clone(),
        );
        let gateway = TestGateway::builder()
            .issuer(issuer)
            .settings(move |settings| {
                settings.public_url = "https://mcp.example.com".into();
                settings.resource_name = Some("Example handbook".into());
                settings.outbound.ca_files = vec![ca_file];
                settings.outbound.proxy = Some(proxy_url);
                settings.issuer.first_mut().expect("the issuer").issuer = ISSUER.into();
                settings
                    .collection
                    .first_mut()
                    .expect("the collection")
                    .name = "orders".into();
                settings.landing.client_ids.vscode = Some("handbook-vscode".into());
                settings.upstream = vec![
                    UpstreamSettings {
                        name: "tickets".into(),
                        http: Some(tickets_url),
                        trust_annotations: true,
                        ..UpstreamSettings::default()
                    },
                    UpstreamSettings {
                        name: "payroll".into(),
                        http: Some("http://127.0.0.1:9/mcp".into()),
                        ..UpstreamSettings::default()
                    },
                ];
                settings.rule = vec![RuleSettings {
                    name: Some("only support closes tickets".into()),
                    tools: vec!["tickets__close_ticket".into()],
                    groups: vec!["support".into(), "support-leads".into()],
                    ..RuleSettings::default()
                }];
            });
        let mut place = Self {
            gateway: gateway.start().await,
            _listening: Vec::new(),
            _front: front,
            _proxy: proxy,
            _folder: folder,
        };
        place.until_listed().await;
        place.be_busy().await?;
        Ok(place)
    }

    /// What the clients of a day do.
    async fn be_busy(&mut self) -> anyhow::Result<()> {
        let gateway = &self.gateway;
        let token = |client: &str| {
            gateway
                .token()
                .keycloak()
                .claim("iss", json!(ISSUER))
                .claim("azp", json!(client))
        };
        let search = json!({ "name": "search", "arguments": { "query": "lemon" } });
        let (chatgpt, code) = ("openai-mcp/1.0.0", "claude-code/2.1.4 (cli)");
        for (client, software, times) in [("chatgpt", chatgpt, 14), ("claude-code", code, 3)] {
            let good = token(client).mint();
            for _ in 0..times {
                let reply = self
                    .call(&good, software, "tools/call", search.clone())
                    .await;
                ensure!(reply.status == 200, "{} {}", reply.status, reply.text());
            }
            self.call(&good, software, "tools/list", json!({})).await;
        }
        let closing = json!({ "name": "tickets__close_ticket", "arguments": {} });
        let reply = self
            .call(&token("claude-code").mint(), code, "tools/call", closing)
            .await;
        ensure!(reply.status >= 400, "{} {}", reply.status, reply.text());
        let wrong = token("chatgpt").claim("aud", json!("account")).mint();
        for _ in 0..5 {
            let reply = self.call(&wrong, chatgpt, "tools/list", json!({})).await;
            ensure!(reply.status == 401, "{} {}", reply.status, reply.text());
        }
        let forged = token("<b>mallory</b>")
            .header("kid", json!("nobody-knows-this-key"))
            .mint();
        self.call(
            &forged,
            "curl/8.5.0 <script>alert(1)</script>",
            "tools/list",
            json!({}),
        )
        .await;
        let expired = token("vscode").expires_in(-600).mint();
        self.call(
            &expired,
            "Visual Studio Code/1.106.0",
            "tools/list",
            json!({}),
        )
        .await;
        let mut listening = Vec::new();
        for (client, software) in [
            ("claude-code", code),
            ("cursor", "Cursor/2.0.77 (linux x64)"),
        ] {
            let request = gateway
                .request("GET", "/sse")
                .bearer_auth(token(client).mint());
            let request = request
                .header("accept", "text/event-stream")
                .header("user-agent", software);
            listening.push(request.send().await?);
        }
        self._listening = listening;
        Ok(())
    }

    async fn call(&self, token: &str, software: &str, method: &str, params: Value) -> Reply {
        let request = self.gateway.request("POST", "/mcp").bearer_auth(token);
        let request = request
            .header("accept", "application/json, text/event-stream")
            .header("user-agent", software)
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
        Reply::of(request).await
    }

    async fn until_listed(&self) {
        let url = format!("{}/tools", self.gateway.admin_url);
        let look = async || {
            let tools = Reply::of(self.gateway.http_client.get(&url)).await;
            tools
                .text()
                .contains("tickets__create_ticket")
                .then_some(())
        };
        eventually("the upstream's tools are listed", look).await;
    }
}

/// An HTTP proxy (RFC 9110 §9.3.6) that takes everybody to the same place, whatever host they ask for.
struct Proxy {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    #[expect(clippy::disallowed_methods, reason = "it runs beside the rows")]
    async fn start(behind: String) -> anyhow::Result<Self> {
        let behind = behind.replace("localhost", "127.0.0.1");
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let behind = behind.clone();
                tokio::spawn(async move { drop(carry(client, &behind).await) });
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, behind: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let mut server = TcpStream::connect(behind).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
