//! Integration tests over everything: real sockets, real databases, real processes.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing where something must be has failed")]

mod architecture;
mod cancel;
mod checkout;
mod conformance;
mod dispatch;
mod documents;
mod harness;
mod http;
mod operations;
mod postgres;
mod standing;
mod tls;
