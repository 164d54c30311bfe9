use std::path::{Path, PathBuf};
use std::time::Duration;

use rocket_mojito::{HandlerError, HandlerResult};

/// Stands in the error of every handler: no log may hold it.
const CANARY: &str = "canary of a handler";

/// A handler's behaviour besides its effect.
pub(crate) enum Behaviour {
    /// Nothing.
    Plain,
    /// Its effect is a line in the journal: something elsewhere, that no transaction takes back.
    External,
    /// Answers this error, whatever comes.
    Broken(String),
    /// Takes its time.
    Slow(Duration),
    /// Waits until a file is there, before its transaction.
    Gated(PathBuf),
    /// Waits until a file is there, within its transaction.
    Holding(PathBuf),
    /// Adds one to three of so many rows of the table `counters` within its transaction, each delivery to others.
    Counting(i64),
    /// Fails in so many of a hundred attempts, after its effect, and in some for good.
    Flaky(u64),
    /// Never comes back, and lets others work.
    Pending,
    /// Never comes back, and keeps its thread.
    Blocking,
    /// Keeps its thread until a file is there, where the id of the result begins with `parked`.
    Parked(PathBuf),
    /// Something happens to it where the id of the result begins with `poison`.
    Poisoned(Poison),
}

/// The kinds of poison. The panic quotes the id of the result.
pub(crate) enum Poison {
    /// The handler answers an error.
    Fail,
    /// The handler gives up.
    Refuse,
    /// The handler panics.
    Panic,
    /// The process aborts.
    Abort,
    /// The stack overflows, which aborts the process.
    Overflow,
    /// The memory is used up, for which the kernel kills the process where it is bounded.
    Exhaust,
}

impl Behaviour {
    /// `plain`, `external`, `broken:<error>`, `slow:<ms>`, `gated:<file>`, `holding:<file>`, `counting:<rows>`, `flaky:<percent>`, `pending`,
    /// `blocking`, `parked:<file>`, `fail`, `refuse`, `panic`, `abort`, `overflow`, `exhaust`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        let number = || argument.parse::<u64>().map_err(|_| format!("{text}: no number"));
        Ok(match name {
            "plain" => Self::Plain,
            "external" => Self::External,
            "broken" => Self::Broken(argument.to_owned()),
            "slow" => Self::Slow(Duration::from_millis(number()?)),
            "gated" => Self::Gated(argument.into()),
            "holding" => Self::Holding(argument.into()),
            "counting" => Self::Counting(i64::try_from(number()?).map_err(|error| error.to_string())?),
            "flaky" => Self::Flaky(number()?),
            "pending" => Self::Pending,
            "blocking" => Self::Blocking,
            "parked" => Self::Parked(argument.into()),
            "fail" => Self::Poisoned(Poison::Fail),
            "refuse" => Self::Poisoned(Poison::Refuse),
            "panic" => Self::Poisoned(Poison::Panic),
            "abort" => Self::Poisoned(Poison::Abort),
            "overflow" => Self::Poisoned(Poison::Overflow),
            "exhaust" => Self::Poisoned(Poison::Exhaust),
            _ => return Err(format!("{text}: no such behaviour")),
        })
    }

    /// Runs the part before the transaction.
    pub(crate) async fn show(&self, result_id: &str) -> HandlerResult {
        match self {
            Self::Broken(error) => Err(error.as_str().into()),
            Self::Slow(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Self::Gated(file) => {
                wait_for(file).await;
                Ok(())
            }
            Self::Pending => std::future::pending().await,
            Self::Blocking => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            Self::Parked(file) if result_id.starts_with("parked") => {
                while !file.exists() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(())
            }
            Self::Poisoned(poison) if result_id.starts_with("poison") => poison.work(result_id),
            _ => Ok(()),
        }
    }

    /// Runs the part within the transaction, before the effect.
    pub(crate) async fn hold(&self) {
        if let Self::Holding(file) = self {
            wait_for(file).await;
        }
    }

    /// The rows that a delivery counts in, in an order of its own.
    pub(crate) fn counters(&self, delivery_id: i64) -> Vec<i64> {
        let Self::Counting(rows) = self else { return Vec::new() };
        let mut all: Vec<i64> = (0..*rows).collect();
        all.sort_by_key(|row| scatter(delivery_id, *row));
        all.truncate(3);
        all
    }

    /// The handler's answer after its effect. Which attempts fail is known before: those of a delivery differ.
    pub(crate) fn answer(&self, delivery_id: i64, attempt: i32) -> HandlerResult {
        let Self::Flaky(percent) = self else { return Ok(()) };
        match scatter(delivery_id, attempt.into()) % 100 {
            0 => Err(HandlerError::discard(format!("flaky for good: {CANARY}"))),
            drawn if drawn < *percent => Err(HandlerError::retry_in(Duration::from_millis(20))),
            _ => Ok(()),
        }
    }
}

/// A number that looks like chance and is the same every time.
///
/// Source: the finaliser of SplitMix64.
fn scatter(a: i64, b: i64) -> u64 {
    let mixed = a.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.cast_unsigned();
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

async fn wait_for(file: &Path) {
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Poison {
    fn work(&self, result_id: &str) -> HandlerResult {
        match self {
            Self::Fail => Err(format!("poison: {CANARY}").into()),
            Self::Refuse => Err(HandlerError::discard(format!("poison: {CANARY}"))),
            Self::Panic => panic!("{result_id}"),
            Self::Abort => std::process::abort(),
            Self::Exhaust => Err(format!("{} MiB were not enough", exhaust()).into()),
            Self::Overflow => Err(format!("{} frames were not enough", overflow(0)).into()),
        }
    }
}

/// Takes 1 GiB, and touches every page of it.
fn exhaust() -> usize {
    let taken: Vec<Vec<u8>> = (0..1024).map(|_| std::hint::black_box(vec![1; 1 << 20])).collect();
    taken.len()
}

fn overflow(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1).max(page[0]) }
}
