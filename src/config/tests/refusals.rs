//! Every reason to refuse the start, with what is said.

use super::{LEAST, accepted, refused, refused_with, sources};
use crate::config::{Secret, load};

#[test]
fn refuses_what_is_not_toml() {
    insta::assert_snapshot!(refused_with("listen = = 3\nstate_dir = /var/lib"), @r"
    usher.toml:1:10
      problem:  this is not TOML: extra `=`, expected nothing
    usher.toml:2:13
      problem:  this is not TOML: string values must be quoted, expected literal string
    ");
}

#[test]
fn refuses_a_mistake_in_the_file_although_a_variable_covers_it() {
    let file = format!("listen = 8080\n{LEAST}");
    insta::assert_snapshot!(refused(Some(&file), &[("USHER_LISTEN", "127.0.0.1:8080")]), @r"
    usher.toml:1:10: listen
      found:    8080
      expected: an IP address and a port, such as 127.0.0.1:8080
    ");
}

#[test]
fn refuses_a_gap_in_a_list() {
    insta::assert_snapshot!(refused(Some(LEAST), &[("USHER_ISSUER__2__ISSUER", "https://x.example.com")]), @r"
    environment variable USHER_ISSUER__2__ISSUER: issuer[2].issuer
      problem:  this leaves a gap in the list
      do:       count from 0 without leaving a number out
    ");
}

#[test]
fn refuses_a_configuration_without_an_issuer_or_a_public_url() {
    insta::assert_snapshot!(refused(None, &[]), @r"
    configuration: issuer
      problem:  no issuer is configured
      expected: at least one [[issuer]], or KC_ISSUER; without one nobody could log in
    configuration: public_url
      problem:  it is missing
      do:       set it (or MCP_SERVER_URL) to an origin such as https://mcp.example.com
    ");
}

#[test]
fn refuses_a_public_url_that_is_not_an_origin() {
    let urls = [
        "https://mcp.example.com/",
        "https://mcp.example.com/mcp",
        "https://mcp.example.com?a=b",
        "https://mcp.example.com#f",
        "https://ada:hunter2@mcp.example.com",
        "https://MCP.example.com",
        "https://mcp.example.com:443",
        "http://mcp.example.com",
        "ftp://mcp.example.com",
        "mcp.example.com",
        "*",
    ];
    let said: Vec<String> = urls
        .iter()
        .map(|url| refused(Some(LEAST), &[("MCP_SERVER_URL", url)]))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    environment variable MCP_SERVER_URL: public_url
      found:    "https://mcp.example.com/"
      problem:  it ends in a slash
      expected: an origin such as https://mcp.example.com; write "https://mcp.example.com"
    environment variable MCP_SERVER_URL: public_url
      found:    "https://mcp.example.com/mcp"
      problem:  it has a path; the MCP endpoint is at /mcp below it
      expected: an origin such as https://mcp.example.com; write "https://mcp.example.com"
    environment variable MCP_SERVER_URL: public_url
      found:    "https://mcp.example.com?a=b"
      problem:  it has a query
      expected: an origin such as https://mcp.example.com; write "https://mcp.example.com"
    environment variable MCP_SERVER_URL: public_url
      found:    "https://mcp.example.com#f"
      problem:  it has a fragment
      expected: an origin such as https://mcp.example.com; write "https://mcp.example.com"
    environment variable MCP_SERVER_URL: public_url
      found:    "https://(hidden)@mcp.example.com"
      problem:  it contains user info
      expected: an origin such as https://mcp.example.com; write "https://mcp.example.com"
    environment variable MCP_SERVER_URL: public_url
      found:    "https://MCP.example.com"
      problem:  it is not written canonically
      expected: an origin such as https://mcp.example.com; write "https://mcp.example.com"
    environment variable MCP_SERVER_URL: public_url
      found:    "https://mcp.example.com:443"
      problem:  it is not written canonically
      expected: an origin such as https://mcp.example.com; write "https://mcp.example.com"
    environment variable MCP_SERVER_URL: public_url
      found:    "http://mcp.example.com"
      problem:  plain http is for loopback only
      expected: https
    environment variable MCP_SERVER_URL: public_url
      found:    "ftp://mcp.example.com"
      problem:  its scheme is neither https nor http
      expected: an origin such as https://mcp.example.com
    environment variable MCP_SERVER_URL: public_url
      found:    "mcp.example.com"
      problem:  it is not a URL
      expected: an origin such as https://mcp.example.com
    environment variable MCP_SERVER_URL: public_url
      found:    "*"
      problem:  it is not a URL
      expected: an origin such as https://mcp.example.com
    "#);
}

#[test]
fn refuses_plain_http_unless_issuer_and_public_url_are_both_on_loopback() {
    let check = |public_url, issuer| {
        load(&sources(
            None,
            &[("MCP_SERVER_URL", public_url), ("KC_ISSUER", issuer)],
        ))
        .map(drop)
    };
    assert_eq!(
        check("http://127.0.0.1:8080", "http://localhost:9000"),
        Ok(())
    );
    assert_eq!(
        check("http://[::1]:8080", "https://sso.example.com"),
        Ok(())
    );
    let refusals = [
        check("https://mcp.example.com", "http://127.0.0.1:9000"),
        check("http://127.0.0.1:8080", "http://sso.example.com"),
    ];
    let said = refusals.map(|refusal| refusal.unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @r#"
    environment variable KC_ISSUER: issuer[0].issuer
      found:    "http://127.0.0.1:9000"
      problem:  a plain http issuer on loopback serves a public address; is this a demo's setting?
      expected: the https address of your identity provider; a demo's issuer goes with a public_url on loopback
    environment variable KC_ISSUER: issuer[0].issuer
      found:    "http://sso.example.com"
      problem:  plain http is for loopback only
      expected: https
    "#);
}

#[test]
fn refuses_symmetric_and_unknown_algorithms() {
    let algorithms = ("USHER_ISSUER__0__ALGORITHMS", "RS256,HS256,none,rs256");
    insta::assert_snapshot!(refused(Some(LEAST), &[algorithms]), @r#"
    environment variable USHER_ISSUER__0__ALGORITHMS: issuer[0].algorithms[1]
      found:    "HS256"
      problem:  it is symmetric: whoever can check a token could also make one
      expected: some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA
    environment variable USHER_ISSUER__0__ALGORITHMS: issuer[0].algorithms[2]
      found:    "none"
      problem:  `none` would accept unsigned tokens
      expected: some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA
    environment variable USHER_ISSUER__0__ALGORITHMS: issuer[0].algorithms[3]
      found:    "rs256"
      problem:  it is not a known algorithm
      expected: some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA
    "#);
}

#[test]
fn refuses_the_same_issuer_twice() {
    let file = format!("{LEAST}[[issuer]]\nissuer = \"https://sso.example.com\"\n");
    insta::assert_snapshot!(refused(Some(&file), &[]), @r#"
    usher.toml:5:10: issuer[1].issuer
      found:    "https://sso.example.com"
      problem:  two issuers write the same `iss`
      expected: each issuer once
    "#);
}

#[test]
fn refuses_collections_of_one_name_and_a_collection_without_a_path() {
    let collections = "[[collection]]\nname = \"a\"\npath = \"/a\"\n[[collection]]\nname = \"a\"\npath = \"/b\"\n";
    insta::assert_snapshot!(refused(Some(&format!("{LEAST}{collections}")), &[]), @r#"
    usher.toml:8:8: collection[1].name
      found:    "a"
      problem:  two collections are named `a`; give each its own name
    "#);
    let collections = "[search]\nresults = 0\n[[collection]]\nname = \"a\"\n[[collection]]\nname = \"B\"\npath = \"/b\"\n";
    insta::assert_snapshot!(refused(Some(&format!("{LEAST}{collections}")), &[]), @r#"
    usher.toml:5:11: search.results
      found:    0
      problem:  search.results: expected 1 to 25, found 0
    usher.toml:6:1: collection[0].path
      problem:  collection `a` has no `path`; name a folder or a JSON Lines file
    usher.toml:9:8: collection[1].name
      found:    "B"
      problem:  expected a collection name of 1 to 64 lower-case letters, digits, `-` or `_`, found `B`
    "#);
}

#[test]
fn refuses_a_session_key_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "c2hvcnQ=").unwrap();
    let said = refused(
        Some(LEAST),
        &[("USHER_MCP__SESSION_KEY_FILE", &key.display().to_string())],
    );
    let said = said.replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(said, @r#"
    environment variable USHER_MCP__SESSION_KEY_FILE: mcp.session_key_file
      found:    "FOLDER/key"
      problem:  FOLDER/key must hold 32 bytes in base64 and nothing else; write one with: openssl rand -base64 32
    "#);
    insta::assert_snapshot!(refused(Some(LEAST), &[("USHER_MCP__PREVIOUS_SESSION_KEY_FILE", "/old")]), @r#"
    environment variable USHER_MCP__PREVIOUS_SESSION_KEY_FILE: mcp.previous_session_key_file
      found:    "/old"
      problem:  previous_session_key_file is set without session_key_file; name the current key's file too
    "#);
}

#[test]
fn refuses_a_file_of_authorities_without_a_certificate_and_a_log_level_that_is_none() {
    let variables = [
        ("USHER_OUTBOUND__CA_FILES", "/no/such/ca.pem"),
        ("USHER_LOG__LEVEL", "usher=loudly"),
    ];
    insta::assert_snapshot!(refused(Some(LEAST), &variables), @r#"
    environment variable USHER_LOG__LEVEL: log.level
      found:    "usher=loudly"
      problem:  [log] level: expected a level (error, warn, info, debug, trace) or directives such as `info,usher::auth=debug`, found `usher=loudly`
    environment variable USHER_OUTBOUND__CA_FILES: outbound.ca_files
      found:    "/no/such/ca.pem"
      problem:  outbound.ca_files: /no/such/ca.pem: No such file or directory (os error 2): expected a readable file with PEM certificates
    "#);
}

#[test]
fn refuses_a_web_origin_that_is_a_star() {
    insta::assert_snapshot!(refused(Some(LEAST), &[("CORS_ORIGINS", "https://a.example.com,*")]), @r#"
    environment variable CORS_ORIGINS: http.allowed_origins
      found:    "https://a.example.com,*"
      problem:  expected a web origin such as `https://app.example.com` (no path, no `*`), found `*`
    "#);
}

#[test]
fn refuses_what_is_no_scope() {
    insta::assert_snapshot!(refused(Some(LEAST), &[("USHER_SCOPES__READ", "mcp read")]), @r#"
    environment variable USHER_SCOPES__READ: scopes.read
      found:    "mcp read"
      problem:  it is not a scope token (RFC 6749 §3.3)
      expected: printable ASCII without spaces, quotes and backslashes
    "#);
}

#[test]
fn refuses_an_admin_listener_off_loopback_without_a_secret() {
    insta::assert_snapshot!(refused(Some(LEAST), &[("USHER_ADMIN_LISTEN", "0.0.0.0:8081")]), @r#"
    environment variable USHER_ADMIN_LISTEN: admin_listen
      found:    "0.0.0.0:8081"
      problem:  the admin listener can be reached from other machines and has no secret
      do:       name a file that holds one in `admin_secret_file`, or listen on a loopback address
    "#);
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef\n").unwrap();
    let secret = secret.display().to_string();
    let variables = [
        ("USHER_ADMIN_LISTEN", "0.0.0.0:8081"),
        ("USHER_ADMIN_SECRET_FILE", secret.as_str()),
    ];
    let config = accepted(LEAST, &variables);
    assert_eq!(
        config.admin_secret.as_ref().map(Secret::expose),
        Some("0123456789abcdef")
    );
}

#[test]
fn refuses_a_secret_file_that_cannot_be_read() {
    insta::assert_snapshot!(refused_with("admin_secret_file = \"/no/such/file\""), @r#"
    usher.toml:1:21: admin_secret_file
      found:    "/no/such/file"
      problem:  the secret file cannot be read: No such file or directory (os error 2)
      do:       write one with: (umask 077; openssl rand -base64 32 > FILE)
    "#);
}

#[test]
fn refuses_limits_that_no_server_can_keep() {
    let file = format!("{LEAST}\n[http]\nidle_timeout_seconds = 0\n");
    let variables = [
        ("USHER_HTTP__MAX_CONNECTIONS", "0"),
        ("USHER_OUTBOUND__TOTAL_TIMEOUT_MS", "0"),
    ];
    let told = refused(Some(&file), &variables);
    for part in [
        "environment variable USHER_HTTP__MAX_CONNECTIONS: http.max_connections\n  found:    \"0\"",
        "expected 1 to 1000000",
        "http.idle_timeout_seconds\n  found:    0",
        "expected 1 to 86400",
        "environment variable USHER_OUTBOUND__TOTAL_TIMEOUT_MS: outbound.total_timeout_ms",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
}
