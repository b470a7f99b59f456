//! Executes one page: its blocks become one bash script, so that a variable set in one is there in the next.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::demo::programs;
use crate::guide::{Block, Kind, difference};
use crate::places::Places;
use crate::root;

/// For one block.
const LONGEST: Duration = Duration::from_secs(180);

/// One page, being executed.
struct Page<'p> {
    /// Outputs, exit codes and the programs that stand in for building ones.
    scratch: TempDir,
    /// Where the commands run: the project's folder, or a new one where the page writes files.
    folder: PathBuf,
    /// The demo's, for `usher` on pages that write no files: what "your configuration" is there.
    config: Option<PathBuf>,
    places: &'p mut Places,
    /// What serves until the end.
    serving: Vec<Serving>,
}

/// A process group, ended with this value.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        drop(
            Command::new("kill")
                .args(["-s", "TERM", "--", &group])
                // It may have ended by itself.
                .stderr(Stdio::null())
                .status(),
        );
        drop(self.0.wait());
    }
}

impl Drop for Page<'_> {
    /// The last one first: an earlier one may not end for as long as a later one is connected to it.
    fn drop(&mut self) {
        while let Some(serving) = self.serving.pop() {
            drop(serving);
        }
    }
}

/// What became of a page.
pub(crate) struct Outcome {
    /// How many blocks of commands were executed, the failed one included.
    pub(crate) executed: usize,
    /// The line and the problem of the first block that did not do what the page says. Nothing is tried after it: what
    /// follows on the page may build on it.
    pub(crate) failure: Option<(usize, String)>,
}

/// Executes the blocks one after another.
pub(crate) fn page(blocks: &[Block], places: &mut Places) -> anyhow::Result<Outcome> {
    let scratch = tempfile::tempdir()?;
    let writes = blocks.iter().any(|b| matches!(b.kind, Kind::File { .. }));
    let folder = if writes {
        let folder = scratch.path().join("folder");
        std::fs::create_dir(&folder)?;
        folder
    } else {
        root().to_owned()
    };
    stand_ins(scratch.path(), places)?;
    let config = scratch.path().join("usher.toml");
    let text =
        "public_url = \"http://127.0.0.1:8080\"\n[[issuer]]\nissuer = \"http://127.0.0.1:9000\"\n";
    std::fs::write(&config, places.translate(text)?)?;
    let mut page = Page {
        scratch,
        folder,
        config: (!writes).then_some(config),
        places,
        serving: Vec::new(),
    };
    let mut outcome = Outcome {
        executed: 0,
        failure: None,
    };
    for block in blocks {
        if !matches!(block.kind, Kind::File { .. } | Kind::Untested(_)) {
            outcome.executed += 1;
        }
        if let Err(problem) = page.execute(&block.kind) {
            outcome.failure = Some((block.line, format!("{problem:#}")));
            break;
        }
    }
    Ok(outcome)
}

