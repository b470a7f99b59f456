//! The other baseline: a bare reverse proxy, axum in front and the HTTP client of Usher behind, that looks at nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream;
use tokio::net::TcpListener;
use url::Url;
use usher::outbound::{Destination, Exchange, Outbound, PlainHttp};

/// `usher-bench proxy`: where it passes requests on to.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server behind it.
    #[arg(long)]
    pub(crate) to: SocketAddr,
}

struct Next(Destination);

/// Serves until killed.
#[tokio::main]
pub(crate) async fn serve(options: Options) -> Result<()> {
    let outbound = Outbound::for_upstreams(usher::outbound::Settings::default())?;
    let url: Url = format!("http://{}/mcp", options.to).parse()?;
    let next = Arc::new(Next(outbound.destination(url, PlainHttp::OnLoopback)));
    let router = Router::new().route("/mcp", post(pass)).with_state(next);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// Copies the answer piece by piece, as it comes.
async fn pass(State(next): State<Arc<Next>>, mut headers: HeaderMap, body: Bytes) -> Response {
    for own in [header::HOST, header::CONTENT_LENGTH, header::AUTHORIZATION] {
        headers.remove(own);
    }
    let exchange = Exchange {
        method: Method::POST,
        headers,
        body,
        timeout: Duration::from_secs(60),
    };
    match next.0.exchange(exchange).await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::BAD_GATEWAY);
            let named = [header::CONTENT_TYPE, header::CONTENT_LENGTH];
            let named = named.map(|name| (answer.headers().get(&name).cloned(), name));
            let pieces = stream::try_unfold(answer, |mut answer| async move {
                let piece = answer.chunk().await?;
                Ok::<_, usher::outbound::OutboundError>(piece.map(|piece| (piece, answer)))
            });
            let mut response = Response::new(Body::from_stream(pieces));
            *response.status_mut() = status;
            for (value, name) in named {
                if let Some(value) = value {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
