//! The guides' addresses, and the ports that stand in for them.

use std::net::{Ipv4Addr, TcpListener};

use crate::demo::Demo;

/// What stands before a port.
const BEFORE_PORTS: [&str; 4] = ["127.0.0.1:", "localhost:", "USHER_PORT=", "port="];

/// The port of each address of a page, there and here.
pub(crate) struct Places {
    ports: Vec<(u16, u16)>,
}

impl Places {
    /// Those of the demo; a page adds its own.
    pub(crate) fn of(demo: &Demo) -> Self {
        Self {
            ports: vec![
                (8080, demo.usher_port),
                (8081, demo.admin_port),
                (9000, demo.idp_port),
            ],
        }
    }

    /// Takes other ports for these: for a second server at the same addresses.
    pub(crate) fn renew(&self, ports: &[u16]) -> anyhow::Result<Self> {
        let mut renewed = Self {
            ports: self.ports.clone(),
        };
        for (there, here) in &mut renewed.ports {
            if ports.contains(there) {
                *here = free()?;
            }
        }
        Ok(renewed)
    }

    /// The port here.
    pub(crate) fn here(&self, there: u16) -> Option<u16> {
        let (_, here) = self.ports.iter().find(|(port, _)| *port == there)?;
        Some(*here)
    }

    /// A page's text as it is executed here.
    pub(crate) fn translate(&mut self, text: &str) -> anyhow::Result<String> {
        for host in BEFORE_PORTS {
            for (at, _) in text.match_indices(host) {
                let digits = text.get(at + host.len()..).unwrap_or_default();
                let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
                if let Ok(port) = digits.parse()
                    && self.here(port).is_none()
                {
                    self.ports.push((port, free()?));
                }
            }
        }
        Ok(self.swap(text, |(there, here)| (there, here)))
    }

    /// What came here as the page shows it.
    pub(crate) fn back(&self, text: &str) -> String {
        self.swap(text, |(there, here)| (here, there))
    }

    fn swap(&self, text: &str, order: impl Fn((u16, u16)) -> (u16, u16)) -> String {
        let mut text = text.to_owned();
        for (from, to) in self.ports.iter().copied().map(order) {
            // A port that was just put in is not taken out again by the next pair.
            for host in BEFORE_PORTS {
                text = text.replace(&format!("{host}{from}"), &format!("{host}\u{1}{to}"));
            }
        }
        text.replace('\u{1}', "")
    }
}

/// A port that nobody has.
pub(crate) fn free() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
