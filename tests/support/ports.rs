//! Ports that nobody has.

use std::net::{Ipv4Addr, TcpListener};

/// A free port on loopback. Somebody else may take it before it is used; then the start says so.
pub(crate) fn free() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
