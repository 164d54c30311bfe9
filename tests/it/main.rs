//! Integration tests over everything: real sockets, real databases, real processes.

mod architecture;
mod checkout;
mod documents;
mod harness;
mod http;
