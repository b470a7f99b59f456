//! Merging, names, routes, and who sees what.

use serde_json::{Value, json};

use super::*;
use crate::auth::{Resources, Scope, Settings};
use crate::policy::RuleSettings;
use crate::upstream::{Capabilities, Lists, Names, UpstreamSettings};

const ALL: Capabilities = Capabilities {
    completions: true,
    logging: false,
    prompts: true,
    resources: true,
    subscriptions: true,
    tools: true,
};

fn upstream(name: &str, described: &[(Feature, &str)]) -> Arc<Upstream> {
    with(UpstreamSettings::default(), name, described)
}

fn with(settings: UpstreamSettings, name: &str, described: &[(Feature, &str)]) -> Arc<Upstream> {
    let settings = UpstreamSettings {
        name: name.to_owned(),
        ..settings
    };
    Upstream::for_test(settings, Lists::for_test(ALL, described))
}

fn verbatim(name: &str, described: &[(Feature, &str)]) -> Arc<Upstream> {
    let settings = UpstreamSettings {
        names: Names::Verbatim,
        ..UpstreamSettings::default()
    };
    with(settings, name, described)
}

fn policy(rules: &[RuleSettings]) -> Policy {
    let scope = |name| Scope::parse(name).expect("a scope");
    Policy::with_rules(scope("r"), scope("w"), rules).expect("good rules")
}

fn catalog(upstreams: &[Arc<Upstream>], policy: &Policy) -> Catalog {
    named(upstreams, policy, Naming::Merged { separator: "__" })
}

fn named(upstreams: &[Arc<Upstream>], policy: &Policy, naming: Naming<'_>) -> Catalog {
    let tools = tools::Tools::new(crate::knowledge::Knowledge::default());
    let making = Making {
        policy,
        prefix: &ScopePrefix::default(),
        naming,
    };
    Catalog::new(tools.descriptors(), upstreams, making)
}

fn principal(scopes: &[&str]) -> Principal {
    let settings = Settings {
        public_url: "https://mcp.test".into(),
        ..Settings::default()
    };
    let resources = Resources::new(&settings);
    let resource = Arc::clone(resources.at("/mcp").expect("a resource"));
    Principal::for_test("alice", scopes, resource)
}

