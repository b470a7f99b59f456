//! Key sets, as providers publish them.

use serde_json::{Value, json};

use super::*;
use crate::doctor::Verdict;

const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// RFC 7515 appendix A.2.1.
const RSA: &str = r#"{"kty":"RSA","kid":"r","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;

fn provider(algorithms: &Value) -> Provider {
    let metadata = json!({ "id_token_signing_alg_values_supported": algorithms });
    Provider {
        issuer: "https://id.test".to_owned(),
        profile: ProfileName::Generic,
        document: Document::parse(metadata.to_string().as_bytes()).expect("a document"),
    }
}

fn bad(
    answer: Result<Heard, ProbeError>,
    took: u64,
    algorithms: &Value,
) -> Vec<(&'static str, Verdict)> {
    let findings = judge(&answer, Duration::from_millis(took), &provider(algorithms));
    let all = findings
        .iter()
        .map(|finding| (finding.check.id, finding.verdict));
    all.filter(|(_, verdict)| *verdict != Verdict::Ok).collect()
}

#[test]
fn each_fault_of_a_key_set_is_named_by_its_own_check() {
    use Verdict::{Failure, Warning};
    let set = |keys: &str| Ok(Heard::for_test(200, &format!(r#"{{"keys":[{keys}]}}"#)));
    let rs256 = json!(["RS256"]);
    let weak = r#"{"kty":"RSA","kid":"w","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk"}"#;
    let encryption = r#"{"kty":"RSA","use":"enc","kid":"x","e":"AQAB","n":"ofgW"}"#;
    assert_eq!(bad(set(RSA), 10, &rs256), []);
    assert_eq!(bad(set(&format!("{RSA},{encryption}")), 10, &rs256), []);
    for keys in ["", encryption, weak, r#"{"kty":"oct","kid":"s","k":"AA"}"#] {
        assert_eq!(
            bad(set(keys), 10, &rs256),
            [("keys-usable", Failure)],
            "{keys}"
        );
    }
    assert_eq!(
        bad(Ok(Heard::for_test(200, "<html>")), 10, &rs256),
        [("keys-usable", Failure)]
    );
    assert_eq!(
        bad(Ok(Heard::for_test(404, "")), 10, &rs256),
        [("keys-reachable", Failure)]
    );
    assert_eq!(
        bad(Err(ProbeError::Refused), 10, &rs256),
        [("keys-reachable", Failure)]
    );

    assert_eq!(bad(set(RSA), 2000, &rs256), [("keys-in-time", Warning)]);
    assert_eq!(bad(set(RSA), 5000, &rs256), [("keys-in-time", Failure)]);
    let never = Err(ProbeError::Timeout(ask::PATIENCE));
    assert_eq!(bad(never, 10_000, &rs256), [("keys-in-time", Failure)]);
    let late = Heard {
        end: End::Late,
        ..Heard::for_test(200, "")
    };
    assert_eq!(bad(Ok(late), 10_000, &rs256), [("keys-in-time", Failure)]);

    assert_eq!(
        bad(set(EC), 10, &json!(["ES256"])),
        [("algorithm-allowed", Warning)]
    );
    assert_eq!(
        bad(set(RSA), 10, &json!(["HS256"])),
        [("algorithm-allowed", Failure)]
    );
    assert_eq!(bad(set(EC), 10, &rs256), [("algorithm-allowed", Failure)]);
    assert_eq!(bad(set(RSA), 10, &Value::Null), []);
}
