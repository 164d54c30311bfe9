//! The simulator: against real hosts, and against receivers that break a promise, which its report names.

mod careless;
mod hosts;

use std::net::SocketAddr;
use std::time::Duration;

use mojito_simulator::{Plan, Signer, Target};

use crate::harness::{AUTH, BASE};

/// A plan with every accident in it.
fn plan(seed: u64) -> Plan {
    let plan = Plan::new(seed).duplicates(30).reordered(15).together(15).lost(20).cut(20);
    plan.pause(Duration::from_millis(10))
}

/// The default endpoint at this address.
fn target(address: SocketAddr) -> Target {
    Target::try_new(&format!("http://{address}{BASE}")).unwrap().signed_by(Signer::header(AUTH.0, AUTH.1))
}
