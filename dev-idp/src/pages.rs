//! The pages: login, consent, refusal, start. No script, no picture, nothing from elsewhere, and on every one the
//! notice that this is for development.

use std::fmt::{self, Display, Write as _};
use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::authorization::AuthorizationRequest;
use crate::config::User;
use crate::redirect_uri;
use crate::scope;
use crate::sessions::{Login, Session};

const STYLE: &str = include_str!("pages/style.css");

/// One inline style sheet, allowed by its hash (CSP level 3 §2.3.1). No `form-action`: browsers hold redirects after a
/// form to it as well, and the consent form's answer redirects to the client and on from there.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// Text made harmless for HTML, in content and in quoted attributes.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The login page; `failed` after a wrong name or password.
pub(crate) fn login(
    users: &[User],
    session: &Session,
    request: &AuthorizationRequest,
    failed: bool,
) -> Response {
    let fault = if failed {
        "<p class=\"fault\" role=\"alert\" id=\"fault\">That name and password do not belong together. The passwords are in the table below.</p>"
    } else {
        ""
    };
    let described = if failed {
        " aria-describedby=\"fault\" aria-invalid=\"true\""
    } else {
        ""
    };
    let body = format!(
        "<h1>Log in</h1>
<p class=\"quiet\">to continue to <strong>{client}</strong></p>
{fault}
<form method=\"post\" action=\"/login\">
{hidden}
<label for=\"username\">User name</label>
<input id=\"username\" name=\"username\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required autofocus{described}>
<label for=\"password\">Password</label>
<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required{described}>
<div class=\"buttons\"><button class=\"main\">Log in</button></div>
</form>
<h2>Users of this demo</h2>
{users}",
        client = Escaped(client_name(request)),
        hidden = hidden_fields(session, request),
        users = users_table(users),
    );
    let status = if failed {
        StatusCode::FORBIDDEN
    } else {
        StatusCode::OK
    };
    page(status, "Log in", "", &body)
}

/// The consent page: who asks, where the answer goes, for which resource, to do what.
pub(crate) fn consent(
    session: &Session,
    login: &Login,
    request: &AuthorizationRequest,
) -> Response {
    let resources: String = request
        .resources
        .iter()
        .map(|resource| format!("<div><code>{}</code></div>", Escaped(resource)))
        .collect();
    let scopes: String = request
        .scope
        .iter()
        .map(|scope| {
            format!(
                "<li>{} <code>{}</code></li>",
                meaning(scope),
                Escaped(scope)
            )
        })
        .collect();
    let body = format!(
        "<h1>Allow “{client}”?</h1>
<p class=\"quiet\">You are <strong>{user}</strong> ({groups}). <a href=\"/authorize?{query}&amp;prompt=login\">Use another account</a></p>
<dl>
<dt>It wants to</dt><dd><ul>{scopes}</ul></dd>
<dt>At</dt><dd>{resources}</dd>
<dt>Your browser returns to</dt><dd><strong>{destination}</strong></dd>
<dt>Client id</dt><dd><code>{client_id}</code></dd>
</dl>
<p class=\"quiet\">The client chose its name itself. Allow it only if you have just started this, and the address above is where you came from.</p>
<form method=\"post\" action=\"/consent\">
{hidden}
<div class=\"buttons\">
<button name=\"decision\" value=\"deny\">Deny</button>
<button name=\"decision\" value=\"allow\" class=\"main\">Allow</button>
</div>
</form>",
        client = Escaped(client_name(request)),
        user = Escaped(&login.user.name),
        groups = Escaped(&login.user.groups.join(", ")),
        query = Escaped(&request.to_query()),
        destination = Escaped(&redirect_uri::destination(&request.redirect.uri)),
        client_id = Escaped(&request.client.id),
        hidden = hidden_fields(session, request),
    );
    page(StatusCode::OK, "Allow access", "", &body)
}

