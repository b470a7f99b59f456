//! What Usher needs beside Keycloak.

use anyhow::ensure;

use crate::Scene;

/// Of the 40 MB that it may have, this much is left for what it makes while it runs: the pages of the product's program and
/// of an index are 15 MB (`make bench` counts them all). The program here is built without optimisation and several times
/// as big, so its own pages say nothing and are left out.
const MOST_KIB: u64 = 25_000;

/// After all visits and refusals, with whatever they left in the caches.
pub(crate) async fn usher_beside_keycloak_stays_under_40_mb(scene: &Scene) -> anyhow::Result<()> {
    let kib = scene.usher.own_memory_kib()?;
    println!("Usher has {kib} KiB besides its program");
    ensure!(kib < MOST_KIB, "{kib} KiB");
    Ok(())
}
