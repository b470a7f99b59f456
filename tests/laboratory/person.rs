//! Somebody at a browser: logs in as alice, and agrees or does not, at the pages of any of the providers.

use anyhow::{Context as _, bail};
use dev_idp::browser::{Arrival, Browser, Form, Page};

use crate::row::Person;
use crate::setups::{Provider, Site};

/// More pages than any login has.
const MOST_PAGES: usize = 8;

/// Opens the address, does what the pages ask for, and follows the way back to the client.
pub(crate) async fn logs_in(person: Person, site: &Site, address: &str) -> anyhow::Result<()> {
    let password = match &site.provider {
        Provider::DevIdp(server) => {
            let mut users = server.users().iter();
            let alice = users.find(|user| user.name == "alice").context("alice")?;
            alice.password.clone()
        }
        Provider::Keycloak(_) | Provider::OidcProvider(_) => "alice".to_owned(),
    };
    let mut browser = Browser::new()?;
    let mut arrival = browser.open(address).await?;
    for _ in 0..MOST_PAGES {
        let page = match arrival {
            Arrival::Elsewhere(back) => {
                crate::http_client().get(back).send().await?;
                return Ok(());
            }
            Arrival::Page(page) => page,
        };
        arrival = next(&mut browser, &page, person, &password).await?;
    }
    bail!("the login does not end")
}

async fn next(
    browser: &mut Browser,
    page: &Page,
    person: Person,
    password: &str,
) -> anyhow::Result<Arrival> {
    let forms = page.forms();
    let has = |form: &Form, name: &str| form.fields.iter().any(|(field, _)| field == name);
    if let Some(form) = forms.iter().find(|form| has(form, "password")) {
        let name = if has(form, "login") {
            "login"
        } else {
            "username"
        };
        let typed = [(name, "alice"), ("password", password)];
        return Ok(browser.submit(page, form, &typed).await?);
    }
    let form = forms.first().with_context(|| {
        format!(
            "a form at {}: {} {}",
            page.address,
            page.status,
            page.text()
        )
    })?;
    // dev-idp: two buttons.
    if form.buttons.iter().any(|(name, _)| name == "decision") {
        let decision = match person {
            Person::Agrees => "allow",
            Person::Denies => "deny",
        };
        return Ok(browser
            .submit(page, form, &[("decision", decision)])
            .await?);
    }
    if person == Person::Denies && form.buttons.iter().any(|(name, _)| name == "cancel") {
        return Ok(browser.submit(page, form, &[("cancel", "No")]).await?);
    }
    // Keycloak: two inputs, of which a browser sends the one that was clicked.
    let clicked_not = match person {
        Person::Agrees => "cancel",
        Person::Denies => "accept",
    };
    if person == Person::Denies && !has(form, "cancel") {
        // oidc-provider: a link.
        let (_, rest) = page.markup.rsplit_once("href=\"").context("a link")?;
        let link = rest.split('"').next().unwrap_or_default();
        return Ok(browser.open(page.address.join(link)?.as_str()).await?);
    }
    let mut fields = form.fields.clone();
    fields.retain(|(name, _)| name != clicked_not);
    let form = Form {
        action: form.action.clone(),
        fields,
        buttons: Vec::new(),
    };
    Ok(browser.submit(page, &form, &[]).await?)
}
