//! Integration tests over everything: real sockets, real databases, real processes.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing where something must be has failed")]

mod harness;
mod host_routes;
mod http;
mod launch;
mod quarantine;
mod vendor;
