//! A bare handler against itself: how far a ratio strays on this machine when nothing differs.

use std::sync::Arc;

use anyhow::Result;

use crate::bench::Bench;
use crate::compare::{Side, alternate};
use crate::load::{Connections, Requests};
use crate::process::bare;
use crate::report::Row;

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let response = bench.file("noise.json", &[b' '; 2_000])?;
    let request = b"POST /mcp HTTP/1.1\r\nhost: bench\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let load = Arc::new(Requests::Same(request));
    let (one, one_address) = bare(&response, None).await?;
    let (other, other_address) = bare(&response, None).await?;
    let mut one = Side {
        process: &one,
        connections: Connections::open(one_address, 8).await?,
        load: None,
    };
    let mut other = Side {
        process: &other,
        connections: Connections::open(other_address, 8).await?,
        load: None,
    };
    let rounds = bench.rounds();
    one.warm_up(&load, rounds.warm_up).await?;
    other.warm_up(&load, rounds.warm_up).await?;
    let comparison = alternate(&mut one, &mut other, rounds, |_| Arc::clone(&load)).await?;
    bench.add(Row {
        name: "noise: the bare handler against itself",
        value: comparison.ratio.median,
        unit: "×",
        bound: None,
        spread: Some(comparison.ratio.median_within),
        detail: comparison.absolute(),
    });
    Ok(())
}
