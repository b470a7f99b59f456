//! Decision tables; what holds of all rules and callers is in `laws`.

mod laws;
mod names;
mod written;

use super::*;
use crate::auth::{Resource, Resources, Settings};

const READ: &str = "mcp:read";
const WRITE: &str = "mcp:write";

fn scope(name: &str) -> Scope {
    Scope::parse(name).expect("a scope")
}

fn policy(rules: &[RuleSettings]) -> Policy {
    Policy::with_rules(scope(READ), scope(WRITE), rules).expect("good rules")
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// A rule for `tools` that asks for nothing yet.
fn rule(tools: &[&str]) -> RuleSettings {
    RuleSettings {
        tools: texts(tools),
        ..RuleSettings::default()
    }
}

fn tool(name: &str) -> Target<'_> {
    Target {
        kind: Kind::Tool,
        name,
        upstream: None,
        only_reads: true,
    }
}

fn of_upstream<'a>(upstream: &'a str, name: &'a str) -> Target<'a> {
    Target {
        upstream: Some(upstream),
        only_reads: false,
        ..tool(name)
    }
}

fn resource_at(upstream: &'static str, name: &'static str) -> Target<'static> {
    Target {
        kind: Kind::Resource,
        ..of_upstream(upstream, name)
    }
}

fn resource() -> Arc<Resource> {
    let settings = Settings {
        public_url: "https://mcp.test".into(),
        ..Settings::default()
    };
    Arc::clone(Resources::new(&settings).at("/mcp").expect("a resource"))
}

/// Somebody's claims.
#[derive(Clone, Debug, Default)]
struct Somebody {
    scopes: Vec<String>,
    groups: Vec<String>,
    client_id: Option<String>,
    claims: Vec<(String, Vec<String>)>,
}

impl Somebody {
    fn with(scopes: &[&str]) -> Self {
        Self {
            scopes: texts(scopes),
            ..Self::default()
        }
    }

    fn in_groups(mut self, groups: &[&str]) -> Self {
        self.groups = texts(groups);
        self
    }

    fn by(mut self, client_id: &str) -> Self {
        self.client_id = Some(client_id.to_owned());
        self
    }

    fn claiming(mut self, name: &str, values: &[&str]) -> Self {
        self.claims.push((name.to_owned(), texts(values)));
        self
    }

    fn asks(&self, policy: &Policy, target: &Target<'_>) -> Result<String, Denial> {
        let scopes: Scopes = self.scopes.iter().map(|name| scope(name)).collect();
        let caller = Caller {
            scopes: &scopes,
            groups: &self.groups,
            client_id: self.client_id.as_deref(),
            claims: &self.claims,
        };
        let requirements = policy.requirements(target);
        let has = policy.facts_of(&caller);
        let decision = policy.may_use(has, &requirements).map(str::to_owned);
        assert_eq!(
            decision.is_ok(),
            policy.allows(Standing(has), &requirements)
        );
        let explained = policy.explain(&caller, &requirements);
        assert_eq!(explained.decision, decision);
        let holds = explained.conditions.iter().all(|condition| condition.holds);
        assert_eq!(holds, decision.is_ok(), "{explained:?}");
        decision
    }
}

