//! Which of the suite's scenarios a server with only `search` and `fetch` is to pass, and how many checks that takes.
//!
//! Not here are scenarios that need the tools, prompts and resources of the suite's own fixture server, and
//! `logging-set-level`: Usher declares no `logging` capability, so the method is unknown, as it should be.

/// The revisions that the suite can test a server at.
pub(crate) const REVISIONS: &[&str] = &["2025-03-26", V_2025_06, V_2025_11, V_2026_07];
const V_2025_06: &str = "2025-06-18";
const V_2025_11: &str = "2025-11-25";
const V_2026_07: &str = "2026-07-28";

/// One scenario of the suite.
pub(crate) struct Scenario {
    /// Its name in the suite.
    pub(crate) name: &'static str,
    /// Where it applies, and how many of its checks succeed there at least.
    pub(crate) least_successes: &'static [(&'static str, usize)],
    /// Checks that fail for want of a fixture: id and what it needs.
    pub(crate) excused: &'static [(&'static str, &'static str)],
}

const fn scenario(
    name: &'static str,
    least_successes: &'static [(&'static str, usize)],
) -> Scenario {
    Scenario {
        name,
        least_successes,
        excused: &[],
    }
}

/// Every scenario that needs nothing but a server.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario("server-initialize", &[(V_2025_06, 3), (V_2025_11, 3)]),
    scenario(
        "server-session-lifecycle",
        &[("2025-03-26", 3), (V_2025_06, 3), (V_2025_11, 3)],
    ),
    Scenario {
        name: "server-stateless",
        least_successes: &[(V_2026_07, 24)],
        excused: &[
            (
                "sep-2575-server-rejects-undeclared-capability",
                "the tool test_missing_capability",
            ),
            (
                "sep-2575-missing-capability-http-400",
                "the tool test_missing_capability",
            ),
            (
                "sep-2575-http-server-no-independent-requests-on-stream",
                "the tool test_streaming_elicitation",
            ),
            (
                "sep-2575-server-no-log-without-loglevel",
                "the tool test_logging_tool",
            ),
        ],
    },
    scenario("ping", &[(V_2025_06, 2), (V_2025_11, 2)]),
    scenario(
        "tools-list",
        &[(V_2025_06, 2), (V_2025_11, 3), (V_2026_07, 4)],
    ),
    scenario(
        "resources-list",
        &[(V_2025_06, 2), (V_2025_11, 2), (V_2026_07, 2)],
    ),
    scenario(
        "prompts-list",
        &[(V_2025_06, 2), (V_2025_11, 2), (V_2026_07, 2)],
    ),
    scenario(
        "server-sse-multiple-streams",
        &[(V_2025_11, 1), (V_2026_07, 1)],
    ),
    scenario(
        "dns-rebinding-protection",
        &[(V_2025_11, 2), (V_2026_07, 2)],
    ),
    scenario("sep-2164-resource-not-found", &[(V_2026_07, 4)]),
    scenario("caching", &[(V_2026_07, 7)]),
    scenario("http-header-validation", &[(V_2026_07, 14)]),
    scenario(
        "input-required-result-unsupported-methods",
        &[(V_2026_07, 2)],
    ),
];
