//! What is measured, one file per group of rows.

mod noise;

use anyhow::Result;

use crate::bench::Bench;

/// Measures every group, or those named in `only`.
pub(crate) async fn measure(bench: &mut Bench, only: &[String]) -> Result<()> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|named| named == name);
    if wanted("noise") {
        noise::measure(bench).await?;
    }
    Ok(())
}
