use super::spread::{Spread, short};
use crate::findings::Findings;
use crate::measure::Case;
use crate::system::{Backend, System};

/// A figure that is promised, and what was measured.
pub(crate) struct Bar {
    pub figure: &'static str,
    pub backend: Backend,
    pub bar: Limit,
    pub measured: Spread,
}

const HANDLED: &str = "handled per second, backlog, against recorded per second";
const RATE: &str = "acknowledged per second, 64 connections, against the hand-written route";
const CPU: &str = "CPU of the application at 64 connections, handling included, against the route that stores nothing";
const AT_ONE: Limit = Limit::AtMost(1.1, " ×");
const LATENCY: &str = "p99 at 64 connections against the hand-written route";

/// What a figure must not fall below, or exceed.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    AtLeast(f64, &'static str),
    AtMost(f64, &'static str),
}

impl Bar {
    pub fn is_met(&self) -> bool {
        self.is_met_with(1.0)
    }

    /// Whether it is not even half as good as promised: that is no noise, and it was better before.
    pub fn is_grossly_missed(&self) -> bool {
        !self.is_met_with(2.0) && !self.is_noise()
    }

    /// Whether something else decides it more than the plugin does. It is told, and fails nothing.
    fn is_noise(&self) -> bool {
        match self.figure {
            // The pauses of the database: two rounds of a second, and one pause of the server's in one of them.
            LATENCY => self.backend == Backend::Postgres,
            // The machine: it stands beside the route that stores nothing, too.
            CPU => true,
            _ => false,
        }
    }

    fn is_met_with(&self, tolerance: f64) -> bool {
        match self.bar {
            Limit::AtLeast(limit, _) => self.measured.median >= limit / tolerance,
            Limit::AtMost(limit, _) => self.measured.median <= limit * tolerance,
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(limit, unit) => write!(f, "≥ {limit}{unit}"),
            Self::AtMost(limit, unit) => write!(f, "≤ {limit}{unit}"),
        }
    }
}

/// The bars of what was measured. Each stands where the design says so; those it states for SQLite alone stand there
/// alone.
pub(crate) fn bars(findings: &Findings) -> Vec<Bar> {
    let mut bars = Vec::new();
    for backend in Backend::ALL {
        let is_sqlite = backend == Backend::Sqlite;
        let mut add = |figure, bar, measured: Option<Spread>| {
            bars.extend(measured.map(|measured| Bar { figure, backend, bar, measured }));
        };
        let ratio = |connections, figure| findings.ratio(backend, connections, System::HandWritten, figure);
        add(RATE, Limit::AtLeast(if is_sqlite { 12.0 } else { 2.0 }, " ×"), ratio(64, |speed| speed.rate));
        add(
            "the same at 256 connections",
            Limit::AtLeast(if is_sqlite { 18.0 } else { 3.0 }, " ×"),
            ratio(256, |speed| speed.rate),
        );
        add(LATENCY, Limit::AtMost(if is_sqlite { 0.2 } else { 0.8 }, " ×"), ratio(64, |speed| speed.p99));
        add("p50 at one connection against the hand-written route", AT_ONE, ratio(1, |speed| speed.p50));
        add("p99 at one connection against the hand-written route", AT_ONE, ratio(1, |speed| speed.p99));
        if is_sqlite {
            let beside = |connections, figure| findings.ratio(backend, connections, System::ParseOnly, figure);
            add(
                "at 256 connections against the route that stores nothing",
                Limit::AtLeast(0.3, " ×"),
                beside(256, |speed| speed.rate),
            );
            add(CPU, Limit::AtMost(4.0, " ×"), beside(64, |speed| speed.server_cpu));
            let case = Case { backend, has_repeats: false, connections: 1, system: System::Example };
            add(
                "fsyncs for 1,000 deliveries, one connection",
                Limit::AtMost(1_100.0, ""),
                findings.figure(case, |speed| speed.fsyncs),
            );
        }
        if let Some(footprint) = findings.footprint.get(&backend) {
            add(
                "memory of the example at most, 256 connections posting",
                Limit::AtMost(64.0, " MiB"),
                Spread::of([footprint.peak]),
            );
            add(
                "memory at the end of it against its second quarter",
                Limit::AtMost(1.1, " ×"),
                Spread::of([footprint.late / footprint.early]),
            );
        }
        add(
            "recorded to handler started, idle, p99",
            Limit::AtMost(10.0, " ms"),
            findings.idle.get(&backend).and_then(|delay| Spread::of([delay.p99])),
        );
        add(
            "the same at half load",
            Limit::AtMost(25.0, " ms"),
            findings.half_load.get(&backend).and_then(|delay| Spread::of([delay.p99])),
        );
        let lines: Vec<_> =
            findings.blocked.range((backend, 0)..=(backend, u64::MAX)).map(|(_, rounds)| rounds).collect();
        if let [few, .., many] = lines.as_slice() {
            add(
                "recorded behind a failing handler, most lines, against the rate without it",
                Limit::AtLeast(0.8, " ×"),
                Spread::of(many.iter().map(|(free, blocked)| blocked.recorded / free.recorded)),
            );
            add(
                "CPU of a delivery behind a failing handler, most lines against fewest",
                Limit::AtMost(1.5, " ×"),
                Spread::of(many.iter().zip(*few).map(|((_, many), (_, few))| many.cpu / few.cpu)),
            );
        }
        let handled = |backlogs: &Vec<_>| {
            Spread::of(backlogs.iter().map(|backlog: &crate::measure::Backlog| backlog.handled / backlog.recorded))
        };
        add(HANDLED, Limit::AtLeast(0.5, " ×"), findings.backlog.get(&backend).and_then(handled));
        if let Some([few, .., many]) = findings.growth.get(&backend).map(Vec::as_slice) {
            add(
                "cost of a handled delivery, most rows against fewest",
                Limit::AtMost(1.5, " ×"),
                Spread::of([many.handled.cpu / few.handled.cpu]),
            );
        }
    }
    bars
}

/// The figure and its unit, as the bar has it.
pub(crate) fn measured(bar: &Bar) -> String {
    let (Limit::AtLeast(_, unit) | Limit::AtMost(_, unit)) = bar.bar;
    let Spread { median, least, most } = bar.measured;
    match least < most {
        true => format!("{}{unit} ({}–{})", short(median), short(least), short(most)),
        false => format!("{}{unit}", short(median)),
    }
}
