//! Nothing is wrong: no failure, and no warning.

use crate::row::{Ask, At, Person, Row, WALK};

const fn healthy(at: At, ask: Ask) -> Row {
    Row {
        fault: "",
        place: "",
        at,
        breaks: &[],
        ask,
        first: "",
    }
}

pub(crate) const ROWS: &[Row] = &[
    healthy(At::DevIdp, WALK),
    healthy(At::DevIdp, Ask::LogIn(Person::Agrees, &[])),
    healthy(At::DevIdp, Ask::Inside(&[])),
    healthy(At::DevIdp, Ask::Recent),
    healthy(At::Keycloak, WALK),
    healthy(At::Keycloak, Ask::LogIn(Person::Agrees, &[])),
    healthy(At::Keycloak, Ask::Inside(&[])),
    healthy(At::OidcProvider, WALK),
    healthy(
        At::OidcProvider,
        Ask::LogIn(Person::Agrees, &["--as", "inspector"]),
    ),
    healthy(At::OidcProvider, Ask::Inside(&[])),
];
