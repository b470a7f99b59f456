//! Every metric and label name, once: prefix `usher_`, base units, and no label whose values a caller can invent.
//!
//! A registry per server, no globals. `docs/reference/metrics.md` tells operators what each one means.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A cheap handle on this server's metrics. Clones count into the same registry; two servers have two registries.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    families: Families,
    verified_token_hits: Counter,
    verified_token_misses: Counter,
}

/// A counter and the histogram of the time that what it counts took, found among their families once: adding to it
/// takes no look at the labels.
#[derive(Clone, Debug)]
pub struct Series {
    count: Counter,
    seconds: Histogram,
}

impl Series {
    /// The series of these labels, which have to be found.
    fn of<C: Labels, T: Labels>(
        (counts, count): (&Family<C, Counter>, &C),
        (times, time): (&Histograms<T>, &T),
    ) -> Self {
        Self {
            count: counts.get_or_create_owned(count),
            seconds: times.get_or_create_owned(time),
        }
    }

    /// One more, which took so many seconds.
    pub fn add(&self, seconds: f64) {
        self.count.inc();
        self.seconds.observe(seconds);
    }
}

macro_rules! labels {
    ($($name:ident { $($label:ident: $kind:ty),+ })+) => {
        $(#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
        struct $name { $($label: $kind),+ })+
    };
}

