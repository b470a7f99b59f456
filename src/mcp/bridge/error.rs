//! Errors between the eras: a code that the other side does not have becomes the one that it has; message and data stay
//! byte for byte. What has no code there is said in words.

use std::borrow::Cow;
use std::ops::Range;

use super::Crossing;
use super::scan::{Lost, Member, Scan, member};
use crate::mcp::era::Era;
use crate::mcp::method::Method;
use crate::mcp::reply;
use crate::upstream;

/// Resource not found, before 2026-07-28.
const LEGACY_NOT_FOUND: i64 = -32002;
/// The same since then, among other wrong parameters.
const INVALID_PARAMS: i64 = -32602;
const INTERNAL: i64 = -32603;
/// 2026-07-28: the client did not declare a capability that the request needs.
const MISSING_CAPABILITY: i64 = -32021;
/// 2026-07-28: the revision of the request is not served.
const UNSUPPORTED_VERSION: i64 = -32022;
/// 2025-11-25: a person has to visit an address first.
const URL_ELICITATION: i64 = -32042;

/// More addresses or names than this are not told, and longer texts are cut.
const MOST_TOLD: usize = 8;
const LONGEST_TOLD: usize = 2_000;

/// What becomes of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// An error with this code.
    Error(i64),
    /// A result that says in words what is wrong: the other side has no such error.
    ToolError,
    /// Nothing: it is between us and the upstream.
    Ours,
}

/// The parts of an error object.
struct Parts<'a> {
    code: i64,
    code_at: Range<usize>,
    message_at: Range<usize>,
    message: Cow<'a, str>,
    data: Option<Member<'a>>,
}

fn parts(json: &[u8]) -> Result<Parts<'_>, Lost> {
    let (mut code, mut message, mut data) = (None, None, None);
    let mut scan = Scan::object(json)?;
    while let Some(member) = scan.next()? {
        let key = member.key()?;
        let place = match key.as_ref() {
            "code" => &mut code,
            "message" => &mut message,
            "data" => &mut data,
            _ => continue,
        };
        if place.replace(member).is_some() {
            return Err(Lost);
        }
    }
    let (code, message) = (code.ok_or(Lost)?, message.ok_or(Lost)?);
    Ok(Parts {
        code: serde_json::from_slice(code.value).map_err(|_no_integer| Lost)?,
        code_at: code.value_at,
        message: serde_json::from_slice(message.value).map_err(|_no_string| Lost)?,
        message_at: message.value_at,
        data,
    })
}

/// Writes the value of `error`, or that of `result` where the error became one.
pub(super) fn write(out: &mut Vec<u8>, json: &[u8], crossing: Crossing) -> Result<Became, Lost> {
    use upstream::Era::{Legacy, Modern};
    let found = parts(json)?;
    let Crossing { from, to, method } = crossing;
    let code = match (from, to, found.code) {
        // Which revision we speak with an upstream is no business of the client's.
        (Modern, _, UNSUPPORTED_VERSION) => return Ok(Became::Ours),
        // The address was checked before it was asked for; what is wrong with it is that it is not there.
        (Modern, Era::Legacy, INVALID_PARAMS) if method == Method::ReadResource => LEGACY_NOT_FOUND,
        (Modern, Era::Legacy, MISSING_CAPABILITY) => {
            write_missing_capability(out, json, &found)?;
            return Ok(Became::Error(found.code));
        }
        (Legacy, Era::Modern, LEGACY_NOT_FOUND) => INVALID_PARAMS,
        (Legacy, Era::Modern, URL_ELICITATION) if method == Method::CallTool => {
            write_url_elicitation(out, &found)?;
            return Ok(Became::ToolError);
        }
        (Legacy, Era::Modern, URL_ELICITATION) => INTERNAL,
        (_, _, same) => same,
    };
    if code == found.code {
        out.extend_from_slice(json);
    } else {
        splice(out, json, found.code_at, code.to_string().as_bytes())?;
    }
    Ok(Became::Error(code))
}

/// Writes `json` with other bytes in one place.
fn splice(out: &mut Vec<u8>, json: &[u8], at: Range<usize>, with: &[u8]) -> Result<(), Lost> {
    out.extend_from_slice(json.get(..at.start).ok_or(Lost)?);
    out.extend_from_slice(with);
    out.extend_from_slice(json.get(at.end..).ok_or(Lost)?);
    Ok(())
}

