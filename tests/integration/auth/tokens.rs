//! The token table: one good token, and every way in which one is bad.

use super::{Bench, PUBLIC_URL};
use crate::issuer::TestIssuer;

#[tokio::test]
async fn a_good_token_becomes_a_principal_with_its_claims() {
    let issuer = TestIssuer::start_at("/tenant").await;
    let bench = Bench::start(&issuer).await;
    let token = issuer.token().audience(format!("{PUBLIC_URL}/mcp")).mint();
    for _ in 0..2 {
        let principal = bench.check(&token).await.expect("a principal");
        assert_eq!(principal.issuer(), issuer.issuer());
        assert_eq!(principal.subject(), "alice");
        assert_eq!(principal.client_id(), Some("test-client"));
        assert_eq!(principal.scopes().to_string(), "mcp:read");
    }
}
