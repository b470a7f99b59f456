//! The guides can be read by what executes them (`tests/guides`, the step `guides` of `tests/run-all`), and it reads them
//! rightly.

use std::path::Path;

use crate::guide::{Block, Command, Kind, blocks, difference};

#[test]
fn every_block_of_commands_in_the_guides_is_executed_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("keycloak/README.md")];
    for entry in walkdir::WalkDir::new(root.join("docs")) {
        let path = entry.expect("a readable folder").into_path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a readable page");
        if let Err(problem) = blocks(&text) {
            panic!("{}: {problem}", page.display());
        }
    }
}

#[test]
fn reads_scripts_consoles_files_and_reasons() {
    let page = "text\n```sh\necho a\n```\n```json\n{}\n```\n   ```console\n   $ echo \\\n     b\n   b\n   $ true\n   ```\n\
                ```toml file=usher.toml\na = 1\n```\n```sh untested needs a tenant\nx\n```\n```sh serves\ny\n```\n\
                ```sh serves=9301\nz\n```\n";
    let command = |script: &str, output: &[&str]| Command {
        script: script.to_owned(),
        output: output.iter().map(|line| (*line).to_owned()).collect(),
    };
    let expected = [
        (2, Kind::Script("echo a\n".into())),
        (
            8,
            Kind::Console(vec![
                command("echo \\\n  b\n", &["b"]),
                command("true\n", &[]),
            ]),
        ),
        (
            14,
            Kind::File {
                name: "usher.toml".into(),
                text: "a = 1\n".into(),
            },
        ),
        (17, Kind::Untested("needs a tenant".into())),
        (20, Kind::Serves("y\n".into(), None)),
        (23, Kind::Serves("z\n".into(), Some(9301))),
    ];
    let expected: Vec<Block> = expected
        .into_iter()
        .map(|(line, kind)| Block { line, kind })
        .collect();
    assert_eq!(blocks(page), Ok(expected));
}

#[test]
fn a_block_that_nobody_would_execute_is_a_mistake() {
    for (page, problem) in [
        ("```sh untested\n```\n", "line 1: `untested` needs a reason"),
        ("\n```bash\n```\n", "line 2: write `sh` or `console`"),
        ("```sh\nno end", "line 1: the block has no end"),
        (
            "```console\nno command\n```",
            "line 1: a `console` block starts",
        ),
        (
            "```sh serves=x\n```\n",
            "line 1: \"sh serves=x\": expected a port",
        ),
        ("```sh later\n```\n", "line 1: \"sh later\": expected"),
    ] {
        let found = blocks(page).expect_err(page);
        assert!(found.starts_with(problem), "{found}");
    }
}

#[test]
fn an_output_is_compared_line_by_line_but_for_what_is_left_open() {
    let shown = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    for (text, found, same) in [
        ("a\nb", "a\nb\n", true),
        ("a\nb", "a\n", false),
        ("a", "a\nb\n", false),
        ("", "a\n", false),
        ("", "", true),
        ("a …", "a b c\n", true),
        ("a … d", "a b c\n", false),
        ("\"x\": \"…\",", "\"x\": \"y\",", true),
        ("…-…-c", "a-b-c", true),
        ("…-…-c", "a-c", false),
        ("…\nc", "a\nb\nc\n", true),
        ("a\n…", "a\nb\nc\n", true),
        ("a\n…", "b\nc\n", false),
        ("a\n…\nc", "a\nc\n", true),
        ("a\n…\nc", "a\nb\n", false),
        ("a\nc", "a\nb\nc\n", false),
    ] {
        let difference = difference(&shown(text), found);
        assert_eq!(
            difference.is_none(),
            same,
            "{text:?} {found:?}: {difference:?}"
        );
    }
}
