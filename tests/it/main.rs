//! Integration tests over everything: real sockets, real databases, real processes. Without the doors of
//! `tests/internals` the program is empty, and `tests/left_out.rs` says so.

#![cfg(mojito_internals)]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing where something must be has failed")]

mod actions;
mod architecture;
mod blocking;
mod breaks;
mod cancel;
mod checkout;
mod ci;
mod cli;
mod concurrency;
mod conformance;
mod copy;
mod corpus;
mod crash;
mod discarded;
mod disks;
mod dispatch;
mod documents;
mod erasure;
mod example;
mod examples;
mod failpoints;
mod faults;
#[path = "../fuzz/src/lib.rs"]
mod fuzz;
mod fuzzing;
mod handed;
mod handlers;
mod harness;
mod host_migrations;
mod host_routes;
mod http;
mod jumps;
mod kit;
mod launch;
mod leaks;
mod leases;
mod migrations;
mod night;
mod nightly;
mod numbers;
mod operations;
mod panics;
mod parsers;
mod plans;
mod poison;
mod pooler;
mod postgres;
mod promises;
mod prose;
mod proxy;
mod quarantine;
mod resources;
mod shutdown;
mod signature;
mod silence;
mod simulator;
mod soak;
mod standing;
mod startup;
mod timing;
mod tls;
mod undrained;
mod unsubscribed;
mod vendor;
mod wire;
