use std::path::PathBuf;
use std::time::Duration;

use rocket_mojito::{HandlerError, HandlerResult};

/// What a handler does before its effect.
pub(crate) enum Behaviour {
    /// Nothing.
    Plain,
    /// Its effect is a line in the journal: something elsewhere, that no transaction takes back.
    External,
    /// Takes its time.
    Slow(Duration),
    /// Waits until a file is there.
    Gated(PathBuf),
    /// Never comes back, and lets others work.
    Pending,
    /// Never comes back, and keeps its thread.
    Blocking,
    /// Something happens to it where the id of the result begins with `poison`.
    Poisoned(Poison),
}

/// What poison does.
pub(crate) enum Poison {
    /// The handler gives up.
    Refuse,
    /// The handler panics.
    Panic,
    /// The process aborts.
    Abort,
    /// The stack overflows, which aborts the process.
    Overflow,
}

impl Behaviour {
    /// `plain`, `external`, `slow:<ms>`, `gated:<file>`, `pending`, `blocking`, `refuse`, `panic`, `abort`, `overflow`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        Ok(match name {
            "plain" => Self::Plain,
            "external" => Self::External,
            "slow" => Self::Slow(Duration::from_millis(argument.parse().map_err(|_| format!("{text}: no number"))?)),
            "gated" => Self::Gated(argument.into()),
            "pending" => Self::Pending,
            "blocking" => Self::Blocking,
            "refuse" => Self::Poisoned(Poison::Refuse),
            "panic" => Self::Poisoned(Poison::Panic),
            "abort" => Self::Poisoned(Poison::Abort),
            "overflow" => Self::Poisoned(Poison::Overflow),
            _ => return Err(format!("{text}: no such behaviour")),
        })
    }

    pub(crate) async fn show(&self, result_id: &str) -> HandlerResult {
        match self {
            Self::Plain | Self::External => Ok(()),
            Self::Slow(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Self::Gated(file) => {
                while !file.exists() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(())
            }
            Self::Pending => std::future::pending().await,
            Self::Blocking => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            Self::Poisoned(poison) if result_id.starts_with("poison") => poison.work(),
            Self::Poisoned(_) => Ok(()),
        }
    }
}

impl Poison {
    fn work(&self) -> HandlerResult {
        match self {
            Self::Refuse => Err(HandlerError::discard("poison")),
            Self::Panic => panic!("poison"),
            Self::Abort => std::process::abort(),
            Self::Overflow => Err(format!("{} frames were not enough", overflow(0)).into()),
        }
    }
}

fn overflow(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1).max(page[0]) }
}
