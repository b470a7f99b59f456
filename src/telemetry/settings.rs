//! What an operator writes about logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `pretty` when standard error is a terminal, `json` otherwise.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

/// The settings of the log.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How log lines look: `json`, `pretty`, or `auto` (default), which is `pretty` on a terminal and `json` elsewhere.
    pub format: Format,
    /// Which events are written: a level (`error`, `warn`, `info`, `debug`, `trace`) or directives such as
    /// `info,usher::auth=debug`. Default `info`. Access lines have a switch of their own.
    pub level: String,
    /// Whether one line is written per request. Default true. Refusals are counted in the metrics either way.
    pub access: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            level: "info".to_owned(),
            access: true,
        }
    }
}
