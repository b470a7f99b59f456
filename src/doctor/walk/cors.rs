//! What a page in a browser may do (the Fetch standard's CORS protocol): call, read the challenge, read the metadata.

use http::{HeaderMap, HeaderValue, Method, header};

use super::heard::in_words;
use super::metadata::at_the_path;
use super::{INITIALIZE, Walk, json_rpc_headers};
use crate::clients::{INSPECTOR_ORIGIN, KnownClient};
use crate::doctor::checks::challenge::{CORS_HEADERS_EXPOSED, CORS_METADATA, CORS_PREFLIGHT};
use crate::doctor::{Check, Finding};
use crate::outbound::{Heard, ProbeError};

/// The client that runs in a browser, and where its page comes from.
const BROWSER: KnownClient = KnownClient::Inspector;
const ORIGIN: HeaderValue = HeaderValue::from_static(INSPECTOR_ORIGIN);
/// What a page sends that is not sent without asking.
const SENT: &str = "authorization, content-type, mcp-protocol-version, mcp-session-id";

/// All three, unless no client that was asked for runs in a browser.
pub(super) async fn check(walk: &Walk) -> Vec<Finding> {
    if !walk.clients.contains(&BROWSER) {
        let skip =
            |check| Finding::skipped(check, "no client that was asked for runs in a browser");
        return [&CORS_PREFLIGHT, &CORS_HEADERS_EXPOSED, &CORS_METADATA]
            .map(skip)
            .into();
    }
    let (preflight, exposed, metadata) =
        tokio::join!(preflight(walk), exposed(walk), metadata(walk));
    [preflight, exposed, metadata]
        .map(|finding| finding.with_client(BROWSER))
        .into()
}

async fn preflight(walk: &Walk) -> Finding {
    let mut headers = HeaderMap::new();
    headers.insert(header::ORIGIN, ORIGIN);
    headers.insert(
        header::ACCESS_CONTROL_REQUEST_METHOD,
        HeaderValue::from_static("POST"),
    );
    headers.insert(
        header::ACCESS_CONTROL_REQUEST_HEADERS,
        HeaderValue::from_static(SENT),
    );
    let heard = walk.ask(&Method::OPTIONS, walk.url(), &headers, b"").await;
    let expected = "2xx with Access-Control-Allow-Origin and -Headers, without a token";
    judge(walk, &CORS_PREFLIGHT, heard, |heard| {
        if heard.status / 100 != 2 {
            return Err((in_words(heard), expected));
        }
        allows_origin(heard).map_err(|found| (found, expected))?;
        let allowed = list(heard, "access-control-allow-headers");
        let missing: Vec<&str> = SENT
            .split(", ")
            .filter(|name| {
                let named = allowed.iter().any(|allowed| allowed == name);
                // The Fetch standard takes `*` for all but this one.
                !(named || (*name != "authorization" && allowed.iter().any(|all| all == "*")))
            })
            .collect();
        if missing.is_empty() {
            return Ok("answered before any login".to_owned());
        }
        let missing = missing.join(", ");
        Err((
            format!("{}, but pages may not send {missing}", heard.status),
            expected,
        ))
    })
}

async fn exposed(walk: &Walk) -> Finding {
    let mut headers = json_rpc_headers();
    headers.insert(header::ORIGIN, ORIGIN);
    let heard = walk
        .ask(&Method::POST, walk.url(), &headers, INITIALIZE.as_bytes())
        .await;
    let expected = "Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id";
    judge(walk, &CORS_HEADERS_EXPOSED, heard, |heard| {
        allows_origin(heard).map_err(|found| (found, expected))?;
        let exposed = list(heard, "access-control-expose-headers");
        let shown = |name: &str| exposed.iter().any(|shown| shown == name || shown == "*");
        let hidden: Vec<&str> = ["www-authenticate", "mcp-session-id"]
            .into_iter()
            .filter(|name| !shown(name))
            .collect();
        if hidden.is_empty() {
            return Ok("WWW-Authenticate and Mcp-Session-Id".to_owned());
        }
        Err((format!("pages cannot read {}", hidden.join(", ")), expected))
    })
}

async fn metadata(walk: &Walk) -> Finding {
    let mut headers = HeaderMap::new();
    headers.insert(header::ORIGIN, ORIGIN);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let url = at_the_path(walk.url());
    let heard = walk.ask(&Method::GET, &url, &headers, b"").await;
    judge(walk, &CORS_METADATA, heard, |heard| {
        if heard.status != 200 {
            return Ok(format!("not there: {}", in_words(heard)));
        }
        let allowed = allows_origin(heard);
        allowed
            .map(|()| "any origin".to_owned())
            .map_err(|found| (found, "Access-Control-Allow-Origin: *"))
    })
}

/// `Ok`: what was found. `Err`: what was found, and what was expected.
type Judged = Result<String, (String, &'static str)>;

fn judge(
    walk: &Walk,
    check: &'static Check,
    heard: Result<Heard, ProbeError>,
    judge: impl FnOnce(&Heard) -> Judged,
) -> Finding {
    let heard = match heard {
        Ok(heard) => heard,
        Err(error) => return super::unanswered(check, &error),
    };
    if heard.status == 403 && heard.text().contains("origin_not_allowed") {
        let found = format!(
            "pages of {INSPECTOR_ORIGIN} may not call it; right, unless you use the Inspector's page"
        );
        return if walk.named {
            Finding::failure(check, found).expected("an origin among http.allowed_origins")
        } else {
            Finding::skipped(check, found)
        };
    }
    match judge(&heard) {
        Ok(found) => Finding::ok(check, found),
        Err((found, expected)) => Finding::failure(check, found).expected(expected),
    }
}

fn allows_origin(heard: &Heard) -> Result<(), String> {
    let name = "access-control-allow-origin";
    let times = heard.headers.get_all(name).iter().count();
    if times > 1 {
        // Usually a proxy's beside the server's; browsers take neither.
        return Err(format!("Access-Control-Allow-Origin {times} times"));
    }
    match heard.header(name) {
        Some(allowed) if allowed == "*" || allowed == ORIGIN => Ok(()),
        Some(allowed) => Err(format!("Access-Control-Allow-Origin: {allowed}")),
        None => Err(format!(
            "{} without Access-Control-Allow-Origin",
            heard.status
        )),
    }
}

/// A header's list of names, in lower case.
fn list(heard: &Heard, name: &str) -> Vec<String> {
    let values = heard
        .headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(','));
    names
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}
