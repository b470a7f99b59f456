//! Every reason to refuse a configuration, and what the environment does to the file.

mod refusals;
mod upstreams;

use proptest::prelude::*;

use super::*;

/// The least that runs.
const LEAST: &str =
    "public_url = \"https://mcp.example.com\"\n[[issuer]]\nissuer = \"https://sso.example.com\"\n";

fn sources(file: Option<&str>, variables: &[(&str, &str)]) -> Sources {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Sources {
        file: file.map(|text| (PathBuf::from("usher.toml"), text.to_owned())),
        variables: variables.iter().map(own).collect(),
    }
}

fn accepted(file: &str, variables: &[(&str, &str)]) -> Config {
    load(&sources(Some(file), variables)).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn refused(file: Option<&str>, variables: &[(&str, &str)]) -> String {
    load(&sources(file, variables))
        .expect_err("a configuration that must not run")
        .to_string()
}

/// What is said of a file that is right but for `lines` in front of it.
fn refused_with(lines: &str) -> String {
    refused(Some(&format!("{lines}\n{LEAST}")), &[])
}

#[test]
fn the_environment_alone_is_enough() {
    let variables = [
        ("MCP_SERVER_URL", "http://127.0.0.1:8080"),
        ("KC_ISSUER", "http://127.0.0.1:9000"),
    ];
    let config = load(&sources(None, &variables)).unwrap();
    assert_eq!(config.auth.public_url, "http://127.0.0.1:8080");
    assert_eq!(config.auth.issuer.len(), 1);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:8081");
}

#[test]
fn the_environment_comes_before_the_file() {
    let config = accepted(
        LEAST,
        &[
            ("USHER_PUBLIC_URL", "https://other.example.com"),
            ("USHER_LISTEN", "0.0.0.0:80"),
        ],
    );
    assert_eq!(config.auth.public_url, "https://other.example.com");
    assert_eq!(config.listen.to_string(), "0.0.0.0:80");
}

#[test]
fn a_variable_takes_the_type_of_its_key() {
    let config = accepted(
        LEAST,
        &[
            ("USHER_RESOURCE_NAME", "123"),
            ("USHER_ISSUER__0__LEEWAY_SECONDS", " 7 "),
            ("USHER_ISSUER__0__REQUIRED", "false"),
            ("USHER_ISSUER__0__ALGORITHMS", "RS256, ES256"),
            ("USHER_LOG__FORMAT", "json"),
            ("USHER_TOKEN_CACHE__MAX_ENTRIES", "0"),
        ],
    );
    assert_eq!(config.auth.resource_name.as_deref(), Some("123"));
    assert_eq!(config.auth.issuer[0].leeway_seconds, 7);
    assert!(!config.auth.issuer[0].required);
    assert_eq!(config.auth.issuer[0].algorithms, ["RS256", "ES256"]);
    assert_eq!(config.log.format, crate::telemetry::Format::Json);
    assert_eq!(config.auth.token_cache.max_entries, 0);
}

#[test]
fn the_next_number_adds_to_a_list() {
    let variables = [
        ("USHER_ISSUER__1__ISSUER", "https://second.example.com"),
        ("USHER_AUDIENCES__0", "api://one"),
    ];
    let config = accepted(LEAST, &variables);
    let issuers: Vec<&str> = config
        .auth
        .issuer
        .iter()
        .map(|issuer| issuer.issuer.as_str())
        .collect();
    assert_eq!(
        issuers,
        ["https://sso.example.com", "https://second.example.com"]
    );
    assert_eq!(config.auth.audiences, ["api://one"]);
}

#[test]
fn audiences_of_guides_are_added_and_replace_nothing() {
    let file = format!("audiences = [\"one\"]\n{LEAST}");
    let variables = [
        ("MCP_AUDIENCE", "two"),
        ("MCP_ALT_AUDIENCE", "three, four five"),
    ];
    let check = |variables: &[(&str, &str)], expected: &[&str]| {
        assert_eq!(accepted(&file, variables).auth.audiences, expected);
    };
    check(&variables, &["one", "two", "three", "four", "five"]);
    check(
        &[("USHER_AUDIENCES", "six"), ("MCP_AUDIENCE", "two")],
        &["six", "two"],
    );
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let variables = [
        ("MCP_ALT_AUDIENCE", ""),
        ("USHER_LISTEN", " "),
        ("MCP_SERVER_URL", ""),
    ];
    let config = accepted(LEAST, &variables);
    assert_eq!(config.auth.audiences, [""; 0]);
    assert_eq!(config.auth.public_url, "https://mcp.example.com");
}

#[test]
fn two_names_that_agree_are_fine_and_two_that_differ_are_both_named() {
    let agree = [
        ("MCP_SERVER_URL", "https://a.example.com"),
        ("USHER_PUBLIC_URL", "https://a.example.com"),
    ];
    assert_eq!(
        accepted(LEAST, &agree).auth.public_url,
        "https://a.example.com"
    );
    let differ = [
        ("MCP_SERVER_URL", "https://a.example.com"),
        ("USHER_PUBLIC_URL", "https://b.example.com"),
    ];
    insta::assert_snapshot!(refused(Some(LEAST), &differ), @r"
    environment variable USHER_PUBLIC_URL: public_url
      problem:  MCP_SERVER_URL and USHER_PUBLIC_URL set the same thing and differ
      do:       unset MCP_SERVER_URL or USHER_PUBLIC_URL
    ");
}

#[test]
fn variables_of_other_tools_and_of_kubernetes_are_left_alone() {
    let config = accepted(
        LEAST,
        &[
            ("USHER_CONFIG", "/etc/usher.toml"),
            ("USHER_DEMO_PORT", "1"),
            ("USHER_BENCH_SECONDS", "1"),
            ("USHER_SERVICE_HOST", "10.0.0.1"),
            ("USHER_SERVICE_PORT_HTTP", "80"),
            ("USHER_PORT", "tcp://10.0.0.1:80"),
            ("USHER_PORT_80_TCP_ADDR", "10.0.0.1"),
        ],
    );
    assert_eq!(config.listen.port(), 8080);
    let said = refused(Some(LEAST), &[("USHER_PORT", "80")]);
    assert!(
        said.contains("expected: one of public_url, listen,"),
        "{said}"
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let file = "public_url = 3\nlisten = \"here\"\nadmin_secret = \"hunter2\"\n[log]\nformat = \"loud\"\nleval = \"info\"\n\
                [[issuer]]\nleeway_seconds = -1\nalgorithms = \"RS256\"\n[[issue]]\n";
    insta::assert_snapshot!(refused(Some(file), &[("USHER_LISTN", "x"), ("USHER_ISSUER__0__REQUIRED", "maybe")]), @r#"
    usher.toml:1:14: public_url
      found:    3
      expected: a string
    usher.toml:2:10: listen
      found:    "here"
      expected: an IP address and a port, such as 127.0.0.1:8080
    usher.toml:3:1: admin_secret
      found:    a key that does not exist
      do:       put the secret into a file and name that file in `admin_secret_file`
    usher.toml:5:10: log.format
      found:    "loud"
      expected: one of "auto", "json", "pretty"
    usher.toml:6:1: log.leval
      found:    a key that does not exist
      do:       did you mean `level`?
    usher.toml:7:1: issuer[0].issuer
      problem:  it is not a URL
      expected: a URL such as https://id.example.com/realms/mcp
    usher.toml:8:18: issuer[0].leeway_seconds
      found:    -1
      expected: a whole number, zero or more
    usher.toml:9:14: issuer[0].algorithms
      found:    "RS256"
      expected: a list
    usher.toml:10:3: issue
      found:    a key that does not exist
      do:       did you mean `issuer`?
    environment variable USHER_ISSUER__0__REQUIRED: issuer[0].required
      found:    "maybe"
      expected: true or false
    environment variable USHER_LISTN: listn
      found:    a key that does not exist
      do:       did you mean `listen`?
    "#);
}

#[cfg(unix)]
#[test]
fn warns_of_a_secret_file_that_everybody_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef\n").unwrap();
    let name = secret.display().to_string();
    let warnings = |mode| {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        accepted(LEAST, &[("USHER_ADMIN_SECRET_FILE", name.as_str())])
            .warnings
            .len()
    };
    assert_eq!(
        (warnings(0o644), warnings(0o600), warnings(0o640)),
        (1, 0, 0)
    );
}

#[test]
fn nothing_secret_is_shown() {
    let variables = [(
        "USHER_OUTBOUND__PROXY",
        "http://ada:hunter2@proxy.example.com:3128",
    )];
    let shown = show(&sources(Some(LEAST), &variables)).unwrap();
    assert!(
        shown.contains(
            "proxy = \"http://(hidden)@proxy.example.com:3128\"  # USHER_OUTBOUND__PROXY\n"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("public_url = \"https://mcp.example.com\"  # usher.toml:1\n"),
        "{shown}"
    );
    assert!(
        shown.contains("leeway_seconds = 30  # default\n"),
        "{shown}"
    );
}

#[test]
fn a_secret_in_place_of_its_file_name_is_not_shown() {
    let variables = [
        ("USHER_MCP__SESSION_KEY_FILE", "hunter2hunter2"),
        ("USHER_ADMIN_SECRET_FILE", "hunter2hunter2"),
    ];
    let said = refused(Some(LEAST), &variables);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_variable_cannot_take_the_place_of_the_whole_configuration() {
    let said = refused(Some(LEAST), &[("USHER_0", "x")]);
    assert!(
        said.starts_with("environment variable USHER_0: 0\n  found:    a key that does not exist"),
        "{said}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        drop(parse_str(&text));
    }

    #[test]
    fn no_variable_makes_the_reader_panic(name in "[A-Z0-9_]{0,24}", text in "\\PC*") {
        let name = format!("USHER_{name}");
        drop(load(&sources(Some(LEAST), &[(&name, &text)])));
    }

    #[test]
    fn user_info_is_never_shown(password in "[a-z0-9:]{6,20}", rest in "[a-z./?]{0,10}") {
        let shown = mask::without_user_info(&format!("http://ada:{password}@host{rest}"));
        prop_assert!(!shown.contains(&password));
    }
}
