//! A sender of JobMojito's interview webhooks that fails as senders do, and a check of what the receiver made of it.
//!
//! Whole lives of candidates come from a seed: [`Lives`]. The same seed is the same bytes, on every platform and in
//! every version of this crate that does not say otherwise in its changelog. Nobody in them is real.
//!
//! ```
//! use mojito_simulator::{Event, Lives};
//!
//! let life = Lives::new(7).life(0);
//!
//! assert_eq!(life, Lives::new(7).life(0));
//! assert!(life.deliveries().iter().all(|delivery| delivery.body().starts_with(b"{")));
//! ```
//!
//! A [`Plan`] sends them at least once. On the way there are duplicates, changed orders, parallel posts, lost answers
//! and cut bodies. A [`Simulation`] carries it out against a [`Target`], which signs by any of the five schemes
//! ([`Signer`]), and keeps a [`Ledger`]. In the end [`Report::check`] asks a [`Receiver`] for its rows. So the
//! simulator can be pointed at any receiver that can tell its deliveries.
//!
//! ```no_run
//! # // It would need a receiver that listens.
//! use mojito_simulator::{Plan, Signer, Simulation, Target};
//!
//! # async fn simulate() -> Result<(), mojito_simulator::TargetError> {
//! let target = Target::try_new("http://127.0.0.1:8000/webhooks/jobmojito")?;
//! let target = target.signed_by(Signer::header("X-Mojito-Secret", "7hQ2mZ0pVx9sLr4TkWc8bN1f"));
//! let simulation = Simulation::new(Plan::new(7).candidates(100).duplicates(10), target);
//! simulation.run().await;
//! println!("{:?}", simulation.ledger().tally());
//! # Ok(())
//! # }
//! ```
//!
//! # The lives
//!
//! | course | deliveries |
//! | --- | --- |
//! | `decided` | collected, result, then score, report and decision, one after another; the decision may be toggled back |
//! | `direct` | the same without a collected one |
//! | `unsubmitted` | collected alone |
//! | `failed` | failed alone |
//! | `abandoned` | failed, and another attempt under an id of its own |
//! | `reset` | a result that is withdrawn for another attempt under the same id |
//! | `former` | a result in the vendor's second form: flat, with fewer fields |
//! | `enveloped` | a result in the vendor's first form: a record in an envelope |

mod body;
mod candidate;
mod client;
mod event;
#[cfg(test)]
mod golden;
mod ledger;
mod life;
mod lives;
mod plan;
mod random;
mod receiver;
mod report;
mod signer;
mod simulation;
mod target;
mod verdict;

pub use self::body::Body;
pub use self::client::{Answer, Client};
pub use self::event::Event;
pub use self::ledger::{Ledger, Outcome, Sent, Tally};
pub use self::life::{Course, Delivery, Life};
pub use self::lives::Lives;
pub use self::plan::{Accident, Plan, Post, Step};
pub use self::receiver::{Mark, Receiver, Stored};
pub use self::report::Report;
pub use self::signer::{Encoding, Signer, SignerError};
pub use self::simulation::Simulation;
pub use self::target::{Target, TargetError};
pub use self::verdict::{Fault, FaultKind};