/// `usher` is installed for whoever reads a guide; `cargo run` would build for minutes what is built already; `make` runs
/// in the project's folder and has to know the demo's ports, which `usher` would take for mistakes in its configuration.
/// `npx` and `python3` have what a reader is told to install, in the versions of the other tests.
fn stand_ins(folder: &Path, places: &Places) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = folder.join("bin");
    std::fs::create_dir(&bin)?;
    let programs = programs();
    let programs = programs.display();
    let cargo = format!(
        "#!/bin/bash\n# cargo run (--bin|-p) NAME [-- ARGUMENT…]\n[ \"$1\" = run ] || exit 64\nshift\n\
         while [ $# -gt 0 ]; do case $1 in\n-q|--quiet|--locked) ;;\n--bin|-p) name=$2; shift ;;\n--) shift; break ;;\n\
         *) exit 64 ;; esac; shift; done\nexec \"{programs}/$name\" \"$@\"\n"
    );
    let usher = format!("#!/bin/bash\nexec \"{programs}/usher\" \"$@\"\n");
    let path = path();
    let port = |there| places.here(there).unwrap_or_default();
    let make = format!(
        "#!/bin/bash\ncd {:?} && export PATH={path:?} USHER_PORT={} ADMIN_PORT={} IDP_PORT={}\nexec make \"$@\"\n",
        root().display(),
        port(8080),
        port(8081),
        port(9000),
    );
    let tools = root().join("target/upstream-tools");
    let tools = tools.display();
    let npx = format!(
        "#!/bin/bash\n# npx -y PACKAGE [ARGUMENT…]\n[ \"$1\" = -y ] || exit 64\nexport PATH=\"{tools}/node_modules/.bin:$PATH\"\n\
         name=${{2##*/}}\nshift 2\nexec \"mcp-$name\" \"$@\"\n"
    );
    let python = format!(
        "#!/bin/bash\nprogram=\"{tools}/python/bin/python\"\n[ -x \"$program\" ] || {{ PATH={path:?}; program=python3; }}\n\
         exec \"$program\" \"$@\"\n"
    );
    let all = [
        ("cargo", cargo),
        ("make", make),
        ("npx", npx),
        ("python3", python),
        ("usher", usher),
    ];
    for (name, text) in all {
        let path = bin.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

impl Page<'_> {
    fn execute(&mut self, kind: &Kind) -> anyhow::Result<()> {
        match kind {
            Kind::Untested(_) => Ok(()),
            Kind::File { name, text } => {
                let path = self.folder.join(name);
                std::fs::create_dir_all(path.parent().context("a name of a file")?)?;
                Ok(std::fs::write(path, self.places.translate(text)?)?)
            }
            Kind::Script(script) => {
                let (code, output) = self.bash(&format!("set -eo pipefail\n{script}"))?;
                if code != 0 {
                    bail!("ends with {code}:\n{}", indented(&output));
                }
                Ok(())
            }
            Kind::Serves(script, port) => self.serve(script, *port),
            Kind::Console(commands) => {
                for (at, command) in commands.iter().enumerate() {
                    let (code, output) = self.bash(&command.script)?;
                    if let Some(difference) = difference(&command.output, &output) {
                        let output = indented(&output);
                        bail!(
                            "$ {}    {difference}\n    all of it:\n{output}",
                            command.script
                        );
                    }
                    let next = commands.get(at + 1);
                    let code_is_shown = next.is_some_and(|next| next.script.trim() == "echo $?");
                    if code != 0 && !code_is_shown {
                        bail!("$ {}    ends with {code}", command.script);
                    }
                }
                Ok(())
            }
        }
    }

    /// Runs a script with the variables and functions that the last one left behind; its exit code and everything it printed.
    fn bash(&mut self, script: &str) -> anyhow::Result<(i32, String)> {
        let script = self.places.translate(script)?;
        let (state, output) = (
            self.scratch.path().join("state"),
            self.scratch.path().join("output"),
        );
        let mut text = String::new();
        // What bash itself keeps read-only cannot be set again.
        writeln!(
            text,
            "[ -f {state:?} ] && . {state:?} 2>/dev/null\n\
             trap 'last_code=$?; {{ declare -p | grep -v \"^declare -[a-zA-Z]*r\"; declare -f; }} >{state:?}' EXIT\n\
             (exit ${{last_code:-0}})\n{script}",
        )?;
        let file = std::fs::File::create(&output)?;
        let mut command = self.command();
        if let Some(config) = &self.config {
            command.env("USHER_CONFIG", config);
        }
        command
            .args(["-c", &text])
            .stdout(file.try_clone()?)
            .stderr(file);
        let mut child = Serving(command.spawn()?);
        let deadline = Instant::now() + LONGEST;
        let status = loop {
            if let Some(status) = child.0.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("does not end within {} s", LONGEST.as_secs());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let output = std::fs::read_to_string(&output)?;
        Ok((status.code().unwrap_or(-1), self.places.back(&output)))
    }

    /// Starts what goes on. Where it is Usher on the demo's ports, it gets others.
    fn serve(&mut self, script: &str, port: Option<u16>) -> anyhow::Result<()> {
        let mut command = self.command();
        let (script, port) = match port {
            Some(port) => {
                let text = self.places.translate(script)?;
                let here = self.places.translate(&format!("127.0.0.1:{port}"))?;
                let here = here.rsplit(':').next().unwrap_or_default().parse()?;
                (text, here)
            }
            None => {
                let mut places = self.places.renew(&[8080, 8081])?;
                let port = |there| places.here(there).unwrap_or_default();
                let (main, admin) = (port(8080), port(8081));
                // The defaults, which a page need not name.
                command
                    .env("USHER_LISTEN", format!("127.0.0.1:{main}"))
                    .env("USHER_ADMIN_LISTEN", format!("127.0.0.1:{admin}"));
                (places.translate(script)?, main)
            }
        };
        let output = self
            .scratch
            .path()
            .join(format!("serving-{}", self.serving.len()));
        let file = std::fs::File::create(&output)?;
        command
            .args(["-c", &script])
            // Nobody balances load here.
            .env("USHER_HTTP__DRAIN_DELAY_SECONDS", "0")
            .env("USHER_STATE_DIR", self.scratch.path().join("usher"))
            .stdout(file.try_clone()?)
            .stderr(file);
        let mut child = Serving(command.spawn()?);
        let deadline = Instant::now() + LONGEST;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = child.0.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let output = std::fs::read_to_string(&output)?;
                bail!("does not serve ({ended:?}):\n{}", indented(&output));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.serving.push(child);
        Ok(())
    }

    /// A shell in a process group of its own, with what a newcomer has, and the demo's ports for `make`.
    fn command(&self) -> Command {
        let mut command = Command::new("bash");
        let path = path();
        let bin = self.scratch.path().join("bin");
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.scratch.path())
            .env("LANG", "C.UTF-8")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env(
                "CARGO_TARGET_DIR",
                programs().parent().unwrap_or_else(|| Path::new("target")),
            )
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .process_group(0);
        command
    }
}

/// Says what has to be installed, before half of the pages fail for it.
pub(crate) fn check_tools() -> anyhow::Result<()> {
    let has = |tool: &&str| {
        let folders = path();
        std::env::split_paths(&folders).any(|folder| folder.join(tool).is_file())
    };
    let missing: Vec<_> = ["curl", "make", "python3"]
        .into_iter()
        .filter(|tool| !has(tool))
        .collect();
    let names = missing.join(" ");
    ensure!(
        missing.is_empty(),
        "the guides need: apt-get install {names} (Debian, Ubuntu)"
    );
    Ok(())
}

/// Where programs are found.
#[expect(
    clippy::disallowed_methods,
    reason = "the guides need what this machine has: curl, python3, make"
)]
fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}\n")).collect()
}
