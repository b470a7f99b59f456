//! What goes by several names, or may be taken for something else.

use super::*;

/// Such resources are for this group.
fn for_group(group: &str, resources: &str) -> RuleSettings {
    RuleSettings {
        groups: texts(&[group]),
        resources: texts(&[resources]),
        ..RuleSettings::default()
    }
}

#[test]
fn every_name_that_something_goes_by_counts() {
    let policy = policy(&[
        for_group("staff", "file:///a/*"),
        for_group("board", "file:///b/*"),
    ]);
    let rules = |name: &'static str, aliases: &[&str]| {
        let target = resource_at("files", name);
        let others = OtherNames {
            aliases,
            spellings: &[],
        };
        policy.requirements_of_all(&target, others).rules
    };
    assert_eq!(rules("file:///a/1", &[]), [0]);
    assert_eq!(
        rules("file:///a/1", &["file:///c/1", "file:///b/1"]),
        [0, 1]
    );
    assert_eq!(rules("file:///c/1", &["file:///b/1"]), [1]);
    assert_eq!(rules("file:///c/1", &["file:///c/2"]), [0; 0]);
}

#[test]
fn what_a_name_may_be_taken_for_asks_for_more_and_never_for_less() {
    let policy = policy(&[
        RuleSettings {
            scopes: texts(&["low"]),
            resources: texts(&["file:///low"]),
            ..RuleSettings::default()
        },
        for_group("board", "file:///high"),
    ]);
    let takes = |name: &'static str, spellings: &[&str]| {
        let others = OtherNames {
            aliases: &[],
            spellings: &texts(spellings),
        };
        let requirements = policy.requirements_of_all(&resource_at("files", name), others);
        let asked = policy.asked(&requirements).into_iter();
        let asked: Vec<_> = asked.map(|asked| asked.what).collect();
        asked.join(", ")
    };
    let usual = takes("file:///x", &[]);
    assert_eq!(takes("file:///low", &[]), "scope `low`");
    assert_eq!(
        takes("file:///x", &["file:///low"]),
        format!("{usual}, scope `low`")
    );
    assert_eq!(takes("file:///low", &["file:///x"]), "scope `low`");
    assert_eq!(
        takes("file:///x", &["file:///high"]),
        format!("{usual}, group `board`")
    );
}
