//! What an operator writes about the HTTP surface.

use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of the HTTP surface.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}
