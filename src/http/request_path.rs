//! Which paths are routed at all: only those that every proxy and library in between reads the same way.

use super::error::Refusal;

/// Refuses a path with dot segments, empty segments, escaped slashes, dots or backslashes, or anything but ASCII.
///
/// A proxy in front may clean such a path up before it decides, or not; a route and a rule about it must not differ.
pub fn check(path: &str) -> Result<(), Refusal> {
    if is_plain(path.as_bytes()) || is_unambiguous(path) {
        Ok(())
    } else {
        Err(Refusal::Path)
    }
}

/// The quick answer for nearly every request: letters, digits, `-`, `_`, single slashes.
fn is_plain(path: &[u8]) -> bool {
    let mut last = b' ';
    path.first() == Some(&b'/')
        && path.iter().all(|&byte| {
            let fine = byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'_')
                || (byte == b'/' && last != b'/');
            last = byte;
            fine
        })
}

fn is_unambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let escaped = ["%2f", "%5c", "%2e", "%00", "%25"];
    path.starts_with('/')
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !path.contains("//")
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        && !escaped.iter().any(|escape| lower.contains(escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_pass() {
        for path in [
            "/",
            "/mcp",
            "/.well-known/oauth-protected-resource/mcp",
            "/documents/a1%20b",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn paths_that_two_readers_could_read_differently_are_refused() {
        for path in [
            "//mcp",
            "/mcp//",
            "/a/../mcp",
            "/a/..",
            "/./mcp",
            "/%2e%2e/mcp",
            "/a%2Fmcp",
            "/a%5cmcp",
            "/a\\mcp",
            "/mcp%00",
            "/%252e",
            "/m\u{e7}p",
            "*",
            "",
        ] {
            assert_eq!(check(path), Err(Refusal::Path), "{path}");
        }
    }
}
