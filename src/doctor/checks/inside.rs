//! This server from inside: its configuration, its files, its index, its upstreams.

use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &CONFIGURATION_VALID,
    &CONFIGURATION_MATCHES_ADDRESS,
    &PUBLIC_URL_REACHABLE,
    &ENVIRONMENT_UNDERSTOOD,
    &FILES_PRIVATE,
    &STATE_WRITABLE,
    &PORT_FREE,
    &ISSUER_PROFILE,
    &COLLECTION_READABLE,
    &INDEX_FILLED,
    &UPSTREAM_ANSWERS,
    &CATALOGUE_APPROVED,
    &RULES_MATCH,
    &TOOLS_REACHABLE,
];

/// The configuration may run.
pub const CONFIGURATION_VALID: Check = Check {
    id: "configuration-valid",
    title: "The configuration may run",
    failing: "The configuration must not run",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("mistakes in the configuration; see docs/configuration.md"),
        Symptom::anywhere("a key that does not exist"),
        Symptom::anywhere("CrashLoopBackOff"),
    ],
    cause: "The file or a variable of the environment says something that is not understood, contradicts itself, or \
         would not be safe. The server does not start then, rather than start with less than was meant.",
    fix: "change what is named: each mistake says where it stands, what was expected and the nearest name that \
         exists",
    page: "configuration.md",
    follows: &[],
    ..Check::BLANK
};

/// The listening address and the public URL fit each other.
pub const CONFIGURATION_MATCHES_ADDRESS: Check = Check {
    id: "configuration-matches-address",
    title: "The listening address and the public URL fit each other",
    failing: "The listening address and the public URL do not fit",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("connection refused"),
        Symptom::anywhere("host_not_allowed"),
    ],
    cause: "`public_url` is what clients type and what tokens are for; `listen` is where this program waits. In \
         between there may be a proxy, which ends TLS and forwards. Without one they have to agree.",
    fix: "write the port that clients use into both, or put a proxy in front and name it in `http.trusted_proxies`",
    page: "configuration.md",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The public URL leads to this server.
pub const PUBLIC_URL_REACHABLE: Check = Check {
    id: "public-url-reachable",
    title: "The public URL leads to this server",
    failing: "The public URL does not lead to this server",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(
            KnownClient::Claude,
            "Couldn't reach the MCP server. You can check the server URL and verify the server is running.",
        ),
        Symptom::anywhere("502 Bad Gateway"),
        Symptom::anywhere("nothing at all in the log"),
    ],
    cause: "The server runs, and its public address leads nowhere, or to another server: a name that is not in DNS \
         yet, a proxy that forwards to another port, an old container that still answers.",
    fix: "see where the public name leads and what the proxy in front forwards to; then run `usher doctor` with \
         the address from outside",
    page: "docker-compose.md",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// No variable of another tool's guide is left over.
pub const ENVIRONMENT_UNDERSTOOD: Check = Check {
    id: "environment-understood",
    title: "No variable of another tool's guide is left over",
    failing: "Variables of another tool's guide are left over",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("I set OAUTH_CLIENT_SECRET and nothing changes"),
        Symptom::anywhere("invalid_client"),
    ],
    cause: "Guides for other servers ask for variables that mean nothing here. Most of them are for servers that log \
         people in themselves; this one checks tokens and leaves the login to the identity provider.",
    fix: "take the variable out, and set what is named instead",
    page: "configuration.md",
    follows: &[],
    ..Check::BLANK
};

/// Nobody else may read the secrets or write the state.
pub const FILES_PRIVATE: Check = Check {
    id: "files-private",
    title: "Nobody else may read the secrets or write the state",
    failing: "Others may read the secrets or write the state",
    place: Place::Gateway,
    symptoms: &[Symptom::anywhere(
        "every user of this machine can read the secret file",
    )],
    cause: "Whoever can change the configuration or the state directory can choose whose tokens are good. Whoever \
         can read a secret file can be this server to others.",
    fix: "take the rights of others away: chmod o-rwx on secrets, chmod o-w on the rest",
    page: "configuration.md",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The state directory can be written.
pub const STATE_WRITABLE: Check = Check {
    id: "state-writable",
    title: "The state directory can be written",
    failing: "The state directory cannot be written",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("the keys cannot be stored; a restart would need the issuer"),
        Symptom::anywhere("Permission denied"),
        Symptom::anywhere("Read-only file system"),
    ],
    cause: "The last good keys and the index are kept in `state_dir`. A container whose file system is read only, or \
         a volume that belongs to another user, leaves it without.",
    fix: "name a directory in `state_dir` that belongs to the user of this program; in a container mount a volume \
         there",
    page: "configuration.md",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The port is free, or this server has it.
pub const PORT_FREE: Check = Check {
    id: "port-free",
    title: "The port is free, or this server has it",
    failing: "The port is taken by another program",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("cannot listen on"),
        Symptom::anywhere("Address already in use"),
    ],
    cause: "Something else listens at the address in `listen`, an older copy of this server perhaps, or this user \
         may not listen there.",
    fix: "end what listens there, or choose another port in `listen`, and the same in the proxy",
    page: "configuration.md",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The issuer is what its profile says.
pub const ISSUER_PROFILE: Check = Check {
    id: "issuer-profile",
    title: "The issuer is what its profile says",
    failing: "The issuer is not what its profile says",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("the metadata looks like"),
        Symptom::anywhere("wrong_type"),
        Symptom::anywhere("wrong_audience"),
    ],
    cause: "A profile says how one provider writes its tokens. The live metadata is not what the profile, or the \
         rest of the settings, expects: another provider, another place, or a setting that contradicts it.",
    fix: "write the `profile` that the provider is, or leave it out where the address says it already",
    page: "identity-providers.md",
    follows: &["issuer-metadata-valid", "configuration-valid"],
    ..Check::BLANK
};

