//! Reads a guide: which of its fenced blocks are commands, what is shown as their output, and whether an output is it.
//!
//! A block of commands starts with ```` ```sh ```` (a script) or ```` ```console ```` (lines after `$ ` are commands, the
//! lines below are their output). Behind that stands nothing, or
//! - `untested REASON`: it is not run, and the reason says why;
//! - `serves`: it runs until the end of the page, and is ready when it accepts connections, at 127.0.0.1:8080;
//! - `serves=PORT`: the same at another port, which its own configuration names.
//!
//! A block with `file=NAME` behind its language is a file of that name. `…` in an output stands for any characters of a
//! line, and alone on a line for any lines.

/// A block that somebody does something with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where it starts.
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Commands and what they print.
    Console(Vec<Command>),
    /// A file to be written.
    File { name: String, text: String },
    /// A script whose output is not shown.
    Script(String),
    /// A script that goes on, and the port at which it then answers, if that is not Usher's.
    Serves(String, Option<u16>),
    /// Not run.
    Untested(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) script: String,
    pub(crate) output: Vec<String>,
}

/// Every block of a page that is a command or a file; an error names the line and what is wrong there.
pub(crate) fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let Some(info) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let mut text = String::new();
        loop {
            let Some((_, line)) = lines.next() else {
                return Err(format!("line {}: the block has no end", at + 1));
            };
            if line.trim() == "```" {
                break;
            }
            text.push_str(line.get(indent..).unwrap_or_default());
            text.push('\n');
        }
        let kind =
            kind(info.trim(), text).map_err(|problem| format!("line {}: {problem}", at + 1))?;
        blocks.extend(kind.map(|kind| Block { line: at + 1, kind }));
    }
    Ok(blocks)
}

/// What a block is, by what stands behind its fence. Nothing: it is none of ours.
fn kind(info: &str, text: String) -> Result<Option<Kind>, String> {
    let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
    let rest = rest.trim();
    if let Some(name) = rest.strip_prefix("file=") {
        let name = name.to_owned();
        return Ok(Some(Kind::File { name, text }));
    }
    if !["bash", "console", "sh", "shell"].contains(&language) {
        return Ok(None);
    }
    let (word, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    match (language, word, reason.trim()) {
        ("bash" | "shell", ..) => Err("write `sh` or `console`".to_owned()),
        (_, "untested", "") => Err("`untested` needs a reason".to_owned()),
        (_, "untested", reason) => Ok(Some(Kind::Untested(reason.to_owned()))),
        ("sh", "serves", "") => Ok(Some(Kind::Serves(text, None))),
        ("sh", serves, "") if serves.starts_with("serves=") => {
            let port = serves
                .split_once('=')
                .and_then(|(_, port)| port.parse().ok());
            let port = port.ok_or_else(|| format!("{info:?}: expected a port"))?;
            Ok(Some(Kind::Serves(text, Some(port))))
        }
        ("sh", "", "") => Ok(Some(Kind::Script(text))),
        ("console", "", "") => commands(&text).map(|commands| Some(Kind::Console(commands))),
        _ => Err(format!(
            "{info:?}: expected `untested` and a reason, or nothing"
        )),
    }
}

/// `$ ` starts a command; it goes on over lines that end in a backslash, and to the end of a here-document.
fn commands(text: &str) -> Result<Vec<Command>, String> {
    let mut commands: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let fresh = line.strip_prefix("$ ");
        match (fresh, commands.last_mut()) {
            (None, None) => {
                return Err("a `console` block starts with `$ ` and a command".to_owned());
            }
            (None, Some(last)) if goes_on => {
                last.script.push_str(line);
                last.script.push('\n');
            }
            (None, Some(last)) => last.output.push(line.to_owned()),
            (Some(command), _) => commands.push(Command {
                script: format!("{command}\n"),
                output: Vec::new(),
            }),
        }
        goes_on = (fresh.is_some() || goes_on) && line.ends_with('\\');
    }
    Ok(commands)
}

/// The first line that is shown and did not come, or came and is not shown. Nothing: it is as shown.
pub(crate) fn difference(shown: &[String], found: &str) -> Option<String> {
    let found: Vec<&str> = found.lines().map(str::trim_end).collect();
    let (mut at, mut skipping) = (0, false);
    for line in shown.iter().map(|line| line.trim_end()) {
        if line.trim() == "…" {
            skipping = true;
            continue;
        }
        let rest = found.get(at..).unwrap_or_default();
        let place = rest.iter().position(|candidate| is_like(line, candidate));
        match place {
            Some(0) => at += 1,
            Some(skipped) if skipping => at += skipped + 1,
            Some(_) | None => {
                let came = rest.first().unwrap_or(&"nothing more");
                return Some(format!("shown:  {line}\n    came:   {came}"));
            }
        }
        skipping = false;
    }
    match found.get(at) {
        Some(line) if !skipping => Some(format!("shown:  nothing more\n    came:   {line}")),
        Some(_) | None => None,
    }
}

/// True if `found` is `shown`, where `…` stands for anything.
fn is_like(shown: &str, found: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}
