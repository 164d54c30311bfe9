use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{bail, ensure};
use mio::{Events, Poll};
use rustix::time::{ClockId, clock_gettime};

use super::{Answer, Connection};
use crate::body::Bodies;
use crate::latency::Latencies;

/// How long answers may take to come in after the last request.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the poll may wait while nothing happens.
const TICK: Duration = Duration::from_millis(20);

/// What is posted.
pub(crate) struct Load<'b> {
    pub address: SocketAddr,
    pub bodies: &'b Bodies,
    pub connections: usize,
    /// How long before anything is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub length: Duration,
    /// After how many requests it ends all the same.
    pub enough: u64,
    /// How many requests there are in a second. None: each connection posts as soon as it has its answer.
    pub pace: Option<f64>,
    /// One of so many requests is the former one of its connection once more.
    pub repeat_every: Option<u64>,
}

/// A delivery that was answered 200.
#[derive(Clone, Copy)]
pub(crate) struct Acknowledged {
    /// Which body it was.
    pub number: u64,
    /// The id that the answer named.
    pub delivery: i64,
    /// When it was due, since the load began.
    pub due: Duration,
}

/// What came of a load.
pub(crate) struct Loaded {
    /// When it began.
    pub began: SystemTime,
    /// All of them, those of the warm-up too.
    pub acknowledged: Vec<Acknowledged>,
    /// How many bodies were made, each of another result.
    pub bodies: u64,
    /// Of those that were acknowledged while it was measured.
    pub latencies: Latencies,
    /// How long was measured, really.
    pub length: Duration,
    /// What the client used meanwhile.
    pub cpu: Duration,
}

enum Phase {
    WarmUp,
    Measured { since: Instant, cpu: Duration },
    Over,
}

/// A load that runs.
struct Run<'l> {
    load: &'l Load<'l>,
    connections: Vec<Connection>,
    /// Those without a request.
    idle: Vec<usize>,
    began: Instant,
    posted: u64,
    /// Answers other than 200.
    refused: u64,
    phase: Phase,
    loaded: Loaded,
}

impl<'b> Load<'b> {
    /// As many as the system can take, each of another result.
    pub fn new(address: SocketAddr, bodies: &'b Bodies, connections: usize, length: Duration) -> Self {
        let (warm_up, enough) = (Duration::ZERO, u64::MAX);
        Self { address, bodies, connections, warm_up, length, enough, pace: None, repeat_every: None }
    }

    /// Posts until the time is over, and takes all answers. `mark` is called when the measurement begins, and when it
    /// ends.
    ///
    /// # Errors
    ///
    /// When a request is refused or not answered.
    pub fn run(&self, mut mark: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Loaded> {
        let mut poll = Poll::new()?;
        let open = |token| Connection::open(self.address, poll.registry(), token);
        let connections = (0..self.connections).map(open).collect::<anyhow::Result<_>>()?;
        let mut run = Run::new(self, connections);
        let mut events = Events::with_capacity(1024);
        while !run.is_over() {
            run.post_what_is_due()?;
            poll.poll(&mut events, Some(run.pause()))?;
            for event in &events {
                run.take(event.token().0, event.is_writable(), event.is_readable())?;
            }
            run.turn(&mut mark)?;
        }
        ensure!(run.refused == 0, "{} requests were refused", run.refused);
        Ok(run.loaded)
    }
}

impl<'l> Run<'l> {
    fn new(load: &'l Load<'l>, connections: Vec<Connection>) -> Self {
        let loaded = Loaded {
            began: SystemTime::now(),
            acknowledged: Vec::new(),
            bodies: 0,
            latencies: Latencies::default(),
            length: Duration::ZERO,
            cpu: Duration::ZERO,
        };
        let idle = (0..connections.len()).rev().collect();
        Self { load, connections, idle, began: Instant::now(), posted: 0, refused: 0, phase: Phase::WarmUp, loaded }
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over) && self.idle.len() == self.connections.len()
    }

    /// When the next request is due: at once, where none has to wait for its time.
    fn next_due(&self) -> Instant {
        match self.load.pace {
            Some(pace) => self.began + Duration::from_secs_f64(self.posted as f64 / pace),
            None => Instant::now(),
        }
    }

    fn has_enough(&self) -> bool {
        matches!(self.phase, Phase::Over) || self.posted >= self.load.enough
    }

    fn post_what_is_due(&mut self) -> anyhow::Result<()> {
        while !self.has_enough() && !self.idle.is_empty() {
            let due = self.next_due();
            if due > Instant::now() {
                break;
            }
            let token = self.idle.pop().expect("not empty");
            self.post(token, due)?;
        }
        Ok(())
    }

    fn post(&mut self, token: usize, due: Instant) -> anyhow::Result<()> {
        self.posted += 1;
        let connection = &mut self.connections[token];
        let is_repeat = self.loaded.bodies > 0 && self.load.repeat_every.is_some_and(|n| self.posted.is_multiple_of(n));
        if is_repeat && connection.has_posted() {
            return connection.post_again(due);
        }
        let number = self.loaded.bodies;
        self.loaded.bodies += 1;
        connection.post(self.load.bodies, number, due)
    }

    fn pause(&self) -> Duration {
        match self.load.pace {
            Some(_) if !self.has_enough() => self.next_due().saturating_duration_since(Instant::now()).min(TICK),
            _ => TICK,
        }
    }

    /// What happened on one connection.
    fn take(&mut self, token: usize, is_writable: bool, is_readable: bool) -> anyhow::Result<()> {
        let connection = &mut self.connections[token];
        if is_writable {
            connection.write()?;
        }
        if !is_readable {
            return Ok(());
        }
        let Some(Answer { status, delivery }) = connection.read()? else { return Ok(()) };
        let (now, number, due) = (Instant::now(), connection.number, connection.began);
        match (status, delivery) {
            (200, Some(delivery)) => {
                self.loaded.acknowledged.push(Acknowledged { number, delivery, due: due - self.began });
                if matches!(self.phase, Phase::Measured { .. }) {
                    self.loaded.latencies.add(now - due);
                }
            }
            _ => self.refused += 1,
        }
        match self.load.pace.is_none() && !self.has_enough() {
            true => self.post(token, now),
            false => {
                self.idle.push(token);
                Ok(())
            }
        }
    }

    /// From one phase to the next, when it is time.
    fn turn(&mut self, mark: &mut impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let (load, now) = (self.load, Instant::now());
        match self.phase {
            Phase::WarmUp if now - self.began >= load.warm_up => {
                mark()?;
                self.phase = Phase::Measured { since: Instant::now(), cpu: thread_cpu() };
            }
            Phase::Measured { since, cpu } if now - since >= load.length || self.posted >= load.enough => {
                self.loaded.length = since.elapsed();
                self.loaded.cpu = thread_cpu() - cpu;
                mark()?;
                self.phase = Phase::Over;
            }
            Phase::Over if now - self.began > load.warm_up + load.length + PATIENCE => {
                bail!("{} requests were never answered", self.connections.len() - self.idle.len());
            }
            _ => {}
        }
        Ok(())
    }
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below a second"))
}
