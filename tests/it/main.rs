//! Integration tests over everything: real sockets, real databases, real processes.

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
