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

use anyhow::{Result, bail};

use crate::bench::Bench;

/// The names of the groups, in the order in which they are measured.
pub(crate) const GROUPS: [&str; 9] = [
    "noise",
    "warm",
    "cold",
    "refused",
    "search",
    "memory",
    "flood",
    "upstreams",
    "start",
];

/// Measures every group, or those named in `only`.
pub(crate) async fn measure(bench: &mut Bench, only: &[String]) -> Result<()> {
    let is_wanted = |name: &&str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    for name in GROUPS.into_iter().filter(is_wanted) {
        match name {
            "noise" => noise::measure(bench).await?,
            "warm" => warm::measure(bench).await?,
            "cold" => cold::measure(bench).await?,
            "refused" => refused::measure(bench).await?,
            "search" => search::measure(bench).await?,
            "memory" => memory::measure(bench).await?,
            "flood" => flood::measure(bench).await?,
            "upstreams" => upstreams::measure(bench).await?,
            "start" => start::measure(bench).await?,
            _ => bail!("expected a measurement for the group {name}, found none"),
        }
    }
    Ok(())
}
