//! What is measured, one file per group of rows.

mod cold;
mod flood;
mod memory;
mod noise;
mod refused;
mod search;
mod start;
mod upstreams;
mod warm;

use anyhow::Result;

use crate::bench::Bench;

/// Measures every group, or those named in `only`.
pub(crate) async fn measure(bench: &mut Bench, only: &[String]) -> Result<()> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|named| named == name);
    if wanted("noise") {
        noise::measure(bench).await?;
    }
    if wanted("warm") {
        warm::measure(bench).await?;
    }
    if wanted("cold") {
        cold::measure(bench).await?;
    }
    if wanted("refused") {
        refused::measure(bench).await?;
    }
    if wanted("search") {
        search::measure(bench).await?;
    }
    if wanted("memory") {
        memory::measure(bench).await?;
    }
    if wanted("flood") {
        flood::measure(bench).await?;
    }
    if wanted("upstreams") {
        upstreams::measure(bench).await?;
    }
    if wanted("start") {
        start::measure(bench).await?;
    }
    Ok(())
}
