//! What holds whatever the rules and whoever asks: fewer claims never allow more.

use proptest::prelude::*;

use super::*;

fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(names, 0..=names.len()).prop_map(|names| texts(&names))
}

fn any_rule() -> impl Strategy<Value = RuleSettings> {
    let asked = (
        some_of(&["mcp:read", "mcp:write", "x"]),
        some_of(&["a", "b"]),
        some_of(&["c", "d"]),
        some_of(&["k=1", "k=2", "l=1"]),
    );
    let patterns = prop::sample::select(&["*", "s*", "search", "fetch", "none"][..]);
    (patterns, asked, any::<bool>()).prop_map(|(pattern, asked, deny)| {
        let (scopes, groups, client_ids, claims) = asked;
        let nothing = scopes.is_empty() && groups.is_empty() && client_ids.is_empty();
        let deny = nothing && claims.is_empty() || deny && nothing && claims.is_empty();
        RuleSettings {
            scopes,
            groups,
            client_ids,
            claims,
            deny,
            ..rule(&[pattern])
        }
    })
}

fn anybody() -> impl Strategy<Value = Somebody> {
    let claims = (some_of(&["1", "2"]), some_of(&["1", "3"]));
    (
        some_of(&["mcp:read", "mcp:write", "x"]),
        some_of(&["a", "b", "z"]),
        prop::option::of(prop::sample::select(&["c", "d", "e"][..])),
        claims,
    )
        .prop_map(|(scopes, groups, client_id, (k, l))| Somebody {
            scopes,
            groups,
            client_id: client_id.map(str::to_owned),
            claims: vec![("k".to_owned(), k), ("l".to_owned(), l)],
        })
}

/// Everybody who has one claim, or one value of a claim, less.
fn with_one_less(somebody: &Somebody) -> Vec<Somebody> {
    let mut fewer = Vec::new();
    let mut change = |change: &dyn Fn(&mut Somebody)| {
        let mut changed = somebody.clone();
        change(&mut changed);
        fewer.push(changed);
    };
    for at in 0..somebody.scopes.len() {
        change(&|changed| drop(changed.scopes.remove(at)));
    }
    for at in 0..somebody.groups.len() {
        change(&|changed| drop(changed.groups.remove(at)));
    }
    change(&|changed| changed.client_id = None);
    for (claim, (_, values)) in somebody.claims.iter().enumerate() {
        change(&|changed| drop(changed.claims.remove(claim)));
        for at in 0..values.len() {
            change(&|changed| drop(changed.claims[claim].1.remove(at)));
        }
    }
    fewer
}

proptest! {
    #[test]
    fn fewer_claims_never_allow_more(
        rules in prop::collection::vec(any_rule(), 0..4),
        somebody in anybody(),
    ) {
        let policy = policy(&rules);
        for name in ["search", "fetch", "save", ""] {
            for target in [tool(name), of_upstream("u", name)] {
                let before = somebody.asks(&policy, &target).is_ok();
                for fewer in with_one_less(&somebody) {
                    prop_assert!(before || fewer.asks(&policy, &target).is_err(), "{fewer:?}");
                }
            }
        }
    }

    #[test]
    fn another_rule_that_names_no_scopes_never_allows_more(
        rules in prop::collection::vec(any_rule(), 0..4),
        mut another in any_rule(),
        somebody in anybody(),
    ) {
        another.scopes.clear();
        another.deny = another.groups.is_empty() && another.client_ids.is_empty() && another.claims.is_empty();
        let without = policy(&rules);
        let with = policy(&[rules, vec![another]].concat());
        for name in ["search", "fetch", "save"] {
            let target = tool(name);
            prop_assert!(somebody.asks(&without, &target).is_ok() || somebody.asks(&with, &target).is_err());
        }
    }

    #[test]
    fn nothing_is_allowed_without_a_scope(
        rules in prop::collection::vec(any_rule(), 0..4),
        somebody in anybody(),
    ) {
        let stripped = Somebody { scopes: Vec::new(), ..somebody };
        let policy = policy(&rules);
        for name in ["search", "fetch", "save", ""] {
            prop_assert!(stripped.asks(&policy, &tool(name)).is_err());
        }
    }

    #[test]
    fn a_step_up_to_the_scopes_of_a_denial_succeeds(
        rules in prop::collection::vec(any_rule(), 0..4),
        somebody in anybody(),
    ) {
        let policy = policy(&rules);
        for name in ["search", "fetch", "save"] {
            if let Err(denial) = somebody.asks(&policy, &tool(name)) {
                let mut stepped = somebody.clone();
                stepped.scopes = denial.scopes.iter().map(ToString::to_string).collect();
                let succeeds = stepped.asks(&policy, &tool(name)).is_ok();
                prop_assert_eq!(succeeds, denial.reason == Reason::InsufficientScope);
            }
        }
    }
}
