//! What upstreams, issuers and audiences have to do with each other.

use super::{LEAST, accepted, refused};
use crate::config::Warning;

/// What is said of an upstream with these keys, besides a second issuer if `issuers` is 2.
fn said(issuers: usize, keys: &str) -> String {
    let second =
        "[[issuer]]\nissuer = \"https://other.example.com\"\naudiences = [\"api://all\"]\n";
    let second = if issuers == 2 { second } else { "" };
    let upstream = "[[upstream]]\nname = \"orders\"\nhttp = \"https://orders.example.com/mcp\"\n";
    let file = format!("audiences = [\"api://usher\"]\n{LEAST}{second}{upstream}{keys}");
    refused(Some(&file), &[])
}

fn asking(folder: &tempfile::TempDir, keys: &str) -> String {
    let path = folder.path().join("secret");
    std::fs::write(&path, "s3cret\n").expect("a file");
    format!(
        "[upstream.credential]\nkind = \"token_exchange\"\nclient_id = \"usher\"\nsecret_file = {path:?}\naudience = \"orders\"\n{keys}"
    )
}

#[test]
fn refuses_a_credential_of_an_issuer_that_is_not_here_or_not_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = said(2, &asking(&folder, ""));
    for part in [
        "upstream[0].credential.issuer",
        "several issuers are configured, and this names none",
        "byte for byte",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let named = asking(&folder, "issuer = \"https://other.example.com/\"\n");
    let text = said(2, &named);
    assert!(
        text.contains("\"https://other.example.com/\" is none of the configured issuers"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn an_only_issuer_needs_no_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = "[[upstream]]\nname = \"orders\"\nhttp = \"https://orders.example.com/mcp\"\n";
    let file = format!("{LEAST}{upstream}{}", asking(&folder, ""));
    let config = accepted(&file, &[]);
    let exchange = config.auth.exchanges.first().expect("an exchange");
    let issuer = config.auth.issuer.first().expect("an issuer");
    assert_eq!(exchange.issuer, issuer.issuer);
    assert_eq!(exchange.audience.as_deref(), Some("orders"));
}

#[test]
fn refuses_an_audience_by_which_a_token_would_open_two_resources() {
    for (audience, problem) in [
        ("api://usher", "names something else here as well"),
        ("api://all", "names something else here as well"),
        (
            "https://mcp.example.com",
            "names something else here as well",
        ),
        (
            "https://mcp.example.com/mcp",
            "names something else here as well",
        ),
        (
            "https://mcp.example.com/mcp/other",
            "names something else here as well",
        ),
        (" api://orders", "is empty or has spaces around it"),
        ("", "is empty or has spaces around it"),
    ] {
        let text = said(2, &format!("audiences = [{audience:?}]\n"));
        assert!(
            text.contains("upstream[0].audiences") && text.contains(problem),
            "{audience:?}:\n{text}"
        );
    }
    let other = "audiences = [\"api://x\"]\n[[upstream]]\nname = \"other\"\nhttp = \"https://x.example.com/\"\naudiences = [\"api://x\"]\n";
    let text = said(1, other);
    assert!(text.contains("upstream[1].audiences"), "{text}");
}

#[test]
fn refuses_upstreams_of_one_name_without_a_way_there_or_with_secrets_that_are_none() {
    let here = "http = \"http://127.0.0.1:1/mcp\"\n";
    let upstream = |name: &str, keys: &str| format!("[[upstream]]\nname = \"{name}\"\n{keys}");
    let twice = upstream("orders", here) + &upstream("orders", here);
    let unreadable =
        "stdio.command = \"true\"\nstdio.secret_files = [\"KEY=/no/such/file\", \"KEY\"]\n";
    let nowhere = "stdio.arguments = [\"serve\"]\n";
    let header = "http = \"https://a.example.com/mcp\"\ncredential = { kind = \"header\", secret_file = \"/no/such/file\" }\n";
    for (upstreams, parts) in [
        (
            twice,
            &[
                "upstream[1].name",
                "upstream[0] is called \"orders\" as well",
                "give one another name",
            ][..],
        ),
        (
            upstream("a", nowhere),
            &[
                "upstream[0]",
                "set one of `http`, `sse` and `stdio.command`",
            ],
        ),
        (
            upstream("a", unreadable),
            &[
                "upstream[0].stdio.secret_files",
                "\"KEY=/no/such/file\": No such file or directory",
                "\"KEY\": no NAME=file",
                "expected NAME=file with a readable file that has text",
            ],
        ),
        (
            upstream("a", header),
            &[
                "upstream[0].credential.secret_file",
                "No such file or directory",
            ],
        ),
    ] {
        let text = refused(Some(&format!("{LEAST}{upstreams}")), &[]);
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}

#[cfg(unix)]
#[test]
fn every_file_that_holds_a_secret_is_looked_at() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, mode| {
        let path = folder.path().join(name);
        std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        path
    };
    let (admin, asks) = (file("admin", 0o600), file("asks", 0o644));
    let (header, child) = (file("header", 0o640), file("child", 0o644));
    let config = accepted(
        &format!(
            "admin_secret_file = {admin:?}\n{LEAST}[issuer.introspection]\nenabled = true\nclient_id = \"usher\"\n\
             client_secret_file = {asks:?}\n\
             [[upstream]]\nname = \"a\"\nhttp = \"https://a.example.com/mcp\"\n\
             credential = {{ kind = \"header\", secret_file = {header:?} }}\n\
             [[upstream]]\nname = \"b\"\nstdio.command = \"true\"\nstdio.secret_files = [\"KEY={}\"]\n",
            child.display()
        ),
        &[],
    );
    assert_eq!(
        config.secret_files,
        [admin, asks.clone(), header, child.clone()]
    );
    let open = [Warning::OpenSecret(asks), Warning::OpenSecret(child)];
    let told = config.warnings.iter();
    let told = told.filter(|warning| matches!(warning, Warning::OpenSecret(_)));
    assert_eq!(told.collect::<Vec<_>>(), open.iter().collect::<Vec<_>>());
}
