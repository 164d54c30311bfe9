//! Integration tests over everything: real sockets, real databases, real processes.

mod architecture;
mod cancel;
mod checkout;
mod dispatch;
mod documents;
mod harness;
mod host_routes;
mod http;
mod launch;
mod operations;
mod quarantine;
mod standing;
mod vendor;
