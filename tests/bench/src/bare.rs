//! The baselines: axum handlers that answer with fixed bytes, served with plain `axum::serve`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use tokio::net::TcpListener;

/// `usher-bench bare`: what it answers with.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A file whose bytes are every answer.
    #[arg(long)]
    response: PathBuf,
    /// A file with an RSA public key (DER); every request's bearer token must be signed by it (RS256).
    #[arg(long)]
    verify: Option<PathBuf>,
}

struct Verifying {
    key: ParsedPublicKey,
    response: Bytes,
}

/// Serves until killed. The request's body is read, as every handler of a JSON request must.
#[tokio::main]
pub(crate) async fn serve(options: Options) -> Result<()> {
    let response = Bytes::from(std::fs::read(&options.response)?);
    let router = match &options.verify {
        None => Router::new()
            .route("/mcp", post(unchecked))
            .with_state(response),
        Some(path) => {
            let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, std::fs::read(path)?)
                .context("expected an RSA public key")?;
            Router::new()
                .route("/mcp", post(verified))
                .with_state(Arc::new(Verifying { key, response }))
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn unchecked(State(response): State<Bytes>, _request: Bytes) -> Response {
    json(response)
}

async fn verified(
    State(state): State<Arc<Verifying>>,
    headers: HeaderMap,
    _request: Bytes,
) -> Response {
    match signature_holds(&state.key, &headers) {
        Some(()) => json(state.response.clone()),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn signature_holds(key: &ParsedPublicKey, headers: &HeaderMap) -> Option<()> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (signed, signature) = value.strip_prefix("Bearer ")?.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    key.verify_sig(signed.as_bytes(), &signature).ok()
}

fn json(response: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], response).into_response()
}
