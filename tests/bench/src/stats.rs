//! Medians and percentiles of a handful of figures.

/// The value that `share` (0 to 1) of a sorted list stays within.
pub(crate) fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a list's length is a small positive number"
    )]
    let rank = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(rank).copied()
}

/// The smallest, the middle and the largest of some figures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    /// The smallest.
    pub(crate) least: f64,
    /// The middle one.
    pub(crate) median: f64,
    /// The largest.
    pub(crate) most: f64,
}

impl Spread {
    /// Of these figures; zeros if there are none.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |share| percentile(&figures, share).unwrap_or_default();
        Self {
            least: at(0.0),
            median: at(0.5),
            most: at(1.0),
        }
    }
}
