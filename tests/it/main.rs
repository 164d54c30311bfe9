//! Integration tests over everything: real sockets, real databases, real processes.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing where something must be has failed")]

mod architecture;
mod cancel;
mod checkout;
mod concurrency;
mod conformance;
mod crash;
mod dispatch;
mod documents;
mod example;
mod failpoints;
mod harness;
mod host_routes;
mod http;
mod launch;
mod leases;
mod operations;
mod plans;
mod poison;
mod postgres;
mod proxy;
mod quarantine;
mod shutdown;
mod standing;
mod startup;
mod tls;
mod vendor;
mod wire;