/// The documents can be read.
pub const COLLECTION_READABLE: Check = Check {
    id: "collection-readable",
    title: "The documents can be read",
    failing: "Documents cannot be read",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("there is nothing at the collection's path"),
        Symptom::anywhere("nothing found"),
        Symptom::anywhere("index_not_ready"),
    ],
    cause: "The folder or file of a [[collection]] is not there, or the user of this program may not read it. In a \
         container it has to be mounted.",
    fix: "write the path as this program sees it, mount it into the container, and let its user read it",
    page: "collections.md#what-goes-wrong-and-what-happens-then",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// There is something to search.
pub const INDEX_FILLED: Check = Check {
    id: "index-filled",
    title: "There is something to search",
    failing: "There is nothing to search",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(
            KnownClient::ChatGpt,
            "search finds nothing, whatever the question",
        ),
        Symptom::anywhere("nothing found"),
        Symptom::anywhere("index_not_ready"),
    ],
    cause: "The index holds no document: the folder is empty, all its files are of kinds that are not read, or it \
         was never built.",
    fix: "put documents into the collections (Markdown, HTML, text, JSON Lines); `usher index build` says what is \
         left out and why",
    page: "collections.md",
    follows: &["collection-readable"],
    ..Check::BLANK
};

/// Each upstream answers.
pub const UPSTREAM_ANSWERS: Check = Check {
    id: "upstream-answers",
    title: "Each upstream answers",
    failing: "An upstream does not answer",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(
            KnownClient::ChatGpt,
            "a tool that was there yesterday is gone",
        ),
        Symptom::anywhere("upstream_unavailable"),
        Symptom::anywhere("upstream_timed_out"),
        Symptom::anywhere("upstream_credential_refused"),
    ],
    cause: "An MCP server behind this one cannot be reached, does not start, or refuses what it is shown. Its tools \
         are not listed, and calls of them fail.",
    fix: "look where it stops: `usher upstream probe NAME` connects step by step",
    page: "upstreams.md#looking-at-them",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// What upstreams offer is what was approved.
pub const CATALOGUE_APPROVED: Check = Check {
    id: "catalogue-approved",
    title: "What upstreams offer is what was approved",
    failing: "What upstreams offer is not what was approved",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("the catalogue lock keeps back the tool"),
        Symptom::anywhere("unknown_tool"),
        Symptom::of(
            KnownClient::ChatGpt,
            "a tool that was there yesterday is gone",
        ),
    ],
    cause: "With the catalogue lock on, a tool that is new or has changed since somebody approved it is kept back, \
         so that no upstream can change under people's feet what a tool says it does.",
    fix: "look with `usher upstream diff`, and if it is as it should be, `usher upstream approve`",
    page: "upstreams.md#the-catalogue-lock",
    follows: &["upstream-answers"],
    ..Check::BLANK
};

/// Each rule of the policy matches something.
pub const RULES_MATCH: Check = Check {
    id: "rules-match",
    title: "Each rule of the policy matches something",
    failing: "A rule of the policy matches nothing",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("matches nothing"),
        Symptom::anywhere("a rule seems to have no effect"),
    ],
    cause: "A pattern of a [[rule]] is like no tool, prompt or resource that there is: a slip of the pen, or \
         something that an upstream called otherwise before. What the rule was meant to keep in is then open, or \
         shut, by the usual rule.",
    fix: "compare the pattern with the names that `usher upstream list` prints, as clients see them",
    page: "policy.md",
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// `search` and `fetch` can be used with the scopes that clients ask for.
pub const TOOLS_REACHABLE: Check = Check {
    id: "tools-reachable",
    title: "`search` and `fetch` can be used with the scopes that clients ask for",
    failing: "`search` or `fetch` cannot be used with the scopes that clients ask for",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "No app actions available"),
        Symptom::anywhere("insufficient_scope"),
        Symptom::anywhere("denied_by_rule"),
    ],
    cause: "Clients ask for the scopes that the metadata advertise, and these do not open `search` or `fetch`; or a \
         rule refuses everybody. ChatGPT's deep research and company knowledge need both.",
    fix: "advertise the scopes that the rules ask for (`scopes.advertised`), or change the rule that is named",
    page: "policy.md",
    follows: &["configuration-valid"],
    ..Check::BLANK
};
