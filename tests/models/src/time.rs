//! The clock of a model: it stands still until somebody sleeps.

use std::cell::Cell;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

/// Longer sleeps never end: they are polls and probes.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Starts the clock of another order.
pub(crate) fn begin() {
    NOW.set(Duration::ZERO);
}

/// A point in the time of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// The present.
    pub fn now() -> Self {
        Self(NOW.get())
    }

    /// The time since then.
    pub fn elapsed(&self) -> Duration {
        NOW.get().saturating_sub(self.0)
    }

    /// A later point.
    pub fn checked_add(&self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }

    /// A point of the standard library's time, as far from the others as here.
    pub fn into_std(self) -> std::time::Instant {
        static BEGAN: OnceLock<std::time::Instant> = OnceLock::new();
        *BEGAN.get_or_init(std::time::Instant::now) + self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, other: Self) -> Duration {
        self.0.saturating_sub(other.0)
    }
}

/// Sleeps for a while.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::now() + duration)
}

/// Sleeps until then.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, has_begun: false }
}

/// A sleep. It ends after any number of steps of others, or never.
pub struct Sleep {
    deadline: Instant,
    has_begun: bool,
}

impl Sleep {
    /// Sleeps until then instead.
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.set(sleep_until(deadline));
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if self.deadline <= now {
            return Poll::Ready(());
        }
        if self.deadline - now > LONGEST_SLEEP {
            return Poll::Pending;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        NOW.set(self.deadline.0);
        Poll::Ready(())
    }
}

/// The end of patience, which comes in no model.
pub struct Elapsed;

/// Waits for a future, for as long as it takes.
pub async fn timeout<F: Future>(_patience: Duration, future: F) -> Result<F::Output, Elapsed> {
    Ok(future.await)
}
