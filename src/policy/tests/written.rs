//! Rules as they are written: what is a mistake, and what is only suspicious.

use super::*;

#[test]
fn patterns_that_match_nothing_are_told() {
    let policy = policy(&[
        RuleSettings {
            groups: texts(&["staff"]),
            resources: texts(&["file:///*"]),
            ..rule(&["search", "fecth", "f*"])
        },
        RuleSettings {
            deny: true,
            upstreams: texts(&["billing"]),
            ..RuleSettings::default()
        },
    ]);
    let targets = [tool("search"), tool("fetch")];
    let nothing = "so this part of the rule holds for nothing";
    assert_eq!(
        policy.unmatched(&targets),
        [
            format!("rule[0].tools: no tool matches `fecth`, {nothing}; there are: search, fetch"),
            format!(
                "rule[0].resources: no resource matches `file:///*`, {nothing}; there is no resource here"
            ),
            format!(
                "rule[1].upstreams: no upstream matches `billing`, {nothing}; there is no upstream here"
            ),
        ]
    );
    let more = [
        tool("fecth"),
        of_upstream("billing", "x"),
        resource_at("billing", "file:///1"),
    ];
    assert_eq!(policy.unmatched(&[&targets[..], &more].concat()), [""; 0]);
}

#[test]
fn every_mistake_is_told_with_its_key() {
    let rules = [
        RuleSettings::default(),
        RuleSettings {
            deny: true,
            scopes: texts(&["a b"]),
            ..rule(&["[z-a]"])
        },
        RuleSettings {
            name: Some("twice".into()),
            groups: texts(&[""]),
            client_ids: texts(&["", "a"]),
            claims: texts(&["department", "=hr", "level=", " a = b "]),
            ..rule(&["*"])
        },
        RuleSettings {
            name: Some("twice".into()),
            deny: true,
            ..rule(&["*"])
        },
    ];
    let mistakes = Policy::with_rules(scope(READ), scope(WRITE), &rules).expect_err("mistakes");
    let table: Vec<_> = mistakes
        .iter()
        .map(|(key, error)| format!("{key}: {error}"))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn more_facts_than_are_told_apart_are_a_mistake() {
    let one_each = |count: usize| -> Vec<_> {
        let group = |number| RuleSettings {
            groups: vec![format!("group{number}")],
            ..rule(&["*"])
        };
        (0..count).map(group).collect()
    };
    let check = |count| Policy::with_rules(scope(READ), scope(WRITE), &one_each(count));
    let most = check(MOST_FACTS - 2).expect("as many as fit");
    let last = format!("group{}", MOST_FACTS - 3);
    let requirements = most.requirements(&tool("search"));
    assert!(requirements.others.contains(MOST_FACTS - 1));
    let all: Vec<_> = (0..MOST_FACTS - 2).map(|n| format!("group{n}")).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let without_last: Vec<_> = all
        .iter()
        .filter(|group| **group != last)
        .copied()
        .collect();
    let reader = Somebody::with(&[READ]);
    assert!(
        reader
            .clone()
            .in_groups(&all)
            .asks(&most, &tool("x"))
            .is_ok()
    );
    assert!(
        reader
            .in_groups(&without_last)
            .asks(&most, &tool("x"))
            .is_err()
    );
    let too_many = check(MOST_FACTS - 1).expect_err("too many");
    assert_eq!(too_many, [("rule".to_owned(), SettingsError::TooMany)]);
}
