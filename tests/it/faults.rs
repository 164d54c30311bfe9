//! Faults between several processes, their Postgres server and the network between them.
//!
//! Each test says at the end what it did: the faults that it fired, and the share of posts that were acknowledged.

#![expect(clippy::print_stdout, reason = "a fault test says what it has shown")]

mod cluster;
mod commit;
mod conflict;
mod desk;
mod hook;
mod locked;
mod network;
mod power;
mod race;
mod server;
mod sessions;
mod versions;
mod zombie;
