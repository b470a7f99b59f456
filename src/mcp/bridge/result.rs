//! Results between the eras: what the other side has to be told goes in, what it does not know comes out by its place
//! in the bytes, and everything else is as the upstream wrote it.

use std::ops::Range;

use super::scan::{Lost, Member, Scan, member};
use crate::mcp::reply::Caching;
use crate::upstream::UpstreamError;

/// What a modern result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mcp) enum Kind {
    Complete,
    /// It asks for input (multi round-trip requests); it is not the end of the call.
    InputRequired,
}

const RESULT_TYPE: &str = "resultType";
const TTL: &str = "ttlMs";
const CACHE_SCOPE: &str = "cacheScope";
/// What an upstream wants back with the answers.
pub(super) const REQUEST_STATE: &str = "requestState";
pub(super) const META: &str = "_meta";
/// Metadata under it is the modern protocol's own.
const PROTOCOL_KEYS: &str = "io.modelcontextprotocol/";

/// What kind of result a modern upstream gave. A kind that is not the core protocol's was never offered.
pub(super) fn kind(json: &[u8]) -> Result<Kind, Lost> {
    match member(json, RESULT_TYPE)? {
        None => Ok(Kind::Complete),
        Some(member) => kind_of(member.value),
    }
}

fn kind_of(value: &[u8]) -> Result<Kind, Lost> {
    match serde_json::from_slice::<std::borrow::Cow<'_, str>>(value).as_deref() {
        Ok("complete") => Ok(Kind::Complete),
        Ok("input_required") => Ok(Kind::InputRequired),
        _ => Err(Lost),
    }
}

/// True if the result may be one that asks for input: then it is worth a look. One that hides the words in escapes is
/// passed on as it is, and its state is refused when it comes back.
pub(super) fn may_ask(json: &[u8]) -> bool {
    memchr::memmem::find(json, b"input_required").is_some()
}

