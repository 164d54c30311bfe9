use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::iter;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::is_acknowledgement;
use crate::{Accident, Client, Delivery, Ledger, Life, Outcome, Plan, Post, Sent, Target};

/// A plan that is carried out against a receiver.
#[derive(Debug)]
pub struct Simulation {
    plan: Plan,
    target: Target,
    client: Client,
    ledger: Mutex<Ledger>,
    pace: Mutex<Option<Instant>>,
    moments: AtomicU64,
    lives_done: AtomicU64,
    is_stopped: AtomicBool,
}

impl Simulation {
    /// A simulation that has sent nothing yet.
    pub fn new(plan: Plan, target: Target) -> Self {
        Self {
            client: Client::new(plan.patience),
            ledger: Mutex::new(Ledger::new(plan.seed)),
            plan,
            target,
            pace: Mutex::new(None),
            moments: AtomicU64::new(0),
            lives_done: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// Sends every life, step by step. Returns when all is answered or given up, or after a [`stop`](Self::stop).
    ///
    /// # Cancellation
    ///
    /// The posts that are on their way are not in the ledger, so a report could blame the receiver for them. A
    /// [`stop`](Self::stop) leaves none.
    pub async fn run(&self) {
        let lives = self.plan.lives().take_while(|_| !self.is_stopped());
        iter(lives).for_each_concurrent(self.plan.senders, |life| self.send(life)).await;
    }

    /// Ends the run between two steps. Deliveries that are refused are not sent again.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// The number of lives that were sent to their end.
    pub fn lives_done(&self) -> u64 {
        self.lives_done.load(Ordering::Relaxed)
    }

    /// The ledger so far.
    pub fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send(&self, life: Life) {
        for step in self.plan.steps(&life) {
            if self.is_stopped() {
                return;
            }
            join_all(step.posts.iter().map(|post| self.deliver(&life, *post))).await;
        }
        self.lives_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Posts until it is acknowledged or given up; a post that meets an accident goes out once.
    async fn deliver(&self, life: &Life, post: Post) {
        let delivery = &life.deliveries()[post.delivery];
        for attempt in 1..=self.plan.attempts {
            self.keep_pace().await;
            let began = self.moment();
            let outcome = self.post(delivery, post.accident).await;
            let sent = Sent::new(post.delivery, began, self.moment(), outcome);
            self.ledger.lock().unwrap_or_else(PoisonError::into_inner).enter(life.number, sent);
            let is_over = outcome == Outcome::Acknowledged || post.accident.is_some();
            if is_over || attempt == self.plan.attempts || self.is_stopped() {
                return;
            }
            sleep(self.plan.pause).await;
        }
    }

    async fn post(&self, delivery: &Delivery, accident: Option<Accident>) -> Outcome {
        match accident {
            None => match self.client.post(&self.target, Some(delivery.event), delivery).await {
                Ok(answer) if is_acknowledgement(answer.status) => Outcome::Acknowledged,
                Ok(answer) => Outcome::Refused(answer.status),
                Err(_) => Outcome::Unanswered,
            },
            Some(Accident::LostAnswer) => match self.client.post_without_answer(&self.target, delivery).await {
                Ok(status) => Outcome::Lost(status),
                Err(_) => Outcome::Unanswered,
            },
            Some(Accident::CutBody) => Outcome::Cut(self.client.post_half(&self.target, delivery).await.ok()),
        }
    }

    /// Waits for the next turn, where the plan has a rate.
    async fn keep_pace(&self) {
        let Some(per_second) = self.plan.per_second else { return };
        let turn = {
            let mut next = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + Duration::from_secs(1) / per_second.get());
            turn
        };
        sleep_until(turn).await;
    }

    fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }
}
