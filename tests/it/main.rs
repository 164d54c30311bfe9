//! Integration tests over everything: real sockets, real databases, real processes.

mod cancel;
mod dispatch;
mod harness;
mod http;
mod operations;
mod standing;