labels! {
    RequestLabels { endpoint: &'static str, method: &'static str, status: u16 }
    EndpointLabels { endpoint: &'static str }
    ReasonLabels { reason: &'static str }
    IssuerLabels { issuer: String }
    FetchLabels { issuer: String, outcome: &'static str }
    OutcomeLabels { outcome: &'static str }
    OperationLabels { method: &'static str, tool: Cow<'static, str>, outcome: &'static str }
    OperationTimeLabels { method: &'static str, tool: Cow<'static, str> }
    EngineLabels { engine: &'static str }
    CollectionLabels { collection: String }
    UpstreamLabels { upstream: String }
    AttemptLabels { upstream: String, outcome: &'static str }
    ClientLabels { client: &'static str }
    ClientRequestLabels { client: &'static str, kind: &'static str }
    BuildLabels { version: &'static str }
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug)]
struct Families {
    http_requests: Family<RequestLabels, Counter>,
    http_request_duration: Histograms<EndpointLabels>,
    refusals: Family<ReasonLabels, Counter>,
    connections: Gauge,
    streams: Gauge,
    panics: Counter,
    jwks_fetches: Family<FetchLabels, Counter>,
    jwks_keys: Family<IssuerLabels, Gauge>,
    jwks_fetched_at: Family<IssuerLabels, Gauge>,
    unknown_kids: Family<IssuerLabels, Counter>,
    jwks_waits_known_kid: Counter,
    jwks_waits_unknown_kid: Counter,
    verified_tokens: Family<OutcomeLabels, Counter>,
    operations: Family<OperationLabels, Counter>,
    operation_duration: Histograms<OperationTimeLabels>,
    search_duration: Histograms<EngineLabels>,
    documents: Family<CollectionLabels, Gauge>,
    documents_skipped: Family<CollectionLabels, Gauge>,
    upstream_connected: Family<UpstreamLabels, Gauge>,
    upstream_attempts: Family<AttemptLabels, Counter>,
    upstream_breakers: Family<UpstreamLabels, Gauge>,
    upstream_tools: Family<UpstreamLabels, Gauge>,
    upstream_quarantined: Family<UpstreamLabels, Gauge>,
    refusal_rows: Gauge,
    client_requests: Family<ClientRequestLabels, Counter>,
    client_silent: Family<ClientLabels, Gauge>,
    build: Family<BuildLabels, Gauge>,
}

/// The convention's buckets for MCP operations, with finer ones below for work that stays in the process.
fn seconds() -> Histogram {
    Histogram::new([
        0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
        60.0,
    ])
}

/// What tells one series of a family from another.
trait Labels: Clone + std::hash::Hash + Eq {}

impl<L: Clone + std::hash::Hash + Eq> Labels for L {}

fn histograms<L: Labels>() -> Histograms<L> {
    Family::new_with_constructor(seconds as fn() -> Histogram)
}

impl Default for Inner {
    fn default() -> Self {
        let families = Families {
            http_requests: Family::default(),
            http_request_duration: histograms(),
            refusals: Family::default(),
            connections: Gauge::default(),
            streams: Gauge::default(),
            panics: Counter::default(),
            jwks_fetches: Family::default(),
            jwks_keys: Family::default(),
            jwks_fetched_at: Family::default(),
            unknown_kids: Family::default(),
            jwks_waits_known_kid: Counter::default(),
            jwks_waits_unknown_kid: Counter::default(),
            verified_tokens: Family::default(),
            operations: Family::default(),
            operation_duration: histograms(),
            search_duration: histograms(),
            documents: Family::default(),
            documents_skipped: Family::default(),
            upstream_connected: Family::default(),
            upstream_attempts: Family::default(),
            upstream_breakers: Family::default(),
            upstream_tools: Family::default(),
            upstream_quarantined: Family::default(),
            refusal_rows: Gauge::default(),
            client_requests: Family::default(),
            client_silent: Family::default(),
            build: Family::default(),
        };
        let version = env!("CARGO_PKG_VERSION");
        families
            .build
            .get_or_create(&BuildLabels { version })
            .set(1);
        let mut registry = Registry::with_prefix("usher");
        families.register(&mut registry);
        let lookups = |outcome| {
            let labels = OutcomeLabels { outcome };
            families.verified_tokens.get_or_create_owned(&labels)
        };
        Self {
            verified_token_hits: lookups("hit"),
            verified_token_misses: lookups("miss"),
            registry,
            families,
        }
    }
}

impl Families {
    fn register(&self, registry: &mut Registry) {
        macro_rules! register {
            ($($field:ident $name:literal $help:literal)+) => {
                $(registry.register($name, $help, self.$field.clone());)+
            };
        }
        // The text format adds `_total` to counters and a full stop to each help text.
        register! {
            http_requests "http_requests" "Requests answered, by endpoint, method and status"
            http_request_duration "http_request_duration_seconds" "Time to the response head, by endpoint"
            refusals "refusals" "Requests refused, by stable reason code"
            connections "http_connections" "Open connections"
            streams "open_streams" "Open response streams"
            panics "panics" "Requests that ended in a bug and were answered with 500"
            jwks_fetches "jwks_fetches" "Key set fetches, by issuer and outcome"
            jwks_keys "jwks_keys" "Usable keys in the current key set, by issuer"
            jwks_fetched_at "jwks_fetched_timestamp_seconds" "Unix time of the last successful key set fetch, by issuer"
            unknown_kids "jwks_unknown_kids" "Tokens with a key id that is in no key set, by issuer"
            jwks_waits_known_kid "jwks_waits_known_kid" "Requests with a known key id that waited for a key set fetch: always 0"
            jwks_waits_unknown_kid "jwks_waits_unknown_kid" "Requests with an unknown key id that waited for a key set fetch"
            verified_tokens "verified_token_lookups" "Lookups in the cache of verified tokens, by outcome"
            operations "mcp_operations" "MCP messages handled, by method, tool and outcome"
            operation_duration "mcp_operation_duration_seconds" "Time to handle one MCP message, by method and tool"
            search_duration "search_duration_seconds" "Time inside the search engine, by engine"
            documents "documents" "Documents that can be found, by collection"
            documents_skipped "documents_skipped" "Documents that could not be read, by collection"
            upstream_connected "upstream_connected" "1 while the upstream is reached, else 0, by upstream"
            upstream_attempts "upstream_attempts" "Attempts to reach an upstream and to list what it has, by upstream and outcome"
            upstream_breakers "upstream_breaker_open" "1 while the circuit breaker keeps calls back, else 0, by upstream"
            upstream_tools "upstream_tools" "Tools that are listed, by upstream"
            upstream_quarantined "upstream_quarantined_tools" "Tools that are kept back because nobody approved them, by upstream"
            refusal_rows "refusal_rows" "Rows in the record of refusals"
            client_requests "client_requests" "Requests by kind of client software: challenged, connected or called"
            client_silent "client_silent" "1 while a kind of client software was challenged or let in and nothing followed, else 0"
            build "build_info" "Always 1; the label tells the version"
        }
    }
}

impl Metrics {
    /// All metrics in the `OpenMetrics` text format.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.0.registry).expect("invariant: writing to a string cannot fail");
        text
    }

    /// The requests answered at an endpoint, by method and status. `endpoint` is a route of ours or `other`, never a path
    /// as sent.
    #[must_use]
    pub fn requests(&self, endpoint: &'static str, method: &'static str, status: u16) -> Series {
        let labels = RequestLabels {
            endpoint,
            method,
            status,
        };
        let times = EndpointLabels { endpoint };
        let families = &self.0.families;
        Series::of(
            (&families.http_requests, &labels),
            (&families.http_request_duration, &times),
        )
    }

    /// One request was refused, for a stable reason code.
    pub fn refusal(&self, reason: &'static str) {
        let labels = ReasonLabels { reason };
        self.0.families.refusals.get_or_create(&labels).inc();
    }

    /// How often requests were refused for `reason`.
    #[must_use]
    pub fn refusals(&self, reason: &'static str) -> u64 {
        let labels = ReasonLabels { reason };
        self.0
            .families
            .refusals
            .get(&labels)
            .map_or(0, |counter| counter.get())
    }

    /// A connection was opened.
    pub fn connection_opened(&self) {
        self.0.families.connections.inc();
    }

    /// A connection was closed.
    pub fn connection_closed(&self) {
        self.0.families.connections.dec();
    }

    /// A response stream was opened.
    pub fn stream_opened(&self) {
        self.0.families.streams.inc();
    }

    /// A response stream has ended.
    pub fn stream_closed(&self) {
        self.0.families.streams.dec();
    }

    /// A request ended in a bug.
    pub fn panic_caught(&self) {
        self.0.families.panics.inc();
    }

    /// A key set was asked for. `outcome` is `ok`, `unchanged`, or the reason of the failure.
    pub fn jwks_fetch(&self, issuer: &str, outcome: &'static str) {
        let issuer = issuer.to_owned();
        let labels = FetchLabels { issuer, outcome };
        self.0.families.jwks_fetches.get_or_create(&labels).inc();
    }

    /// The key set in force: how many usable keys, and when it was last confirmed (Unix seconds).
    pub fn jwks_state(&self, issuer: &str, keys: usize, fetched_at: i64) {
        let labels = IssuerLabels {
            issuer: issuer.to_owned(),
        };
        let keys = i64::try_from(keys).unwrap_or(i64::MAX);
        self.0.families.jwks_keys.get_or_create(&labels).set(keys);
        self.0
            .families
            .jwks_fetched_at
            .get_or_create(&labels)
            .set(fetched_at);
    }

    /// A token named a key id that is in no key set of its issuer.
    pub fn unknown_kid(&self, issuer: &str) {
        let labels = IssuerLabels {
            issuer: issuer.to_owned(),
        };
        self.0.families.unknown_kids.get_or_create(&labels).inc();
    }

    /// A request waited for a key set, `known` if its key id was in the set at hand.
    pub fn jwks_wait(&self, known: bool) {
        let families = &self.0.families;
        if known {
            families.jwks_waits_known_kid.inc();
        } else {
            families.jwks_waits_unknown_kid.inc();
        }
    }

    /// How many requests waited for a key set, with a key id that was known or not.
    #[must_use]
    pub fn jwks_waits(&self, known: bool) -> u64 {
        let families = &self.0.families;
        if known {
            families.jwks_waits_known_kid.get()
        } else {
            families.jwks_waits_unknown_kid.get()
        }
    }

    /// A token was looked up among those already verified.
    pub fn verified_token_lookup(&self, hit: bool) {
        let outcome = if hit {
            &self.0.verified_token_hits
        } else {
            &self.0.verified_token_misses
        };
        outcome.inc();
    }

    /// The MCP messages handled. `tool` is empty but for `tools/call`, and `_OTHER` for a tool that does not exist.
    #[must_use]
    pub fn operations(
        &self,
        method: &'static str,
        tool: impl Into<Cow<'static, str>>,
        outcome: &'static str,
    ) -> Series {
        let tool = tool.into();
        let labels = OperationLabels {
            method,
            tool: tool.clone(),
            outcome,
        };
        let times = OperationTimeLabels { method, tool };
        let families = &self.0.families;
        Series::of(
            (&families.operations, &labels),
            (&families.operation_duration, &times),
        )
    }

    /// The search engine `engine` answered.
    pub fn search_seconds(&self, engine: &'static str, seconds: f64) {
        let labels = EngineLabels { engine };
        self.0
            .families
            .search_duration
            .get_or_create(&labels)
            .observe(seconds);
    }

    /// How many documents of `collection` can be found now, and how many could not be read.
    pub fn documents(&self, collection: &str, documents: usize, skipped: usize) {
        let labels = CollectionLabels {
            collection: collection.to_owned(),
        };
        let families = &self.0.families;
        let set = |family: &Family<CollectionLabels, Gauge>, value: usize| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            family.get_or_create(&labels).set(value);
        };
        set(&families.documents, documents);
        set(&families.documents_skipped, skipped);
    }

    /// Whether an upstream is reached.
    pub fn upstream_connected(&self, upstream: &str, is_connected: bool) {
        self.of_upstream(upstream, |families| &families.upstream_connected)
            .set(i64::from(is_connected));
    }

    /// An attempt to reach an upstream and to list what it has: `ok`, or the reason of the failure.
    pub fn upstream_attempt(&self, upstream: &str, outcome: &'static str) {
        let labels = AttemptLabels {
            upstream: upstream.to_owned(),
            outcome,
        };
        let families = &self.0.families;
        families.upstream_attempts.get_or_create(&labels).inc();
    }

    /// Whether the circuit breaker of an upstream keeps calls back.
    pub fn upstream_breaker(&self, upstream: &str, is_open: bool) {
        self.of_upstream(upstream, |families| &families.upstream_breakers)
            .set(i64::from(is_open));
    }

    /// How many tools of an upstream are listed, and how many are kept back.
    pub fn upstream_tools(&self, upstream: &str, listed: usize, quarantined: usize) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.of_upstream(upstream, |families| &families.upstream_tools)
            .set(gauge(listed));
        self.of_upstream(upstream, |families| &families.upstream_quarantined)
            .set(gauge(quarantined));
    }

    /// How many rows the record of refusals has.
    pub fn refusal_rows(&self, rows: usize) {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.0.families.refusal_rows.set(rows);
    }

    /// How often a kind of client software did what since the start: `challenged`, `connected` or `called`.
    pub fn client_requests(&self, client: &'static str, kind: &'static str, count: u64) {
        let labels = ClientRequestLabels { client, kind };
        let counter = self.0.families.client_requests.get_or_create_owned(&labels);
        counter.inner().fetch_max(count, Ordering::Relaxed);
    }

    /// Whether a kind of client software fell silent.
    pub fn client_silent(&self, client: &'static str, is_silent: bool) {
        let labels = ClientLabels { client };
        let gauge = self.0.families.client_silent.get_or_create_owned(&labels);
        gauge.set(i64::from(is_silent));
    }

    fn of_upstream(
        &self,
        upstream: &str,
        family: impl FnOnce(&Families) -> &Family<UpstreamLabels, Gauge>,
    ) -> Gauge {
        let upstream = upstream.to_owned();
        family(&self.0.families).get_or_create_owned(&UpstreamLabels { upstream })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used() -> Metrics {
        let metrics = Metrics::default();
        metrics.requests("/mcp", "POST", 200).add(0.002);
        metrics.refusal("token_expired");
        metrics.connection_opened();
        metrics.stream_opened();
        metrics.panic_caught();
        metrics.jwks_fetch("https://issuer.test", "ok");
        metrics.jwks_state("https://issuer.test", 2, 1_800_000_000);
        metrics.unknown_kid("https://issuer.test");
        metrics.verified_token_lookup(true);
        metrics.operations("tools/call", "search", "ok").add(0.01);
        metrics.search_seconds("embedded", 0.000_4);
        metrics.documents("handbook", 12, 1);
        metrics.upstream_connected("files", true);
        metrics.upstream_attempt("files", "ok");
        metrics.upstream_breaker("files", false);
        metrics.upstream_tools("files", 3, 1);
        metrics.refusal_rows(2);
        metrics.client_requests("chatgpt", "called", 7);
        metrics.client_requests("chatgpt", "called", 8);
        metrics.client_silent("chatgpt", false);
        metrics
    }

    #[test]
    fn every_metric_has_the_prefix_and_says_what_it_means() {
        let text = used().encode();
        for line in text.lines().filter(|line| *line != "# EOF") {
            let name = line
                .trim_start_matches("# HELP ")
                .trim_start_matches("# TYPE ");
            assert!(name.starts_with("usher_"), "{line}");
        }
        let helped = text
            .lines()
            .filter(|line| line.starts_with("# HELP"))
            .count();
        let typed = text
            .lines()
            .filter(|line| line.starts_with("# TYPE"))
            .count();
        assert_eq!(helped, typed);
    }

    #[test]
    fn counters_gauges_and_histograms_read_as_documented() {
        let text = used().encode();
        for expected in [
            "usher_http_requests_total{endpoint=\"/mcp\",method=\"POST\",status=\"200\"} 1",
            "usher_refusals_total{reason=\"token_expired\"} 1",
            "usher_jwks_fetches_total{issuer=\"https://issuer.test\",outcome=\"ok\"} 1",
            "usher_jwks_fetched_timestamp_seconds{issuer=\"https://issuer.test\"} 1800000000",
            "usher_search_duration_seconds_count{engine=\"embedded\"} 1",
            "usher_documents{collection=\"handbook\"} 12",
            "usher_upstream_connected{upstream=\"files\"} 1",
            "usher_upstream_attempts_total{upstream=\"files\",outcome=\"ok\"} 1",
            "usher_upstream_breaker_open{upstream=\"files\"} 0",
            "usher_upstream_tools{upstream=\"files\"} 3",
            "usher_upstream_quarantined_tools{upstream=\"files\"} 1",
            "usher_refusal_rows 2",
            "usher_client_requests_total{client=\"chatgpt\",kind=\"called\"} 8",
            "usher_client_silent{client=\"chatgpt\"} 0",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn every_metric_is_in_the_reference() {
        let reference = include_str!("../../docs/reference/metrics.md");
        for line in used()
            .encode()
            .lines()
            .filter(|line| line.starts_with("# TYPE "))
        {
            let name = line.split(' ').nth(2).unwrap();
            let listed = [format!("`{name}`"), format!("`{name}_total`")];
            assert!(listed.iter().any(|name| reference.contains(name)), "{name}");
        }
    }

    #[test]
    fn two_servers_have_two_registries() {
        let one = Metrics::default();
        one.refusal("token_expired");
        assert_eq!(one.clone().refusals("token_expired"), 1);
        assert_eq!(Metrics::default().refusals("token_expired"), 0);
    }
}