/// A legacy client has no such error, so its message says which capability is missing. Code and data stay.
fn write_missing_capability(out: &mut Vec<u8>, json: &[u8], found: &Parts<'_>) -> Result<(), Lost> {
    let required = match &found.data {
        Some(data) if data.value.starts_with(b"{") => member(data.value, "requiredCapabilities")?,
        _ => None,
    };
    let mut names = Vec::new();
    if let Some(required) = required.filter(|required| required.value.starts_with(b"{")) {
        let mut scan = Scan::object(required.value)?;
        while let Some(capability) = scan.next()? {
            let name = capability.key()?;
            let modes = match capability.value.starts_with(b"{") {
                true => keys(capability.value)?,
                false => Vec::new(),
            };
            if !is_name(&name) || names.len() == MOST_TOLD {
                continue;
            }
            names.push(match modes.is_empty() {
                true => name.into_owned(),
                false => format!("{name} ({})", modes.join(", ")),
            });
        }
    }
    let names = match names.is_empty() {
        true => "that it does not name".to_owned(),
        false => names.join(", "),
    };
    let words = format!(
        "the tool's server needs a client capability that was not declared, or that cannot be passed on: {names}"
    );
    let mut message = Vec::new();
    reply::string(&mut message, &words);
    splice(out, json, found.message_at.clone(), &message)
}

fn keys(object: &[u8]) -> Result<Vec<String>, Lost> {
    let (mut scan, mut keys) = (Scan::object(object)?, Vec::new());
    while let Some(member) = scan.next()? {
        let key = member.key()?;
        if is_name(&key) && keys.len() < MOST_TOLD {
            keys.push(key.into_owned());
        }
    }
    Ok(keys)
}

/// What a capability is called; an upstream's other words stay in `data`.
fn is_name(name: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || b"_-./".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(is_good)
}

/// A modern client is asked by `input_required`, which a legacy upstream cannot be resumed from; so its model is told
/// where a person has to go before the call is made again.
fn write_url_elicitation(out: &mut Vec<u8>, found: &Parts<'_>) -> Result<(), Lost> {
    let mut lines = vec![cut(&found.message).to_owned()];
    if let Some(data) = found
        .data
        .as_ref()
        .filter(|data| data.value.starts_with(b"{"))
        && let Some(list) = member(data.value, "elicitations")?
        && list.value.starts_with(b"[")
    {
        let mut scan = Scan::array(list.value)?;
        while let Some(item) = scan.next()? {
            if lines.len() <= MOST_TOLD && item.value.starts_with(b"{") {
                let words = [text(item.value, "message")?, text(item.value, "url")?];
                let words: Vec<_> = words.iter().flatten().map(|words| cut(words)).collect();
                lines.push(words.join(" "));
            }
        }
    }
    lines.push("Then call this tool again.".to_owned());
    out.extend_from_slice(br#"{"resultType":"complete","content":[{"type":"text","text":"#);
    reply::string(out, &lines.join("\n"));
    out.extend_from_slice(br#"}],"isError":true}"#);
    Ok(())
}

fn text<'a>(object: &'a [u8], key: &str) -> Result<Option<Cow<'a, str>>, Lost> {
    let found = member(object, key)?;
    Ok(found.and_then(|member| serde_json::from_slice(member.value).ok()))
}

