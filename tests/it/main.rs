//! Integration tests over everything: real sockets, real databases, real processes.

mod harness;
mod http;
