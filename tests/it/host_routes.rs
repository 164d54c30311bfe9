//! A host with routes, secrets, endpoints and a database of its own.

mod endpoints;
mod guards;
mod shared_pool;
mod without_routes;
