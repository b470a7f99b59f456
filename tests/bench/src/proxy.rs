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
use usher::outbound::{Exchange, Outbound, PlainHttp};

/// `usher-bench proxy`: where it passes requests on to.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server behind it.
    #[arg(long)]
    pub(crate) to: SocketAddr,
}

struct Next {
    outbound: Outbound,
    url: Url,
}

/// Serves until killed.
#[tokio::main]
pub(crate) async fn serve(options: Options) -> Result<()> {
    let next = Arc::new(Next {
        outbound: Outbound::for_upstreams(usher::outbound::Settings::default())?,
        url: format!("http://{}/mcp", options.to).parse()?,
    });
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
        url: &next.url,
        headers,
        body,
        plain_http: PlainHttp::OnLoopback,
        timeout: Duration::from_secs(60),
    };
    match next.outbound.exchange(exchange).await {
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
