//! A real nginx between the client and Usher.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use crate::{ports, tools};

/// One nginx with one server.
pub(crate) struct Nginx {
    port: u16,
    _child: Child,
    _folder: TempDir,
}

/// The program, if this machine has it.
pub(crate) fn program() -> Option<PathBuf> {
    tools::root()
        .join("target/laboratory-tools/nginx")
        .canonicalize()
        .ok()
}

impl Nginx {
    /// Starts it in front of `behind`, with these lines in its `server`; `{behind}` and `{folder}` stand for what they say.
    pub(crate) async fn start(behind: &str, lines: &str) -> anyhow::Result<Self> {
        let program = program().context("no nginx: run `tests/laboratory/install`")?;
        let folder = tempfile::tempdir()?;
        let port = ports::free()?;
        let path = folder.path().display().to_string();
        let location = if lines.contains("location / ") {
            ""
        } else {
            "location / { proxy_pass {behind}; }\n"
        };
        let text = format!(
            "daemon off; master_process off; pid {{folder}}/pid; error_log {{folder}}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{\naccess_log off; default_type text/plain;\n\
             client_body_temp_path {{folder}}/body; proxy_temp_path {{folder}}/proxy;\n\
             fastcgi_temp_path {{folder}}/fastcgi; uwsgi_temp_path {{folder}}/uwsgi; scgi_temp_path {{folder}}/scgi;\n\
             proxy_cache_path {{folder}}/cache keys_zone=kept:1m;\n\
             proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection '';\n\
             server {{\nlisten 127.0.0.1:{port};\n{lines}\n{location}}}\n}}\n"
        );
        let text = text.replace("{behind}", behind).replace("{folder}", &path);
        let config = folder.path().join("nginx.conf");
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(folder.path().join("stderr.log"))?;
        let mut child = tools::program(&program)
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start nginx")?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            if child.try_wait()?.is_some() || Instant::now() > deadline {
                let said = ["stderr.log", "error.log"]
                    .map(|name| std::fs::read_to_string(folder.path().join(name)));
                bail!("nginx does not start: {said:?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self {
            port,
            _child: child,
            _folder: folder,
        })
    }

    /// Its address, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