/// A refusal that only the user may hear of.
pub(crate) fn refusal(status: StatusCode, title: &str, explanation: &str) -> Response {
    let body = format!(
        "<h1>{}</h1>\n<p class=\"fault\" role=\"alert\">{}</p>\n<p>Go back to the client and start again from there.</p>",
        Escaped(title),
        Escaped(explanation)
    );
    page(status, title, "", &body)
}

/// The start page: what this is, who can log in, where the endpoints are.
pub(crate) fn start(issuer: &str, users: &[User], key_ids: &[String]) -> Response {
    let endpoints: String = [
        ("Metadata (RFC 8414)", "/.well-known/oauth-authorization-server"),
        ("Metadata (OpenID Connect)", "/.well-known/openid-configuration"),
        ("Key set", "/jwks"),
    ]
    .iter()
    .map(|(name, path)| format!("<tr><th scope=\"row\">{name}</th><td><a href=\"{path}\"><code>{path}</code></a></td></tr>"))
    .collect();
    let keys: String = key_ids
        .iter()
        .map(|id| format!("<li><code>{}</code></li>", Escaped(id)))
        .collect();
    let body = format!(
        "<h1>Development identity provider</h1>
<p>The issuer is <code>{issuer}</code>. It exists so that Usher's demo and tests have somebody to log in. Everything here is forgotten when it stops.</p>
<h2>Users</h2>
{users}
<h2>Documents</h2>
<table><tbody>{endpoints}</tbody></table>
<h2>Signing keys, the current one first</h2>
<ul>{keys}</ul>
<form method=\"post\" action=\"/dev/rotate-keys\"><div class=\"buttons\"><button>Make a new signing key</button></div></form>
<p class=\"quiet\">The key before stays published for the overlap, so that tokens it signed are still accepted.</p>",
        issuer = Escaped(issuer),
        users = users_table(users),
    );
    page(
        StatusCode::OK,
        "Development identity provider",
        "wide",
        &body,
    )
}

fn page(status: StatusCode, title: &str, class: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>{title} – development identity provider</title>
<link rel=\"icon\" href=\"data:,\">
<style>{STYLE}</style>
</head>
<body>
<p class=\"notice\" role=\"note\"><strong>Development only.</strong> Throw-away users and keys. Never type a real password here.</p>
<main class=\"{class}\">
{body}
</main>
</body>
</html>
",
        title = Escaped(title),
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            CONTENT_SECURITY_POLICY.as_str(),
        ),
        // Not `no-referrer`: with it browsers send `Origin: null` from our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (status, headers, Html(html)).into_response()
}

fn hidden_fields(session: &Session, request: &AuthorizationRequest) -> String {
    format!(
        "<input type=\"hidden\" name=\"form_token\" value=\"{}\">\n<input type=\"hidden\" name=\"request\" value=\"{}\">",
        Escaped(&session.form_token),
        Escaped(&request.to_query())
    )
}

fn users_table(users: &[User]) -> String {
    let rows: String = users
        .iter()
        .map(|user| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td><code>{}</code></td></tr>\n",
                Escaped(&user.name),
                Escaped(&user.groups.join(", ")),
                Escaped(&user.password)
            )
        })
        .collect();
    format!(
        "<table><thead><tr><th scope=\"col\">User</th><th scope=\"col\">Group</th><th scope=\"col\">Password</th></tr></thead>\n<tbody>\n{rows}</tbody></table>"
    )
}

fn client_name(request: &AuthorizationRequest) -> &str {
    request
        .client
        .name
        .as_deref()
        .unwrap_or("a client without a name")
}

fn meaning(scope: &str) -> &'static str {
    match scope {
        scope::OPENID => "know who you are",
        scope::OFFLINE_ACCESS => "stay connected while you are away",
        "mcp:read" => "search and read what you may read",
        "mcp:write" => "use tools that change something, in your name",
        _ => "use the scope",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_client_becomes_markup() {
        let escaped = Escaped("<script>\"it's\" & done</script>").to_string();
        assert_eq!(
            escaped,
            "&lt;script&gt;&quot;it&#39;s&quot; &amp; done&lt;/script&gt;"
        );
    }
}