/// One row of a table: who asks for what, and the answer as `rule`, `reason by rule` or `reason by rule: scopes`.
fn check(policy: &Policy, rows: &[(&Somebody, Target<'_>, &str)]) {
    for (somebody, target, expected) in rows {
        let answer = match somebody.asks(policy, target) {
            Ok(rule) => rule,
            Err(Denial {
                reason,
                rule,
                scopes,
            }) if scopes.is_empty() => {
                format!("{} by {rule}", reason.as_str())
            }
            Err(Denial {
                reason,
                rule,
                scopes,
            }) => {
                format!("{} by {rule}: {scopes}", reason.as_str())
            }
        };
        assert_eq!(answer, *expected, "{somebody:?} asks for {target:?}");
    }
}

#[test]
fn without_rules_what_reads_takes_the_read_scope_and_the_rest_the_write_scope() {
    let policy = policy(&[]);
    let (nobody, reader) = (Somebody::default(), Somebody::with(&[READ]));
    let (writer, both) = (Somebody::with(&[WRITE]), Somebody::with(&[READ, WRITE]));
    let alike = Somebody::with(&["openid", "mcp", "mcp:reader", "MCP:READ"]);
    let (reads, writes) = (tool("search"), of_upstream("billing", "billing__pay"));
    let no_read = "insufficient_scope by read_scope: mcp:read";
    let no_write = "insufficient_scope by write_scope: mcp:write";
    check(
        &policy,
        &[
            (&nobody, reads, no_read),
            (&alike, reads, no_read),
            (&writer, reads, no_read),
            (&reader, reads, "read_scope"),
            (&both, reads, "read_scope"),
            (&nobody, writes, no_write),
            (&alike, writes, no_write),
            (&reader, writes, no_write),
            (&writer, writes, "write_scope"),
            (&both, writes, "write_scope"),
        ],
    );
}

#[test]
fn scopes_of_rules_stand_in_place_of_the_usual_one_and_add_up_among_themselves() {
    let policy = policy(&[
        RuleSettings {
            name: Some("fetch writes".into()),
            scopes: texts(&[READ, WRITE]),
            ..rule(&["fetch"])
        },
        RuleSettings {
            scopes: texts(&["docs"]),
            ..rule(&["fet*", "grep"])
        },
    ]);
    let (reader, both) = (Somebody::with(&[READ]), Somebody::with(&[READ, WRITE]));
    let (docs, all) = (
        Somebody::with(&["docs"]),
        Somebody::with(&[READ, WRITE, "docs"]),
    );
    let fetch = "insufficient_scope by fetch writes, rule[1]: docs mcp:read mcp:write";
    check(
        &policy,
        &[
            (&reader, tool("search"), "read_scope"),
            (&reader, tool("fetch"), fetch),
            (&both, tool("fetch"), fetch),
            (&docs, tool("fetch"), fetch),
            (&all, tool("fetch"), "fetch writes, rule[1]"),
            (&docs, tool("grep"), "rule[1]"),
            (&both, tool("grep"), "insufficient_scope by rule[1]: docs"),
            (
                &docs,
                tool("search"),
                "insufficient_scope by read_scope: mcp:read",
            ),
        ],
    );
}

#[test]
fn what_no_scope_would_help_against_is_refused_plainly_whatever_the_scopes() {
    let policy = policy(&[
        RuleSettings {
            name: Some("finance".into()),
            groups: texts(&["finance", "board"]),
            ..rule(&["invoices"])
        },
        RuleSettings {
            client_ids: texts(&["chatgpt", "claude"]),
            ..rule(&["mail"])
        },
        RuleSettings {
            claims: texts(&["department=hr", "department=legal", "level=3"]),
            ..rule(&["files"])
        },
    ]);
    let reader = || Somebody::with(&[READ]);
    let outsider = Somebody::default().in_groups(&["engineering", "Finance", "/finance"]);
    let member = reader().in_groups(&["engineering", "board"]);
    let member_without = Somebody::default().in_groups(&["finance"]);
    let hr = reader().claiming("department", &["it", "hr"]);
    let senior = reader()
        .claiming("department", &["legal"])
        .claiming("level", &["3"]);
    let elsewhere = reader()
        .claiming("level", &["hr"])
        .claiming("department", &["3"]);
    check(
        &policy,
        &[
            (&outsider, tool("invoices"), "group_required by finance"),
            (&reader(), tool("invoices"), "group_required by finance"),
            (&member, tool("invoices"), "read_scope, finance"),
            (
                &member_without,
                tool("invoices"),
                "insufficient_scope by read_scope: mcp:read",
            ),
            (&reader(), tool("mail"), "client_id_required by rule[1]"),
            (
                &reader().by("cursor"),
                tool("mail"),
                "client_id_required by rule[1]",
            ),
            (&reader().by("claude"), tool("mail"), "read_scope, rule[1]"),
            (&reader(), tool("files"), "claim_required by rule[2]"),
            (&hr, tool("files"), "claim_required by rule[2]"),
            (&elsewhere, tool("files"), "claim_required by rule[2]"),
            (&senior, tool("files"), "read_scope, rule[2]"),
        ],
    );
}

#[test]
fn a_rule_that_refuses_wins() {
    let policy = policy(&[
        RuleSettings {
            groups: texts(&["staff"]),
            ..rule(&["*"])
        },
        RuleSettings {
            name: Some("off".into()),
            deny: true,
            ..rule(&["fetch"])
        },
    ]);
    let all = Somebody::with(&[READ, WRITE])
        .in_groups(&["staff"])
        .by("any");
    check(
        &policy,
        &[
            (&all, tool("search"), "read_scope, rule[0]"),
            (&all, tool("fetch"), "denied_by_rule by off"),
            (
                &Somebody::default(),
                tool("fetch"),
                "group_required by rule[0]",
            ),
            // What does not exist is no way to learn what does.
            (
                &Somebody::with(&[READ]),
                tool(""),
                "group_required by rule[0]",
            ),
        ],
    );
}

#[test]
fn patterns_of_tools_resources_and_upstreams_say_what_a_rule_is_for() {
    let staff = |settings: RuleSettings| RuleSettings {
        groups: texts(&["staff"]),
        ..settings
    };
    let everything_of_billing = staff(RuleSettings {
        upstreams: texts(&["bill*"]),
        ..RuleSettings::default()
    });
    let tools_of_billing = staff(RuleSettings {
        upstreams: texts(&["billing"]),
        ..rule(&["*__pay"])
    });
    let files = staff(RuleSettings {
        resources: texts(&["file:///invoices/*"]),
        ..RuleSettings::default()
    });
    let prompts = staff(RuleSettings {
        prompts: texts(&["*__pay"]),
        ..RuleSettings::default()
    });
    let both = staff(RuleSettings {
        resources: texts(&["file:///*"]),
        ..rule(&["{search,fetch}"])
    });
    let targets = [
        tool("search"),
        of_upstream("billing", "billing__pay"),
        of_upstream("billing", "billing__list"),
        of_upstream("other", "other__pay"),
        resource_at("billing", "file:///invoices/2026/1.pdf"),
        resource_at("other", "file:///orders/1.pdf"),
        Target {
            kind: Kind::Prompt,
            ..of_upstream("billing", "billing__pay")
        },
    ];
    for (settings, holds_for) in [
        (
            everything_of_billing,
            [false, true, true, false, true, false, true],
        ),
        (
            tools_of_billing,
            [false, true, false, false, false, false, false],
        ),
        (prompts, [false, false, false, false, false, false, true]),
        (files, [false, false, false, false, true, false, false]),
        (both, [true, false, false, false, true, true, false]),
    ] {
        let policy = policy(std::slice::from_ref(&settings));
        let found = targets.map(|target| !policy.requirements(&target).rules.is_empty());
        assert_eq!(found, holds_for, "{settings:?}");
    }
}

#[test]
fn only_what_is_asked_somewhere_tells_two_standings_apart() {
    let policy = policy(&[RuleSettings {
        groups: texts(&["staff"]),
        ..rule(&["fetch"])
    }]);
    let standing = |groups: &[&str]| {
        let (scopes, groups) = ([scope(READ)].into_iter().collect(), texts(groups));
        Standing(policy.facts_of(&Caller {
            scopes: &scopes,
            groups: &groups,
            client_id: None,
            claims: &[],
        }))
    };
    let (staff, others) = (standing(&["staff"]), standing(&[]));
    for (name, alike) in [("search", true), ("fetch", false)] {
        let mut asked = AskedFor::default();
        asked.add(&policy.requirements(&tool(name)));
        assert_eq!(staff.among(&asked) == others.among(&asked), alike, "{name}");
    }
}

#[test]
fn clients_are_told_to_ask_for_what_basic_use_takes() {
    let targets = [tool("search"), tool("fetch")];
    let asked = |rules: &[RuleSettings]| policy(rules).basic_scopes(&targets).to_string();
    let scopes = |tools: &[&str], scopes: &[&str]| RuleSettings {
        scopes: texts(scopes),
        ..rule(tools)
    };
    let off = |tools: &[&str]| RuleSettings {
        deny: true,
        ..rule(tools)
    };
    assert_eq!(asked(&[]), READ);
    assert_eq!(asked(&[scopes(&["fetch"], &[WRITE])]), READ);
    assert_eq!(asked(&[scopes(&["*"], &["docs"])]), "docs");
    let two = [scopes(&["*"], &["docs"]), scopes(&["search"], &["find"])];
    assert_eq!(asked(&two), "docs");
    assert_eq!(
        asked(&[off(&["search"]), scopes(&["fetch"], &["docs"])]),
        "docs"
    );
    assert_eq!(asked(&[off(&["*"])]), READ);
    let all = policy(&two).scopes().to_string();
    assert_eq!(all, "docs find mcp:read mcp:write");
}

#[test]
fn the_protocol_takes_any_scope_that_something_takes() {
    let plain = policy(&[]);
    let docs = policy(&[RuleSettings {
        scopes: texts(&["docs"]),
        ..rule(&["fetch"])
    }]);
    for (scopes, without, with) in [
        (&[][..], None, None),
        (&["openid"], None, None),
        (&[WRITE], Some("other_scope"), Some("other_scope")),
        (&[READ], Some("read_scope"), Some("read_scope")),
        (&["docs"], None, Some("other_scope")),
    ] {
        for (policy, expected) in [(&plain, without), (&docs, with)] {
            // One principal under two policies: what one found must not count for the other.
            let principal = Principal::for_test("alice", scopes, resource());
            let decided = policy.decide(&principal, Operation::Protocol);
            assert_eq!(
                decided.as_ref().ok().map(Permit::rule),
                expected,
                "{scopes:?}"
            );
            if let Err(denial) = decided {
                assert_eq!(denial.scopes.to_string(), READ);
            }
        }
    }
}

#[test]
fn a_permit_is_for_its_own_operation_and_names_its_rule() {
    let policy = policy(&[]);
    let principal = Principal::for_test("alice", &[READ], resource());
    let fetch = policy.requirements(&tool("fetch"));
    let permit = policy
        .decide(&principal, Operation::CallTool(&fetch))
        .expect("a permit");
    assert_eq!(
        (permit.tool(), permit.rule()),
        (Some("fetch"), "read_scope")
    );
    let permit = policy
        .decide(&principal, Operation::Protocol)
        .expect("a permit");
    assert_eq!((permit.tool(), permit.rule()), (None, "read_scope"));
}

#[test]
fn what_one_policy_found_of_a_principal_does_not_count_for_another() {
    let principal = Principal::for_test("alice", &[READ], resource());
    let reading = policy(&[]);
    let other = Policy::new(scope("docs"), scope(READ));
    for _ in 0..2 {
        for (policy, expected) in [(&reading, true), (&other, false)] {
            let requirements = policy.requirements(&tool("fetch"));
            let decided = policy.decide(&principal, Operation::CallTool(&requirements));
            assert_eq!(decided.is_ok(), expected);
        }
    }
}
