//! What an operator writes about the record of refusals.

use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of the record of refusals, which is kept in memory and shown on the admin listener. See
/// `docs/reference/refusals.md` for what is kept, and who can read it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many refusals are kept, each at most 4 KiB; equal ones count as one. Default 1000, at most 10000; 0 keeps none.
    #[schemars(range(max = 10000))]
    pub refusals: u16,
    /// After how many minutes without an accepted token a challenge counts as unanswered, and without a call an accepted
    /// token as unused. The log says so once, and `usher doctor --recent` what may be the cause. Default 10; 0 means that
    /// nobody watches.
    pub silence_minutes: u16,
}

/// The most refusals that may be kept.
pub const MOST_REFUSALS: u16 = 10_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            refusals: 1000,
            silence_minutes: 10,
        }
    }
}

/// Why settings of the record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} refusals are more than can be kept")]
pub struct SettingsError {
    /// What was written in `refusals`.
    pub found: u16,
}

impl Settings {
    /// What is wrong with them.
    #[must_use]
    pub fn mistakes(&self) -> Vec<SettingsError> {
        let too_many = self.refusals > MOST_REFUSALS;
        let mistake = SettingsError {
            found: self.refusals,
        };
        too_many.then_some(mistake).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_refusals_can_be_kept() {
        let settings = |refusals| Settings {
            refusals,
            ..Settings::default()
        };
        for fine in [0, 1000, MOST_REFUSALS] {
            assert_eq!(settings(fine).mistakes(), []);
        }
        assert_eq!(
            settings(10_001).mistakes(),
            [SettingsError { found: 10_001 }]
        );
    }
}
