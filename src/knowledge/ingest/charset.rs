//! Bytes to text: byte order mark, then UTF-8, then the best guess at an old encoding.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::Broken;

/// The text in `bytes`, whatever its encoding. Bytes that are no text in any are refused.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, Broken> {
    if let Some((encoding, _length)) = Encoding::for_bom(&bytes) {
        return checked(encoding, &bytes);
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(Broken::NotText),
        Ok(text) => Ok(text),
        Err(other) => {
            let bytes = other.into_bytes();
            if bytes.contains(&0) {
                return Err(Broken::NotText);
            }
            let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
            detector.feed(&bytes, true);
            checked(detector.guess(None, Utf8Detection::Deny), &bytes)
        }
    }
}

fn checked(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, Broken> {
    let (text, _used, malformed) = encoding.decode(bytes);
    if malformed || text.contains('\0') {
        return Err(Broken::NotText);
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_is_text_and_refuses_what_is_not() {
        let french = b"Le caf\xe9 est ferm\xe9 le dimanche, m\xeame en \xe9t\xe9.";
        for (bytes, expected) in [
            (&b"plain"[..], Ok("plain")),
            ("grün".as_bytes(), Ok("grün")),
            (b"\xef\xbb\xbfmarked", Ok("marked")),
            (b"\xff\xfeh\0i\0", Ok("hi")),
            (b"\xfe\xff\0h\0i", Ok("hi")),
            (french, Ok("Le café est fermé le dimanche, même en été.")),
            (b"", Ok("")),
            (b"\x7fELF\x02\x01\0\0", Err(Broken::NotText)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\r", Err(Broken::NotText)),
            (b"\xff\xfeh", Err(Broken::NotText)),
        ] {
            assert_eq!(decode(bytes.to_vec()).as_deref(), expected.as_deref());
        }
    }
}