fn cut(words: &str) -> &str {
    let end = words.floor_char_boundary(LONGEST_TOLD);
    words.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::any_json::json;

    const TO_LEGACY: (upstream::Era, Era) = (upstream::Era::Modern, Era::Legacy);
    const TO_MODERN: (upstream::Era, Era) = (upstream::Era::Legacy, Era::Modern);

    fn written(
        json: &str,
        (from, to): (upstream::Era, Era),
        method: Method,
    ) -> Result<(Became, String), Lost> {
        let mut out = Vec::new();
        let became = write(&mut out, json.as_bytes(), Crossing { from, to, method })?;
        Ok((became, String::from_utf8(out).expect("text")))
    }

    #[test]
    fn codes_become_those_of_the_other_era() {
        let object =
            |code: i64| format!(r#"{{ "data":{{"uri":"a://b"}},"code" : {code},"message":"m"}}"#);
        let check = |from_to, method, code: i64, expected: i64| {
            let expected = (Became::Error(expected), object(expected));
            assert_eq!(
                written(&object(code), from_to, method),
                Ok(expected),
                "{code}"
            );
        };
        check(TO_LEGACY, Method::ReadResource, -32602, -32002);
        check(TO_LEGACY, Method::CallTool, -32602, -32602);
        check(TO_LEGACY, Method::GetPrompt, -32602, -32602);
        check(TO_MODERN, Method::ReadResource, -32002, -32602);
        check(TO_MODERN, Method::CallTool, -32002, -32602);
        check(TO_MODERN, Method::ReadResource, -32042, -32603);
        for same in [
            (upstream::Era::Legacy, Era::Legacy),
            (upstream::Era::Modern, Era::Modern),
        ] {
            for code in [-32002, -32602, -32042, -32021, -32020] {
                check(same, Method::ReadResource, code, code);
            }
        }
        // A legacy upstream means something of its own by it.
        check(
            (upstream::Era::Legacy, Era::Legacy),
            Method::CallTool,
            -32022,
            -32022,
        );
    }

    #[test]
    fn the_revision_between_us_and_an_upstream_is_not_told() {
        let error = r#"{"code":-32022,"message":"m","data":{"supported":["x"],"requested":"y"}}"#;
        for to in [Era::Legacy, Era::Modern] {
            let found = written(error, (upstream::Era::Modern, to), Method::CallTool);
            assert_eq!(found, Ok((Became::Ours, String::new())));
        }
    }

    #[test]
    fn a_missing_capability_is_named_to_a_legacy_client() {
        let check = |data: &str, names: &str| {
            let error = format!(r#"{{"code":-32021,"message":"x","data":{data} }}"#);
            let words = "the tool's server needs a client capability that was not declared, or that cannot be passed on";
            let expected =
                format!(r#"{{"code":-32021,"message":"{words}: {names}","data":{data} }}"#);
            let found = written(&error, TO_LEGACY, Method::CallTool);
            assert_eq!(found, Ok((Became::Error(-32021), expected)));
        };
        check(
            r#"{"requiredCapabilities":{"elicitation":{"url":{}},"sampling":{}}}"#,
            "elicitation (url), sampling",
        );
        check(
            r#"{"requiredCapabilities":{"roots":{}, "a \n b":{}}}"#,
            "roots",
        );
        for none in [
            "{}",
            "7",
            r#"{"requiredCapabilities":[]}"#,
            r#"{"requiredCapabilities":{}}"#,
        ] {
            check(none, "that it does not name");
        }
    }

    #[test]
    fn an_address_to_visit_becomes_words_for_a_modern_client() {
        let error = r#"{"code":-32042,"message":"More is needed.","data":{"elicitations":[{"mode":"url","elicitationId":"1","url":"https://example.com/a?b=\"c","message":"Sign in."},7,{}]}}"#;
        let expected = r#"{"resultType":"complete","content":[{"type":"text","text":"More is needed.\nSign in. https://example.com/a?b=\"c\n\nThen call this tool again."}],"isError":true}"#;
        let found = written(error, TO_MODERN, Method::CallTool);
        assert_eq!(found, Ok((Became::ToolError, expected.to_owned())));
        let bare = r#"{"code":-32042,"message":"More is needed."}"#;
        let (became, words) = written(bare, TO_MODERN, Method::CallTool).expect("an error");
        assert_eq!(became, Became::ToolError);
        assert!(words.contains("More is needed.\\nThen"), "{words}");
        let long = format!(r#"{{"code":-32042,"message":"{}"}}"#, "é".repeat(5_000));
        let (_, words) = written(&long, TO_MODERN, Method::CallTool).expect("an error");
        assert!(words.len() < 3_000);
    }

    #[test]
    fn what_is_no_error_or_says_one_thing_twice_is_none() {
        for bad in [
            "[]",
            r#"{"code":1}"#,
            r#"{"message":"m"}"#,
            r#"{"code":"1","message":"m"}"#,
            r#"{"code":1.5,"message":"m"}"#,
            r#"{"code":1,"message":"m","c\u006fde":2}"#,
        ] {
            assert_eq!(
                written(bad, TO_LEGACY, Method::CallTool),
                Err(Lost),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn errors_of_an_unknown_kind_keep_their_bytes(code in -40_000_i64..40_000, message in "[a-z \"\\\\é]{0,12}", data in json()) {
            let known = [LEGACY_NOT_FOUND, INVALID_PARAMS, MISSING_CAPABILITY, UNSUPPORTED_VERSION, URL_ELICITATION];
            prop_assume!(!known.contains(&code));
            let message = serde_json::to_string(&message).expect("JSON");
            let error = format!(r#"{{ "message" :{message},"data": {data} ,"code":{code}}}"#);
            for from_to in [TO_LEGACY, TO_MODERN] {
                let found = written(&error, from_to, Method::ReadResource);
                prop_assert_eq!(found, Ok((Became::Error(code), error.clone())));
            }
        }

        #[test]
        fn a_code_that_changes_changes_alone(message in "[a-z \"\\\\é]{0,12}", data in json()) {
            let message = serde_json::to_string(&message).expect("JSON");
            let error = |code: i64| format!(r#"{{ "message" :{message},"data": {data} ,"code":{code}, "x":1}}"#);
            let found = written(&error(-32602), TO_LEGACY, Method::ReadResource);
            prop_assert_eq!(found, Ok((Became::Error(-32002), error(-32002))));
        }
    }
}
