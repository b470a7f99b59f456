//! The other baseline: a bare reverse proxy, axum in front and the HTTP client of Usher behind, that looks at nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use tokio::net::TcpListener;

/// `usher-bench proxy`: where it passes requests on to.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server behind it.
    #[arg(long)]
    pub(crate) to: SocketAddr,
}

struct Next {
    client: reqwest::Client,
    url: reqwest::Url,
}

/// Serves until killed.
#[tokio::main]
pub(crate) async fn serve(options: Options) -> Result<()> {
    let next = Arc::new(Next {
        client: reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(64)
            .build()?,
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
    let request = next
        .client
        .post(next.url.clone())
        .headers(headers)
        .body(body);
    match request.send().await {
        Ok(answer) => {
            let status = answer.status();
            let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
            let length = answer.headers().get(header::CONTENT_LENGTH).cloned();
            let mut response = Response::new(Body::new(reqwest::Body::from(answer)));
            *response.status_mut() = status;
            let named = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_LENGTH, length),
            ];
            for (name, value) in named {
                if let Some(value) = value {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
