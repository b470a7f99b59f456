use proptest::prelude::*;

use super::*;

fn of(schema: &str) -> Result<Mirrors, BadSchema> {
    Mirrors::of_tool(&format!(r#"{{"name":"x","inputSchema":{schema}}}"#))
}

fn string(header: &str) -> String {
    format!(r#"{{"type":"string","x-mcp-header":{header}}}"#)
}

fn with(properties: &str) -> Result<Mirrors, BadSchema> {
    of(&format!(
        r#"{{"type":"object","properties":{{{properties}}}}}"#
    ))
}

#[test]
fn a_schema_that_breaks_a_rule_is_refused() {
    let check = |schema: &str, bad: BadSchema| assert_eq!(of(schema), Err(bad), "{schema}");
    let property = |schema: &str, bad: BadSchema| {
        assert_eq!(with(&format!(r#""a":{schema}"#)), Err(bad), "{schema}");
    };
    property(&string(r#""""#), BadSchema::Empty);
    property(&string("7"), BadSchema::NotAString);
    property(&string("null"), BadSchema::NotAString);
    for name in [
        "a b",
        "a:b",
        "a\\r\\nb",
        "é",
        "a\\u0000",
        "(a)",
        &"a".repeat(65),
    ] {
        property(&string(&format!("\"{name}\"")), BadSchema::NotAToken);
    }
    for kind in [
        r#""number""#,
        r#""object""#,
        r#""array""#,
        r#""null""#,
        r#"["string","null"]"#,
        "7",
    ] {
        property(
            &format!(r#"{{"type":{kind},"x-mcp-header":"A"}}"#),
            BadSchema::NotPrimitive,
        );
    }
    property(r#"{"x-mcp-header":"A"}"#, BadSchema::NotPrimitive);
    property(
        r##"{"$ref":"#/$defs/a","x-mcp-header":"A"}"##,
        BadSchema::NotPrimitive,
    );
    let a = string("\"A\"");
    for elsewhere in [
        format!(r#"{{"type":"array","items":{a}}}"#),
        format!(r#"{{"type":"array","prefixItems":[{a}]}}"#),
        format!(r#"{{"oneOf":[{a}]}}"#),
        format!(r#"{{"anyOf":[{{"type":"null"}},{a}]}}"#),
        format!(r#"{{"allOf":[{{"properties":{{"b":{a}}}}}]}}"#),
        format!(r#"{{"not":{a}}}"#),
        format!(r#"{{"if":{a}}}"#),
        format!(r#"{{"type":"object","additionalProperties":{a}}}"#),
        format!(r#"{{"type":"object","patternProperties":{{"x":{a}}}}}"#),
    ] {
        property(&elsewhere, BadSchema::NotReachable);
    }
    check(
        &format!(r#"{{"$defs":{{"a":{a}}}}}"#),
        BadSchema::NotReachable,
    );
    check(
        r#"{"type":"object","x-mcp-header":"A"}"#,
        BadSchema::NotReachable,
    );
    check(
        r#"{"type":"object","x\u002dmcp-header":"A"}"#,
        BadSchema::NotReachable,
    );
    let twice = format!(
        r#""a":{},"b":{{"properties":{{"c":{}}}}}"#,
        string("\"Id\""),
        string("\"iD\"")
    );
    assert_eq!(with(&twice), Err(BadSchema::Twice));
    let many = |n: usize| {
        let all: Vec<_> = (0..n)
            .map(|n| format!("\"a{n}\":{}", string(&format!("\"h{n}\""))))
            .collect();
        with(&all.join(","))
    };
    assert_eq!(many(33), Err(BadSchema::TooMany));
    assert_eq!(many(32).map(|found| found.0.len()), Ok(32));
    let deep = format!("{}{a}{}", r#"{"not":"#.repeat(60), "}".repeat(60));
    check(&deep, BadSchema::TooDeep);
}

#[test]
fn a_schema_that_keeps_the_rules_is_taken() {
    assert_eq!(of("{}"), Ok(Mirrors::default()));
    assert_eq!(
        Mirrors::of_tool(r#"{"name":"x","description":"x-mcp-header"}"#),
        Ok(Mirrors::default())
    );
    let named_so = r#""x-mcp-header":{"type":"string"},"a":{"default":{"x-mcp-header":"b"},"enum":[{"x-mcp-header":1}]}"#;
    assert_eq!(with(named_so), Ok(Mirrors::default()));
    let nested = format!(
        r#""a":{{"type":"object","properties":{{"b c":{}}}}}"#,
        string("\"Re-Gion!\"")
    );
    let found = with(&nested).expect("good");
    let expected = Mirror {
        header: HeaderName::from_static("mcp-param-re-gion!"),
        path: vec!["a".into(), "b c".into()],
    };
    assert_eq!(*found.0, [expected]);
}

fn mirrors() -> Mirrors {
    with(&format!(
        r#""s":{},"n":{{"type":"integer","x-mcp-header":"N"}},"b":{{"type":"boolean","x-mcp-header":"B"}},"o":{{"properties":{{"s":{}}}}}"#,
        string("\"S\""),
        string("\"Deep\""),
    ))
    .expect("good")
}

fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            value.parse().expect("a value"),
        )
    };
    of.iter().map(pair).collect()
}

#[test]
fn headers_are_written_as_the_specification_encodes_them() {
    let check = |arguments: &str, expected: &[(&'static str, &str)]| {
        let mut found = HeaderMap::new();
        assert_eq!(
            mirrors().write(&mut found, arguments.as_bytes()),
            Ok(()),
            "{arguments}"
        );
        assert_eq!(found, headers(expected), "{arguments}");
        assert_eq!(
            mirrors().check(&found, arguments.as_bytes()),
            Ok(()),
            "{arguments}"
        );
    };
    check("{}", &[]);
    check(r#"{"s":null,"o":{"s":null},"x":1}"#, &[]);
    check(r#"{"o":7,"s":[1],"n":{}}"#, &[]);
    check(
        r#"{"s":"us-west1","n":42,"b":true}"#,
        &[
            ("mcp-param-s", "us-west1"),
            ("mcp-param-n", "42"),
            ("mcp-param-b", "true"),
        ],
    );
    check(
        r#"{"o":{"s":"x"},"b":false,"n":-7}"#,
        &[
            ("mcp-param-deep", "x"),
            ("mcp-param-n", "-7"),
            ("mcp-param-b", "false"),
        ],
    );
    check(r#"{"n":42.0}"#, &[("mcp-param-n", "42")]);
    check(r#"{"n":1e2}"#, &[("mcp-param-n", "100")]);
    check(
        r#"{"n":123456789012345678901}"#,
        &[("mcp-param-n", "123456789012345678901")],
    );
    check(r#"{"s":""}"#, &[("mcp-param-s", "")]);
    check(r#"{"s":"a b"}"#, &[("mcp-param-s", "a b")]);
    for (text, value) in [
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ] {
        check(&format!(r#"{{"s":"{text}"}}"#), &[("mcp-param-s", value)]);
    }
}

#[test]
fn headers_that_say_something_else_than_the_arguments_are_refused() {
    let check = |arguments: &str, sent: &[(&'static str, &str)], expected: Result<(), Fault>| {
        let found = mirrors().check(&headers(sent), arguments.as_bytes());
        assert_eq!(found, expected, "{arguments} {sent:?}");
    };
    let (missing, mismatch, unreadable) = (
        Fault::Missing(NAME),
        Fault::Mismatch(NAME),
        Fault::Unreadable(NAME),
    );
    check(r#"{"s":"a"}"#, &[], Err(missing));
    check(r#"{"s":"a"}"#, &[("mcp-param-s", "A")], Err(mismatch));
    check(
        r#"{"s":"a"}"#,
        &[("mcp-param-s", "=?base64?YQ==?=")],
        Ok(()),
    );
    check(
        r#"{"s":"a"}"#,
        &[("mcp-param-s", "=?base64?YR==?=")],
        Err(unreadable),
    );
    check(
        r#"{"s":"a"}"#,
        &[("mcp-param-s", "=?base64?!?=")],
        Err(unreadable),
    );
    check(r#"{"s":null}"#, &[("mcp-param-s", "null")], Err(mismatch));
    check("{}", &[("mcp-param-s", "")], Err(mismatch));
    check(r#"{"s":["a"]}"#, &[("mcp-param-s", "a")], Err(mismatch));
    check(r#"{"n":42}"#, &[("mcp-param-n", "42.0")], Ok(()));
    check(r#"{"n":4.2e1}"#, &[("mcp-param-n", "42")], Ok(()));
    check(r#"{"n":42}"#, &[("mcp-param-n", "43")], Err(mismatch));
    check(r#"{"n":42}"#, &[("mcp-param-n", "+42")], Err(mismatch));
    check(r#"{"n":"42"}"#, &[("mcp-param-n", "42.0")], Err(mismatch));
    check(
        r#"{"n":9007199254740993}"#,
        &[("mcp-param-n", "9007199254740992")],
        Err(mismatch),
    );
    check(r#"{"b":true}"#, &[("mcp-param-b", "True")], Err(mismatch));
    check(
        r#"{"s":"a","s":"b"}"#,
        &[("mcp-param-s", "a")],
        Err(mismatch),
    );
    check(
        r#"{"o":{"s":"a"},"o":{"s":"b"}}"#,
        &[("mcp-param-deep", "a")],
        Err(mismatch),
    );
    check("{}", &[("mcp-param-other", "anything")], Ok(()));
    let mut twice = headers(&[("mcp-param-s", "a")]);
    twice.append("mcp-param-s", HeaderValue::from_static("a"));
    assert_eq!(mirrors().check(&twice, br#"{"s":"a"}"#), Err(unreadable));
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(text in ".{0,12}") {
        let arguments = serde_json::json!({ "s": text }).to_string();
        let mut headers = HeaderMap::new();
        prop_assert_eq!(mirrors().write(&mut headers, arguments.as_bytes()), Ok(()));
        let value = headers["mcp-param-s"].to_str().expect("ASCII").to_owned();
        let read = decoded(&value);
        prop_assert_eq!(read.as_deref(), Some(text.as_str()));
        prop_assert_eq!(mirrors().check(&headers, arguments.as_bytes()), Ok(()));
    }
}
