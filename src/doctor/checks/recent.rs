//! What a running server saw lately.

use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// The page on the record of refusals.
const PAGE: &str = "reference/refusals.md";

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &RECENT_REFUSALS,
    &SILENCE_AFTER_CHALLENGE,
    &SILENCE_AFTER_TOKEN,
    &ADMIN_REACHABLE,
];

/// No connection was refused lately.
pub const RECENT_REFUSALS: Check = Check {
    id: "recent-refusals",
    title: "No connection was refused lately",
    failing: "Connections were refused lately",
    place: Place::Provider,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::anywhere("the client shows an error, and it is not known which token it sent"),
    ],
    cause: "The server refused requests of late, and keeps why. The client shows its user none of that. Each kind of \
        refusal has a check of its own, which says what to change; one that has none stands here with its reason.",
    fix: "look the reason up in docs/reference/access-log.md, and the request in the log by its request id",
    page: PAGE,
    follows: &[],
    ..Check::BLANK
};

/// After a challenge somebody comes back with a token.
pub const SILENCE_AFTER_CHALLENGE: Check = Check {
    id: "silence-after-challenge",
    title: "After a challenge somebody comes back with a token",
    failing: "After challenges nobody came back with a token",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
        Symptom::of(
            KnownClient::Claude,
            "There was an error connecting to the server",
        ),
        Symptom::anywhere("silent_after_challenge"),
        Symptom::anywhere("challenges were served, and no accepted token followed"),
        Symptom::anywhere(
            "the login page never opens, or the browser comes back with an error and nothing more happens",
        ),
    ],
    cause: "The client was told with a 401 where to log in, and never came with a token that was accepted. It could not read \
        the metadata, register or log in: a bot filter stops its vendor's servers, the provider does not know its redirect \
        address, registration is switched off, or the login was left unfinished.",
    fix: "walk the connection as that client: usher doctor URL --as CLIENT --login; then look at the provider's own log, and at \
        that of the bot filter or firewall in front of it, at the time of the challenge",
    page: PAGE,
    follows: &["recent-refusals"],
    ..Check::BLANK
};

/// After a token was accepted, calls follow.
pub const SILENCE_AFTER_TOKEN: Check = Check {
    id: "silence-after-token",
    title: "After a token was accepted, calls follow",
    failing: "A token was accepted, but no call followed",
    place: Place::Client,
    symptoms: &[
        Symptom::of(
            KnownClient::ChatGpt,
            "This MCP server doesn't implement our specification",
        ),
        Symptom::anywhere("silent_after_token"),
        Symptom::anywhere("tokens were accepted, and nothing was asked for"),
        Symptom::anywhere("the client says that it is connected, and shows no tools"),
    ],
    cause: "The login worked, and then the client asked for nothing, not even for the list of tools. It does not speak the \
        revision that was answered, its event stream is held back by a proxy, or it was only opened and not used.",
    fix: "do what the client does: usher doctor URL --as CLIENT --login looks at revisions, streams and tools; connect the client \
        anew after a change, as some keep what they were told first",
    page: PAGE,
    follows: &["recent-refusals"],
    ..Check::BLANK
};

/// The admin listener of a running server answers.
pub const ADMIN_REACHABLE: Check = Check {
    id: "admin-reachable",
    title: "The admin listener of a running server answers",
    failing: "The admin listener does not answer",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("The admin listener wants its secret, as `Authorization: Bearer`."),
        Symptom::anywhere("usher doctor --recent says that nothing listens there"),
    ],
    cause: "What happened of late is in the memory of the running server, which tells it on its admin listener only: on \
        127.0.0.1:8081 by default, and elsewhere with the secret of admin_secret_file.",
    fix: "start the server, run this where its configuration is (--config FILE), or name its admin listener with \
        --admin URL and --admin-secret-file FILE; in a container: docker exec CONTAINER usher doctor --recent",
    page: "configuration.md",
    follows: &[],
    ..Check::BLANK
};