/// What a caller with these scopes sees.
fn page(catalog: &Catalog, feature: Feature, policy: &Policy, scopes: &[&str]) -> Value {
    let principal = principal(scopes);
    let page = catalog.page_for(feature, Era::Legacy, (policy, &principal));
    let whole = [br#"{"result":{"#.as_slice(), &page].concat();
    serde_json::from_slice::<Value>(&whole).expect("JSON")["result"].clone()
}

fn names(catalog: &Catalog, feature: Feature, policy: &Policy, scopes: &[&str]) -> Vec<String> {
    let page = page(catalog, feature, policy, scopes);
    let key = match feature {
        Feature::Prompts | Feature::Tools => "name",
        Feature::Resources => "uri",
        Feature::Templates => "uriTemplate",
    };
    let items = page[member(feature)].as_array().expect("a list");
    items
        .iter()
        .map(|item| item[key].as_str().expect("a name").to_owned())
        .collect()
}

const TOOL: (Feature, &str) = (Feature::Tools, r#"{"name":"pay"}"#);
const PROMPT: (Feature, &str) = (Feature::Prompts, r#"{"name":"pay"}"#);
const SAME: (Feature, &str) = (Feature::Resources, r#"{"uri":"file:///1","name":"One"}"#);
const SAME_TEMPLATE: (Feature, &str) = (
    Feature::Templates,
    r#"{"uriTemplate":"file:///{id}","name":"x"}"#,
);

#[test]
fn everything_stands_in_one_stable_order() {
    let other = (Feature::Resources, r#"{"uri":"file:///2","name":"Two"}"#);
    let (a, b) = (
        upstream("b", &[TOOL, PROMPT, SAME, SAME_TEMPLATE]),
        upstream("a", &[TOOL, PROMPT, other, SAME, SAME_TEMPLATE]),
    );
    let policy = policy(&[]);
    let catalog = catalog(&[a, b], &policy);
    let all = |feature| names(&catalog, feature, &policy, &["r", "w"]);
    assert_eq!(all(Feature::Tools), ["search", "fetch", "b__pay", "a__pay"]);
    assert_eq!(all(Feature::Prompts), ["b__pay", "a__pay"]);
    assert_eq!(
        all(Feature::Resources),
        ["file:///1", "file:///2", "usher+a:file:///1"]
    );
    assert_eq!(
        all(Feature::Templates),
        ["file:///{id}", "usher+a:file:///{id}"]
    );
    assert_eq!(catalog.warnings(), [""; 0]);
    let listed = page(&catalog, Feature::Resources, &policy, &["w"]);
    assert_eq!(
        listed,
        json!({ "resources": [
            { "uri": "file:///1", "name": "One" },
            { "uri": "file:///2", "name": "Two" },
            { "uri": "usher+a:file:///1", "name": "One" },
        ] })
    );
}

#[test]
fn a_modern_page_says_how_long_it_holds_and_a_legacy_one_does_not() {
    let policy = policy(&[]);
    let catalog = catalog(&[], &policy);
    let who = principal(&["r"]);
    for (era, hinted) in [(Era::Legacy, false), (Era::Modern, true)] {
        for feature in Feature::ALL {
            let page = catalog.page_for(feature, era, (&policy, &who));
            let page = String::from_utf8(page.to_vec()).expect("text");
            assert!(page.starts_with(&format!("\"{}\":[", member(feature))));
            for member in ["resultType", "ttlMs", "cacheScope"] {
                assert_eq!(page.contains(member), hinted, "{page}");
            }
        }
    }
}

#[test]
fn verbatim_names_give_way_and_say_to_whom() {
    let search = (Feature::Tools, r#"{"name":"search"}"#);
    let hijack = (Feature::Tools, r#"{"name":"billing__pay"}"#);
    let own = (Feature::Tools, r#"{"name":"own"}"#);
    let upstreams = [
        verbatim("first", &[search, hijack, own, TOOL]),
        verbatim("second", &[own, TOOL, PROMPT]),
        upstream("billing", &[TOOL]),
    ];
    let policy = policy(&[]);
    let catalog = catalog(&upstreams, &policy);
    assert_eq!(
        names(&catalog, Feature::Tools, &policy, &["r", "w"]),
        ["search", "fetch", "own", "pay", "billing__pay"]
    );
    assert_eq!(names(&catalog, Feature::Prompts, &policy, &["w"]), ["pay"]);
    let home = |name| catalog.tool(name).and_then(|tool| tool.home.clone());
    assert_eq!(home("pay").expect("a home").upstream.name(), "first");
    assert_eq!(
        home("billing__pay").expect("a home").upstream.name(),
        "billing"
    );
    assert_eq!(
        catalog.warnings(),
        [
            "the tool \"search\" of the upstream first is left out: the name is taken by a built-in one",
            "the tool \"billing__pay\" of the upstream first is left out: the name is taken by one of the upstream billing, whose names begin so",
            "the tool \"own\" of the upstream second is left out: the name is taken by that of the upstream first",
            "the tool \"pay\" of the upstream second is left out: the name is taken by that of the upstream first",
        ]
    );
}

#[test]
fn names_that_are_too_long_for_some_clients_are_listed_and_told() {
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(60));
    let policy = policy(&[]);
    let catalog = catalog(&[upstream("abc", &[(Feature::Tools, &long)])], &policy);
    assert_eq!(names(&catalog, Feature::Tools, &policy, &["w"]).len(), 1);
    let [warning] = catalog.warnings() else {
        panic!("{:?}", catalog.warnings())
    };
    assert!(warning.contains("has 65 characters"), "{warning}");
}

#[test]
fn each_kind_is_hidden_from_those_who_may_not_use_it() {
    let hide = |settings: RuleSettings| RuleSettings {
        groups: vec!["staff".to_owned()],
        ..settings
    };
    let text = |text: &str| vec![text.to_owned()];
    let rules = [
        hide(RuleSettings {
            prompts: text("a__*"),
            ..RuleSettings::default()
        }),
        hide(RuleSettings {
            resources: text("file:///*"),
            ..RuleSettings::default()
        }),
    ];
    let trusted = UpstreamSettings {
        trust_annotations: true,
        ..UpstreamSettings::default()
    };
    let upstreams = [
        upstream("a", &[TOOL, PROMPT, SAME, SAME_TEMPLATE]),
        with(
            trusted,
            "b",
            &[TOOL, PROMPT, (Feature::Resources, r#"{"uri":"b:1"}"#)],
        ),
    ];
    let none = policy(&[]);
    let free = catalog(&upstreams, &none);
    let rules = policy(&rules);
    let hidden = catalog(&upstreams, &rules);
    for (feature, reader, writer, under_rules) in [
        (
            Feature::Tools,
            &["search", "fetch"][..],
            &["a__pay", "b__pay"][..],
            &["a__pay", "b__pay"][..],
        ),
        (Feature::Prompts, &["b__pay"], &["a__pay"], &[]),
        (Feature::Resources, &["b:1"], &["file:///1"], &[]),
        (Feature::Templates, &[], &["file:///{id}"], &[]),
    ] {
        assert_eq!(names(&free, feature, &none, &["r"]), reader);
        assert_eq!(names(&free, feature, &none, &["w"]), writer);
        assert_eq!(names(&hidden, feature, &rules, &["w"]), under_rules);
    }
}

#[test]
fn the_catalogue_of_one_upstream_has_its_own_names_under_the_same_rules() {
    let rule = RuleSettings {
        tools: vec!["a__pay".to_owned()],
        deny: true,
        ..RuleSettings::default()
    };
    let policy = policy(&[rule]);
    let other = (Feature::Tools, r#"{"name":"list"}"#);
    let own = upstream("a", &[TOOL, other, PROMPT, SAME]);
    let naming = Naming::Own { separator: "__" };
    let making = Making {
        policy: &policy,
        prefix: &ScopePrefix::default(),
        naming,
    };
    let catalog = Catalog::new(Vec::new(), &[own], making);
    let all = |feature| names(&catalog, feature, &policy, &["r", "w"]);
    assert_eq!(all(Feature::Tools), ["list"]);
    assert_eq!(all(Feature::Prompts), ["pay"]);
    assert_eq!(all(Feature::Resources), ["file:///1"]);
    assert!(catalog.tool("pay").is_some());
}

fn route(catalog: &Catalog, uri: &str) -> Option<(String, String)> {
    let found = catalog.resource(uri, &policy(&[]))?;
    let home = found.home.as_ref()?;
    Some((home.upstream.name().to_owned(), home.name.to_string()))
}

#[test]
fn an_address_leads_to_one_upstream() {
    let template = |template: &'static str| (Feature::Templates, template);
    let upstreams = [
        upstream("a", &[SAME, template(r#"{"uriTemplate":"a://{id}/x"}"#)]),
        upstream(
            "b",
            &[
                SAME,
                template(r#"{"uriTemplate":"{+any}"}"#),
                template(r#"{"uriTemplate":"broken{"}"#),
            ],
        ),
        upstream("c", &[]),
    ];
    let all = catalog(&upstreams, &policy(&[]));
    let check = |uri: &str, expected: Option<(&str, &str)>| {
        let expected = expected.map(|(name, uri)| (name.to_owned(), uri.to_owned()));
        assert_eq!(route(&all, uri), expected, "{uri}");
    };
    check("file:///1", Some(("a", "file:///1")));
    check("usher+b:file:///1", Some(("b", "file:///1")));
    check("a://7/x", Some(("a", "a://7/x")));
    check("usher+b:a://7/x", Some(("b", "a://7/x")));
    check("usher+c:c://unlisted", Some(("c", "c://unlisted")));
    check("else://where", Some(("b", "else://where")));
    check("usher+nobody:x", Some(("b", "usher+nobody:x")));
    check("a://../x", None);
    check("usher+a:a://%2e%2e/x", None);

    let two = catalog(&[upstream("a", &[]), upstream("b", &[])], &policy(&[]));
    assert_eq!(route(&two, "x:1"), None);
    let one = catalog(&[upstream("a", &[])], &policy(&[]));
    assert_eq!(route(&one, "x:1"), Some(("a".into(), "x:1".into())));
    assert_eq!(route(&catalog(&[], &policy(&[])), "x:1"), None);
}

#[test]
fn nobody_takes_the_wrapped_address_of_another() {
    let wrapped = (Feature::Resources, r#"{"uri":"usher+b:file:///1"}"#);
    let upstreams = [upstream("a", &[wrapped, SAME]), upstream("b", &[SAME])];
    let policy = policy(&[]);
    let catalog = catalog(&upstreams, &policy);
    assert_eq!(
        names(&catalog, Feature::Resources, &policy, &["w"]),
        [
            "usher+a:usher+b:file:///1",
            "file:///1",
            "usher+b:file:///1"
        ]
    );
    let home = |uri| route(&catalog, uri).expect("a route");
    assert_eq!(home("usher+b:file:///1"), ("b".into(), "file:///1".into()));
    assert_eq!(
        home("usher+a:usher+b:file:///1"),
        ("a".into(), "usher+b:file:///1".into())
    );
}

#[test]
fn no_spelling_of_an_address_gets_around_a_rule() {
    let secret = RuleSettings {
        resources: vec!["file:///secret/*".to_owned()],
        deny: true,
        ..RuleSettings::default()
    };
    let hidden_template = RuleSettings {
        resources: vec!["vault:*".to_owned()],
        deny: true,
        ..RuleSettings::default()
    };
    let policy = policy(&[secret, hidden_template]);
    let template = |template| (Feature::Templates, template);
    let upstreams = [upstream(
        "files",
        &[
            (Feature::Resources, r#"{"uri":"file:///secret/listed"}"#),
            (
                Feature::Resources,
                r#"{"uri":"file://localhost/secret/too"}"#,
            ),
            template(r#"{"uriTemplate":"file:///{+path}"}"#),
            template(r#"{"uriTemplate":"vault:{id}"}"#),
        ],
    )];
    let catalog = catalog(&upstreams, &policy);
    let who = principal(&["r", "w"]);
    let allowed = |uri: &str| {
        let found = catalog.resource(uri, &policy)?;
        Some(policy.allows(policy.standing(&who), &found.requirements))
    };
    for uri in [
        "file:///secret/listed",
        "file://localhost/secret/too",
        "file:///secret/1",
        "file:///%73ecret/1",
        "file:///%2573ecret/1",
        "FILE:///secret/1",
        "usher+files:file:///secret/1",
        "usher+files:file:///secret/listed",
        "usher+files:FILE:///secr%65t/1",
        "vault:1",
        "usher+files:vault:1",
        "file:/secret/1",
        "file://localhost/secret/1",
        "file:////secret/1",
        "file:///secret\\1",
        "file:\\\\\\secret\\1",
        " file:///secret/1",
        "usher+files: file:secret/1",
        "VAULT:1",
        "usher+files:VAULT:1",
        "file://anybody/secret/1",
        "file:///secret/1/",
        "file:///secret/1%3Fx",
        "file:///secret;x/1",
    ] {
        assert_eq!(allowed(uri), Some(false), "{uri}");
    }
    for uri in ["file:///x/../secret/1", "usher+files:file:///%2e/secret/1"] {
        assert_eq!(allowed(uri), None, "{uri}");
    }
    assert_eq!(allowed("file:///public/1"), Some(true));
}

#[test]
fn another_spelling_that_fits_a_template_takes_more_and_never_less() {
    let open = RuleSettings {
        resources: vec!["file:///open/*".to_owned()],
        scopes: vec!["open".to_owned()],
        ..RuleSettings::default()
    };
    let policy = policy(&[open]);
    let template = (
        Feature::Templates,
        r#"{"uriTemplate":"file:///open/{name}"}"#,
    );
    let catalog = catalog(&[upstream("files", &[template])], &policy);
    let check = |uri: &str, scopes: &[&str], expected: bool| {
        let found = catalog.resource(uri, &policy).expect("an address");
        let standing = policy.standing(&principal(scopes));
        let is_allowed = policy.allows(standing, &found.requirements);
        assert_eq!(is_allowed, expected, "{uri} with {scopes:?}");
    };
    for uri in ["file:///open/a", "file:///%6fpen/a"] {
        check(uri, &["open"], true);
        check(uri, &["w"], false);
    }
    for uri in ["file://anybody/open/a", "file:/open/a"] {
        check(uri, &["open"], false);
        check(uri, &["w"], false);
        check(uri, &["open", "w"], true);
    }
}
