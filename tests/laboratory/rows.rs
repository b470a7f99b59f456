//! All rows, in the order of the table.

mod address;
mod challenge;
mod healthy;
mod inside;
mod issuer;
mod keycloak;
mod login;
mod metadata;
mod nginx;
mod oidc_provider;
mod recent;
mod registration;
mod token;

use crate::row::Row;

/// Every row there is.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    let areas: [&[Row]; 13] = [
        healthy::ROWS,
        address::ROWS,
        challenge::ROWS,
        metadata::ROWS,
        nginx::ROWS,
        issuer::ROWS,
        registration::ROWS,
        login::ROWS,
        token::ROWS,
        inside::ROWS,
        recent::ROWS,
        keycloak::ROWS,
        oidc_provider::ROWS,
    ];
    areas.into_iter().flatten()
}
