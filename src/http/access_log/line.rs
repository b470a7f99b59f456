//! The pieces of an access line, as bytes: the standard library's formatter costs several times as much, on every request.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use crate::clock::civil_date;

/// `number` in decimal, with zeros in front up to `width` digits.
pub(super) fn decimal(line: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut used) = (number, 0);
    for place in digits.iter_mut().rev() {
        if rest == 0 && used >= width.max(1) {
            break;
        }
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        used += 1;
    }
    line.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// RFC 3339 in UTC with milliseconds.
pub(super) fn timestamp(line: &mut Vec<u8>, unix_millis: i64) {
    let millis = unix_millis.rem_euclid(86_400_000);
    let (year, month, day) = civil_date(unix_millis.div_euclid(86_400_000));
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (number, end, width) in [
        (year, 4, 4),
        (month, 7, 2),
        (day, 10, 2),
        (millis / 3_600_000, 13, 2),
        (millis / 60_000 % 60, 16, 2),
        (millis / 1000 % 60, 19, 2),
        (millis % 1000, 23, 3),
    ] {
        let mut rest = number.unsigned_abs();
        for place in text.iter_mut().take(end).rev().take(width) {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
    }
    line.extend_from_slice(&text);
}

/// Milliseconds with three decimals.
pub(super) fn milliseconds(line: &mut Vec<u8>, duration: Duration) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    decimal(line, micros / 1000, 1);
    line.push(b'.');
    decimal(line, micros % 1000, 3);
}

/// An address as everybody writes it.
pub(super) fn address(line: &mut Vec<u8>, address: IpAddr) -> std::io::Result<()> {
    let IpAddr::V4(v4) = address else {
        return write!(line, "{address}");
    };
    for (place, octet) in v4.octets().into_iter().enumerate() {
        if place > 0 {
            line.push(b'.');
        }
        decimal(line, u64::from(octet), 1);
    }
    Ok(())
}

/// What stands before a field's value.
macro_rules! member {
    ($name:literal) => {
        concat!(",\"", $name, "\":\"")
    };
}
pub(super) use member;

/// `,"name":"value"`, escaped, after the [`member!`] of that name.
pub(super) fn text(line: &mut Vec<u8>, member: &str, value: &str) -> std::io::Result<()> {
    let special = |b: u8| (b < 0x20) | (b == b'"') | (b == b'\\');
    // Every byte is looked at, without a way out: so the compiler does many at a time.
    if value
        .bytes()
        .fold(0, |found, b| found | u8::from(special(b)))
        == 0
    {
        plain(line, member, value);
        return Ok(());
    }
    let bare = member.strip_suffix('"').unwrap_or(member);
    line.extend_from_slice(bare.as_bytes());
    serde_json::to_writer(line, value).map_err(Into::into)
}

/// The same for values in which nothing needs an escape.
pub(super) fn plain(line: &mut Vec<u8>, member: &str, value: &str) {
    line.extend_from_slice(member.as_bytes());
    line.extend_from_slice(value.as_bytes());
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        write(&mut line);
        String::from_utf8(line).expect("text")
    }

    #[test]
    fn numbers_are_as_the_standard_library_writes_them() {
        for number in [0, 7, 10, 99, 100, 12_345, u64::MAX] {
            assert_eq!(written(|line| decimal(line, number, 1)), number.to_string());
            assert_eq!(
                written(|line| decimal(line, number, 3)),
                format!("{number:03}")
            );
        }
        for (micros, expected) in [(0, "0.000"), (999, "0.999"), (1_234_056, "1234.056")] {
            let duration = Duration::from_micros(micros);
            assert_eq!(written(|line| milliseconds(line, duration)), expected);
        }
    }

    #[test]
    fn addresses_are_as_the_standard_library_writes_them() {
        for written_so in ["192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1"] {
            let ip = written_so.parse().expect("an address");
            let found = written(|line| address(line, ip).expect("memory"));
            assert_eq!(found, written_so);
        }
    }

    #[test]
    fn text_is_as_serde_json_writes_it() {
        for value in ["", "plain", "é\u{7f}", "\"", "\\", "\n\u{1}x", "a/b"] {
            let found = written(|line| text(line, member!("k"), value).expect("memory"));
            let expected = serde_json::to_string(value).expect("JSON");
            assert_eq!(found, format!(",\"k\":{expected}"));
        }
    }

    #[test]
    fn timestamps_are_civil_dates() {
        for (unix_millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(written(|line| timestamp(line, unix_millis)), expected);
        }
    }
}
