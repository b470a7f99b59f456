//! What Usher needs beside Keycloak.

use anyhow::ensure;

use crate::Scene;

/// After all visits and refusals, with whatever they left in the caches: 40 MB, as `/proc` counts what is resident.
pub(crate) async fn usher_beside_keycloak_stays_under_40_mb(scene: &Scene) -> anyhow::Result<()> {
    let kib = scene.usher.resident_kib()?;
    println!("Usher has {kib} KiB");
    ensure!(kib * 1024 < 40_000_000, "{kib} KiB");
    Ok(())
}
