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

/// How far some figures lie apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    /// The smallest.
    pub(crate) least: f64,
    /// The middle one.
    pub(crate) median: f64,
    /// The largest.
    pub(crate) most: f64,
    /// Where the half of them lies that is nearest to the median by rank.
    pub(crate) middle_half: (f64, f64),
    /// Where the median of infinitely many such figures lies with 95 % certainty.
    pub(crate) median_within: (f64, f64),
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
            middle_half: (at(0.25), at(0.75)),
            median_within: median_within(&figures),
        }
    }
}

/// The interval of the sign test: it asks nothing of how the figures are distributed, only that each is drawn by itself.
fn median_within(sorted: &[f64]) -> (f64, f64) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank within a list is a small positive number"
    )]
    let outside = {
        let count = sorted.len() as f64;
        (count / 2.0 - 0.98 * count.sqrt()).floor().max(1.0) as usize - 1
    };
    let at = |place: Option<usize>| place.and_then(|place| sorted.get(place));
    let low = at(Some(outside)).copied();
    let high = at(sorted.len().checked_sub(1 + outside)).copied();
    (low.unwrap_or_default(), high.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_many_figures_lies_within_a_few_ranks_and_that_of_few_anywhere_among_them() {
        let spread = |count: u32| Spread::of((1..=count).rev().map(f64::from).collect());
        // The table of the sign test has the 33rd and the 52nd of 84, and the smallest and the largest of 6.
        assert_eq!(spread(84).median_within, (33.0, 52.0));
        assert_eq!(spread(6).median_within, (1.0, 6.0));
        assert_eq!(spread(1).median_within, (1.0, 1.0));
        assert_eq!(spread(0).median_within, (0.0, 0.0));
        assert_eq!(spread(5).middle_half, (2.0, 4.0));
    }
}
