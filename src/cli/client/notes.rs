//! What may go wrong with a client although it was registered.

use url::Url;

use super::values::Values;
use crate::clients::KnownClient;
use crate::outbound::is_loopback_host;

impl Values<'_> {
    /// One sentence each; nothing that stops anybody.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let missing = self.asked.redirect_uris.iter();
        let missing: Vec<_> = missing
            .filter(|address| !self.redirect_uris().contains(address))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(" ");
            notes.push(format!("the issuer left out a redirect address: {missing}"));
        }
        if let Some(granted) = &self.registered.scope {
            let granted: Vec<&str> = granted.split(' ').collect();
            let missing = self.asked.scopes.iter().map(|scope| scope.as_str());
            // It is in every token for a person, and in no list.
            let missing = missing.filter(|scope| *scope != "openid" && !granted.contains(scope));
            for scope in missing {
                notes.push(format!(
                    "the issuer left out the scope {scope}: a client that asks for it is refused with invalid_scope"
                ));
            }
        }
        match (self.asked.is_confidential, &self.registered.secret) {
            (true, None) => notes.push("the issuer gave no secret: the client is public".to_owned()),
            (false, Some(_)) if self.authentication() != "none" => notes.push(format!(
                "the issuer gave a secret although none was asked for, and wants it by {}: type it in",
                self.authentication()
            )),
            (_, _) => {}
        }
        if let Some(at) = self.registered.secret_expires_at {
            notes.push(format!("the secret ends at {at} (Unix seconds)"));
        }
        notes.extend(self.notes_on_the_client());
        notes
    }

    fn notes_on_the_client(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(client) = self.client else {
            return notes;
        };
        let is_given = self.asked.redirect_uris.len() > client.redirect_uris().len();
        if client == KnownClient::ChatGpt && !is_given {
            notes.push(
                if self.server.returns_issuer {
                    "if ChatGPT's set-up page shows another callback address than the one above, register again with \
                     --redirect and that address"
                } else {
                    "this issuer does not say that it returns `iss` (RFC 9207), so ChatGPT has a callback address of its own \
                     for every connector: register again with --redirect and the address on its set-up page"
                }
                .to_owned(),
            );
        }
        if client == KnownClient::VsCode && self.registered.secret.is_some() {
            notes.push("mcp.json has no place for the secret: VS Code asks for it".to_owned());
        }
        let is_on_this_machine = Url::parse(self.public_url)
            .is_ok_and(|url| url.host_str().is_some_and(is_loopback_host));
        if client.calls_from_the_internet() && is_on_this_machine {
            let (title, url) = (client.title(), self.public_url);
            notes.push(format!(
                "{title} calls from its own servers and cannot reach {url}"
            ));
        }
        notes
    }
}
