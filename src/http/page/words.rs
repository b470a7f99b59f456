//! Times and numbers as people read them.

/// How long, in its largest unit or two.
pub(in crate::http) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{} {hours} h", many(days, "day", "days")),
    }
}

/// How long ago. What is to come was just now: clocks move.
pub(in crate::http) fn ago(seconds: i64) -> String {
    match u64::try_from(seconds) {
        Ok(0) | Err(_) => "just now".to_owned(),
        Ok(seconds) => format!("{} ago", duration(seconds)),
    }
}

/// So many of them.
pub(in crate::http) fn many(number: impl TryInto<u64>, one: &str, several: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        number => format!("{number} {several}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_units_that_people_use() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_660, "1 h 1 min"),
            (90_000, "1 day 1 h"),
            (172_800, "2 days 0 h"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(ago(0), "just now");
        assert_eq!(ago(-5), "just now");
        assert_eq!(ago(61), "1 min ago");
    }
}