/// Writes a legacy upstream's result for a modern client: its type, and for what may be cached, that it is not to be.
/// A legacy server cannot say how long something stays true, and for whom (MCP 2026-07-28, caching).
pub(super) fn write_for_modern(
    out: &mut Vec<u8>,
    json: &[u8],
    caching: Caching,
) -> Result<(), Lost> {
    let (mut scan, mut is_empty) = (Scan::object(json)?, true);
    let mut told = [false; 3];
    while let Some(member) = scan.next()? {
        is_empty = false;
        let key = member.key()?;
        for (told, known) in told.iter_mut().zip([RESULT_TYPE, TTL, CACHE_SCOPE]) {
            if key == known && std::mem::replace(told, true) {
                return Err(Lost);
            }
        }
    }
    let added: [&[u8]; 3] = [
        br#""resultType":"complete""#,
        br#""ttlMs":0"#,
        br#""cacheScope":"private""#,
    ];
    let wanted = [true, caching == Caching::Hinted, caching == Caching::Hinted];
    let json = json.trim_ascii_start();
    let rest = json.get(1..).ok_or(Lost)?;
    out.push(b'{');
    let mut separator: &[u8] = b"";
    for ((added, wanted), told) in added.into_iter().zip(wanted).zip(told) {
        if wanted && !told {
            out.extend_from_slice(separator);
            out.extend_from_slice(added);
            separator = b",";
        }
    }
    if !is_empty {
        out.extend_from_slice(separator);
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Writes a modern upstream's result for a legacy client, without what that does not know. Nothing is written of one
/// that asks for input: a legacy client is asked by a request.
pub(super) fn write_for_legacy(out: &mut Vec<u8>, json: &[u8]) -> Result<Kind, Lost> {
    let start = out.len();
    let mut kind = None;
    let kept = write_kept(out, json, |out, key, member| {
        match key {
            RESULT_TYPE => {
                if kind.replace(kind_of(member.value)?).is_some() {
                    return Err(Lost);
                }
            }
            TTL | CACHE_SCOPE => {}
            META => return write_meta(out, json, member),
            _ => out.extend_from_slice(segment(json, member)?),
        }
        Ok(())
    });
    let kind = kind.unwrap_or(Kind::Complete);
    if kept.is_err() || kind == Kind::InputRequired {
        out.truncate(start);
    }
    kept.map(|_kept| kind)
}

/// Writes a result that asks a modern client for input, with what `seal` makes of its state.
pub(super) fn write_sealed(
    out: &mut Vec<u8>,
    json: &[u8],
    seal: impl FnOnce(&[u8]) -> Result<Vec<u8>, UpstreamError>,
) -> Result<(), UpstreamError> {
    let lost = |_lost: Lost| UpstreamError::Invalid;
    let Some(state) = member(json, REQUEST_STATE).map_err(lost)? else {
        out.extend_from_slice(json);
        return Ok(());
    };
    if !state.value.starts_with(b"\"") {
        return Err(UpstreamError::Invalid);
    }
    let sealed = seal(state.value)?;
    let Range { start, end } = state.value_at;
    let around = [json.get(..start), Some(&sealed), json.get(end..)];
    for part in around {
        out.extend_from_slice(part.ok_or(UpstreamError::Invalid)?);
    }
    Ok(())
}

/// Writes the object again, with other values for some of its members; those without one are left out.
pub(super) fn replace_members(
    out: &mut Vec<u8>,
    json: &[u8],
    with: &[(&str, Option<&[u8]>)],
) -> Result<(), Lost> {
    let replaced = write_kept(out, json, |out, key, found| {
        let other = with.iter().find(|(name, _)| *name == key);
        let (Some((_, value)), Range { start, end }) = (other, found.value_at.clone()) else {
            out.extend_from_slice(segment(json, found)?);
            return Ok(());
        };
        if let Some(value) = value {
            out.extend_from_slice(json.get(found.segment.start..start).ok_or(Lost)?);
            out.extend_from_slice(value);
            out.extend_from_slice(json.get(end..found.segment.end).ok_or(Lost)?);
        }
        Ok(())
    });
    replaced.map(|_kept| ())
}

/// Writes the object again, of each member what `keep` writes of it; a member of which it writes nothing is left out.
/// Says how many were left in.
pub(super) fn write_kept<'a>(
    out: &mut Vec<u8>,
    json: &'a [u8],
    mut keep: impl FnMut(&mut Vec<u8>, &str, &Member<'a>) -> Result<(), Lost>,
) -> Result<usize, Lost> {
    let (mut scan, mut kept, mut end) = (Scan::object(json)?, 0, None);
    out.push(b'{');
    while let Some(member) = scan.next()? {
        let before = out.len();
        if kept > 0 {
            out.push(b',');
        }
        let from = out.len();
        keep(out, &member.key()?, &member)?;
        if out.len() == from {
            out.truncate(before);
        } else {
            kept += 1;
        }
        end = Some(member.segment.end);
    }
    match end {
        Some(end) => out.extend_from_slice(json.get(end..).ok_or(Lost)?),
        None => out.push(b'}'),
    }
    Ok(kept)
}

pub(super) fn segment<'a>(json: &'a [u8], member: &Member<'_>) -> Result<&'a [u8], Lost> {
    json.get(member.segment.clone()).ok_or(Lost)
}

/// Writes `_meta` without the modern protocol's own keys, and not at all if there was nothing else.
pub(super) fn write_meta(out: &mut Vec<u8>, json: &[u8], meta: &Member<'_>) -> Result<(), Lost> {
    if memchr::memmem::find(meta.value, PROTOCOL_KEYS.as_bytes()).is_none()
        || !meta.value.starts_with(b"{")
    {
        out.extend_from_slice(segment(json, meta)?);
        return Ok(());
    }
    let mut inner = Vec::with_capacity(meta.value.len());
    let kept = write_kept(&mut inner, meta.value, |out, key, member| {
        if !key.starts_with(PROTOCOL_KEYS) {
            out.extend_from_slice(segment(meta.value, member)?);
        }
        Ok(())
    })?;
    if kept > 0 {
        let around = [
            json.get(meta.segment.start..meta.value_at.start),
            Some(&inner),
            json.get(meta.value_at.end..meta.segment.end),
        ];
        for part in around {
            out.extend_from_slice(part.ok_or(Lost)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::any_json::{json, space};
    use crate::mcp::members::Members;

    fn for_modern(json: &str, caching: Caching) -> Result<String, Lost> {
        let mut out = Vec::new();
        write_for_modern(&mut out, json.as_bytes(), caching)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    fn for_legacy(json: &str) -> Result<(Kind, String), Lost> {
        let mut out = b"before".to_vec();
        let kind = write_for_legacy(&mut out, json.as_bytes());
        let out = String::from_utf8(out).expect("text");
        let out = out.strip_prefix("before").expect("what was there");
        if kind != Ok(Kind::Complete) {
            assert_eq!(out, "", "{json}");
        }
        Ok((kind?, out.to_owned()))
    }

    #[test]
    fn a_modern_client_is_told_what_a_legacy_upstream_cannot_say() {
        let check = |json: &str, silent: Result<&str, Lost>, hinted: Result<&str, Lost>| {
            let told = |caching| for_modern(json, caching);
            assert_eq!(told(Caching::Silent), silent.map(str::to_owned), "{json}");
            assert_eq!(told(Caching::Hinted), hinted.map(str::to_owned), "{json}");
        };
        check(
            "{}",
            Ok(r#"{"resultType":"complete"}"#),
            Ok(r#"{"resultType":"complete","ttlMs":0,"cacheScope":"private"}"#),
        );
        check(
            r#" { "a": 1} "#,
            Ok(r#"{"resultType":"complete", "a": 1} "#),
            Ok(r#"{"resultType":"complete","ttlMs":0,"cacheScope":"private", "a": 1} "#),
        );
        check(
            r#"{"a":1,"ttlMs":5,"resultType":"x"}"#,
            Ok(r#"{"a":1,"ttlMs":5,"resultType":"x"}"#),
            Ok(r#"{"cacheScope":"private","a":1,"ttlMs":5,"resultType":"x"}"#),
        );
        for twice in [
            r#"{"resultType":"a","resultType":"b"}"#,
            r#"{"resultType":"a","result\u0054ype":"b"}"#,
            r#"{"ttlMs":1,"ttlMs":1}"#,
            "[]",
        ] {
            check(twice, Err(Lost), Err(Lost));
        }
    }

    #[test]
    fn a_legacy_client_is_not_told_what_it_does_not_know() {
        let check = |json: &str, expected: &str| {
            assert_eq!(
                for_legacy(json),
                Ok((Kind::Complete, expected.to_owned())),
                "{json}"
            );
        };
        check("{}", "{}");
        check(r#"{"resultType":"complete"}"#, "{}");
        check(
            r#"{ "a" : 1.50 , "resultType":"complete"}"#,
            r#"{ "a" : 1.50 }"#,
        );
        check(
            r#"{"resultType":"complete", "a":1,"b":2 }"#,
            r#"{ "a":1,"b":2 }"#,
        );
        check(
            r#"{"x":{"resultType":"mine"},"ttlMs":1,"y":[ ],"cacheScope":"public"}"#,
            r#"{"x":{"resultType":"mine"},"y":[ ]}"#,
        );
        check(
            r#"{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"x"}},"a":1}"#,
            r#"{"a":1}"#,
        );
        check(
            r#"{"a":1,"_meta" : { "x":1 ,"io.modelcontextprotocol/serverInfo":{},"y":[2] } }"#,
            r#"{"a":1,"_meta" : { "x":1 ,"y":[2] } }"#,
        );
        check(r#"{"_meta":{}}"#, r#"{"_meta":{}}"#);
        check(r#"{"_meta":7}"#, r#"{"_meta":7}"#);
    }

    #[test]
    fn a_result_that_asks_or_is_of_an_unknown_kind_is_not_written() {
        let asks = r#"{"a":1,"result\u0054ype":"input\u005frequired","requestState":"s"}"#;
        assert_eq!(for_legacy(asks), Ok((Kind::InputRequired, String::new())));
        assert_eq!(kind(asks.as_bytes()), Ok(Kind::InputRequired));
        for bad in [
            r#"{"resultType":"task"}"#,
            r#"{"resultType":7}"#,
            r#"{"resultType":"complete","resultType":"input_required"}"#,
            r#"{"_meta":{"io.modelcontextprotocol/x":}}"#,
        ] {
            assert_eq!(for_legacy(bad), Err(Lost), "{bad}");
            if !bad.contains("_meta") {
                assert_eq!(kind(bad.as_bytes()), Err(Lost), "{bad}");
            }
        }
    }

    fn members_of(json: &str) -> Vec<(String, String)> {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let members = Members::of(raw).expect("an object");
        let text = |(key, value): (&str, &RawValue)| (key.to_owned(), value.get().to_owned());
        members.iter().map(text).collect()
    }

    proptest! {
        #[test]
        fn all_other_members_keep_their_bytes_and_their_order(
            others in prop::collection::vec(("[a-z]{1,8}", json()), 0..6),
            meta in prop::collection::vec(("(io\\.modelcontextprotocol/|com\\.example/)?[a-z]{1,4}", json()), 0..4),
            places in (0..7_usize, 0..7_usize, 0..7_usize, 0..7_usize),
            around in (space(), space(), space()),
        ) {
            let (a, b, c) = around;
            let member = |(key, value): (String, String)| format!("{a}\"{key}\"{b}:{c}{value}{a}");
            let numbered = |of: Vec<(String, String)>| of.into_iter().enumerate().map(|(n, (key, value))| (format!("{key}{n}"), value));
            let others: Vec<_> = numbered(others).collect();
            let meta: Vec<_> = numbered(meta).collect();
            let kept: Vec<_> = meta.iter().filter(|(key, _)| !key.starts_with(PROTOCOL_KEYS)).cloned().collect();
            let object = |members: &[(String, String)]| format!("{{{}}}", members.iter().cloned().map(member).collect::<Vec<_>>().join(","));
            let mut all = others.clone();
            let mut expected = others.clone();
            let mut put = |at: usize, key: &str, value: String, stays: Option<String>| {
                // Behind the others that were there first, so that the order of those is known.
                let at = at.min(others.len());
                let place = |list: &[(String, String)]| match others.get(at) {
                    Some(next) => list.iter().position(|member| member == next).expect("it is there"),
                    None => list.len(),
                };
                all.insert(place(&all), (key.to_owned(), value));
                if let Some(value) = stays {
                    expected.insert(place(&expected), (key.to_owned(), value));
                }
            };
            put(places.0, "resultType", "\"complete\"".to_owned(), None);
            put(places.1, "ttlMs", "5".to_owned(), None);
            put(places.2, "cacheScope", "\"public\"".to_owned(), None);
            let stays = (!kept.is_empty() || meta.is_empty()).then(|| object(&kept));
            put(places.3, "_meta", object(&meta), stays);
            let (kind, found) = for_legacy(&object(&all)).expect("an object");
            prop_assert_eq!(kind, Kind::Complete);
            prop_assert_eq!(members_of(&found), expected);

            let bare = object(&others);
            let told = for_modern(&bare, Caching::Hinted).expect("an object");
            let told = members_of(&told);
            prop_assert_eq!(&told[3..], &members_of(&bare)[..]);
            prop_assert_eq!(for_legacy(&for_modern(&bare, Caching::Hinted).expect("an object")), Ok((Kind::Complete, bare)));
        }
    }
}
