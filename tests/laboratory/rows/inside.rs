//! What shows from inside: files, index, upstreams, environment.

use std::os::unix::fs::PermissionsExt as _;

use crate::broken_proxy::{What, always, at};
use crate::row::{Ask, At, Break, Done, Row};
use crate::setups::Site;
use crate::setups::usher::Settings;

const fn row(fault: &'static str, breaks: &'static [Break], first: &'static str) -> Row {
    Row {
        fault,
        place: "Usher",
        at: At::DevIdp,
        breaks,
        ask: Ask::Inside(&[]),
        first,
    }
}

/// A configuration that is wrong and that nothing runs with.
const fn written(fault: &'static str, breaks: &'static [Break], first: &'static str) -> Row {
    row(fault, breaks, first)
}

fn secret_for_all(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move {
        let path = site.usher.folder().join("secret");
        std::fs::write(&path, "a-secret-of-the-administration\n")?;
        Ok(std::fs::set_permissions(
            &path,
            std::fs::Permissions::from_mode(0o644),
        )?)
    })
}

pub(super) fn empty_folder(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move { Ok(std::fs::create_dir_all(site.usher.folder().join("empty"))?) })
}

pub(super) fn nothing(_site: &mut Site) -> Done<'_, ()> {
    Box::pin(async { Ok(()) })
}

pub(crate) const ROWS: &[Row] = &[
    written(
        "a key that there is not",
        &[Break::Written(Settings {
            top: "public_ulr = \"https://mcp.example.com\"",
            ..Settings::ALONE
        })],
        "configuration-valid",
    ),
    written(
        "`public_url` has a path",
        &[Break::Written(Settings {
            public_url: "https://mcp.example.com/mcp",
            ..Settings::ALONE
        })],
        "configuration-valid",
    ),
    written(
        "`public_url` leads to nobody",
        &[Break::Settings(Settings {
            public_url: "http://127.0.0.1:9",
            ..Settings::ALONE
        })],
        "public-url-reachable",
    ),
    Row {
        place: "environment",
        ask: Ask::Inside(&[("OAUTH_CLIENT_SECRET", "left-over-secret")]),
        ..row(
            "a variable of another tool's guide is left over",
            &[],
            "environment-understood",
        )
    },
    row(
        "everybody may read a secret",
        &[
            Break::Do(secret_for_all, nothing),
            Break::Settings(Settings {
                top: "admin_secret_file = \"{folder}/secret\"",
                ..Settings::ALONE
            }),
        ],
        "files-private",
    ),
    written(
        "the state cannot be written",
        &[Break::Written(Settings {
            state_dir: "{folder}/orders.jsonl/state",
            ..Settings::ALONE
        })],
        "state-writable",
    ),
    written(
        "somebody else has the port",
        &[Break::Written(Settings {
            listen: "{front}",
            ..Settings::ALONE
        })],
        "port-free",
    ),
    written(
        "the collection is not there",
        &[Break::Written(Settings {
            collection: "{folder}/handbook",
            ..Settings::ALONE
        })],
        "collection-readable",
    ),
    row(
        "the collection is empty",
        &[
            Break::Do(empty_folder, nothing),
            Break::Settings(Settings {
                collection: "{folder}/empty",
                ..Settings::ALONE
            }),
        ],
        "index-filled",
    ),
    row(
        "an upstream is down",
        &[Break::Settings(Settings {
            more: "[[upstream]]\nname = \"orders\"\nhttp = \"http://127.0.0.1:9/mcp\"",
            ..Settings::ALONE
        })],
        "upstream-answers",
    ),
    row(
        "a rule is for a tool that there is not",
        &[Break::Settings(Settings {
            more: "[[rule]]\ntools = [\"serach\"]\ngroups = [\"finance\"]",
            ..Settings::ALONE
        })],
        "rules-match",
    ),
    row(
        "a rule hides `search` from everybody",
        &[Break::Settings(Settings {
            more: "[[rule]]\ntools = [\"search\"]\ndeny = true",
            ..Settings::ALONE
        })],
        "tools-reachable",
    ),
    row(
        "`issuer` has a slash more than the provider writes",
        &[Break::Settings(Settings {
            issuer: "{issuer}/",
            ..Settings::ALONE
        })],
        "issuer-equal",
    ),
    Row {
        place: "provider",
        ..row(
            "the provider does not answer",
            &[Break::Issuer(always(What::Silence))],
            "issuer-reachable",
        )
    },
    Row {
        place: "provider",
        ..row(
            "the provider's metadata are 404",
            &[Break::Issuer(at(
                "GET",
                "/.well-known/",
                What::Answer(404, &[], "not found"),
            ))],
            "issuer-metadata-found",
        )
    },
    Row {
        place: "provider",
        ..row(
            "the key set is 404",
            &[Break::Issuer(at(
                "GET",
                "/jwks",
                What::Answer(404, &[], "not found"),
            ))],
            "keys-reachable",
        )
    },
];
