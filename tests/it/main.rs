//! Integration tests over everything: real sockets, real databases, real processes.

mod dispatch;
mod harness;
mod http;
mod operations;
mod standing;
