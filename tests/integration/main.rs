//! Everything that is tested through a real socket or a whole server, in one binary.

mod health;
