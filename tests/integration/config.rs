//! What a configuration may say, and every reason to refuse the start.

use crate::gateway::TestGateway;

#[tokio::test]
async fn a_server_answers_on_the_socket_that_was_handed_in() {
    let gateway = TestGateway::builder().start_without_keys().await;
    let reply = gateway.get("/no-such-path").await;
    assert_eq!(reply.status, 404);
    gateway.stop().await;
}
