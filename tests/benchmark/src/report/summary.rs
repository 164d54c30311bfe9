use std::fmt::Write as _;

use super::bars::{bars, measured};
use super::spread::short;
use super::{Spread, Table};
use crate::findings::Findings;
use crate::measure::{Blocked, Case, Indexes, Speed};
use crate::system::{Backend, System};

/// Everything that was measured, as tables.
pub(crate) fn summary(findings: &Findings) -> String {
    let sections = [
        ("The bars", bar_table(findings)),
        ("Recording, SQLite", speed_table(findings, Backend::Sqlite)),
        ("Recording, Postgres", speed_table(findings, Backend::Postgres)),
        ("Memory of the example, 256 connections posting", memory_table(findings)),
        ("A backlog, recorded while the handler was paused", backlog_table(findings)),
        ("From a request to the start of its handler", delay_table(findings)),
        ("Behind a failing handler, the example, 64 connections", blocked_table(findings)),
        ("With and without the operators' indexes, the example, 64 connections", indexes_table(findings)),
        ("The cost of one delivery in a database with many", growth_table(findings)),
    ];
    let mut text = String::new();
    for (heading, table) in sections {
        if let Some(table) = table {
            write!(text, "### {heading}\n\n{table}\n").expect("memory");
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn bar_table(findings: &Findings) -> Option<Table> {
    let mut table = Table::new(["figure", "database", "bar", "measured", "met"]);
    let bars = bars(findings);
    for bar in &bars {
        let met = if bar.is_met() { "yes" } else { "**no**" };
        table.add([bar.figure.to_owned(), bar.backend.to_string(), bar.bar.to_string(), measured(bar), met.to_owned()]);
    }
    (!bars.is_empty()).then_some(table)
}

fn speed_table(findings: &Findings, backend: Backend) -> Option<Table> {
    let mut table = Table::new([
        "system",
        "connections",
        "acknowledged / s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "CPU s / 1,000: server",
        "database",
        "client",
        "memory MiB",
        "fsync ms",
        "fsyncs / 1,000",
    ]);
    let mut cases: Vec<&Case> = findings.speed.keys().filter(|case| case.backend == backend).collect();
    cases.sort_by_key(|case| (case.has_repeats, case.connections, case.system));
    for &&case in &cases {
        let figure = |figure: fn(&Speed) -> f64| findings.figure(case, figure).expect("it was measured");
        let median = |of: fn(&Speed) -> f64| short(figure(of).median);
        table.add([
            format!("{}{}", name(case.system), if case.has_repeats { ", 10 % repeats" } else { "" }),
            case.connections.to_string(),
            figure(|speed| speed.rate).to_string(),
            median(|speed| speed.p50),
            figure(|speed| speed.p99).to_string(),
            median(|speed| speed.p999),
            figure(|speed| speed.server_cpu).to_string(),
            median(|speed| speed.database_cpu),
            median(|speed| speed.client_cpu),
            median(|speed| speed.memory),
            median(|speed| speed.fsync),
            median(|speed| speed.fsyncs),
        ]);
    }
    (!cases.is_empty()).then_some(table)
}

fn memory_table(findings: &Findings) -> Option<Table> {
    let mut table = Table::new(["database", "seconds", "peak MiB", "second quarter", "last quarter"]);
    for (backend, footprint) in &findings.footprint {
        let [peak, early, late] = [footprint.peak, footprint.early, footprint.late].map(short);
        table.add([backend.to_string(), footprint.length.as_secs().to_string(), peak, early, late]);
    }
    (!findings.footprint.is_empty()).then_some(table)
}

fn backlog_table(findings: &Findings) -> Option<Table> {
    let mut table = Table::new([
        "database",
        "deliveries",
        "recorded / s",
        "handled / s",
        "CPU s / 1,000 handled: server + database",
    ]);
    for (backend, backlogs) in &findings.backlog {
        let spread = |of: fn(&crate::measure::Backlog) -> f64| {
            Spread::of(backlogs.iter().map(of)).expect("at least one").to_string()
        };
        table.add([
            backend.to_string(),
            short(backlogs[0].deliveries as f64),
            spread(|backlog| backlog.recorded),
            spread(|backlog| backlog.handled),
            spread(|backlog| backlog.cpu),
        ]);
    }
    (!findings.backlog.is_empty()).then_some(table)
}

fn delay_table(findings: &Findings) -> Option<Table> {
    let mut table = Table::new(["database", "load", "deliveries / s", "p50 ms", "p99 ms", "at most ms"]);
    for (load, delays) in [("idle", &findings.idle), ("half load", &findings.half_load)] {
        for (backend, delay) in delays {
            let [pace, p50, p99, max] = [delay.pace, delay.p50, delay.p99, delay.max].map(short);
            table.add([backend.to_string(), load.to_owned(), pace, p50, p99, max]);
        }
    }
    (!findings.idle.is_empty()).then_some(table)
}

fn blocked_table(findings: &Findings) -> Option<Table> {
    let mut table =
        Table::new(["database", "deliveries", "their first", "acknowledged / s", "CPU s / 1,000: server + database"]);
    for (&(backend, deliveries), rounds) in &findings.blocked {
        let (free, blocked): (Vec<Blocked>, Vec<Blocked>) = rounds.iter().copied().unzip();
        for (first, rounds) in [("handled", free), ("failing", blocked)] {
            let spread =
                |figure: fn(&Blocked) -> f64| Spread::of(rounds.iter().map(figure)).expect("at least one").to_string();
            table.add([
                backend.to_string(),
                short(deliveries as f64),
                first.to_owned(),
                spread(|blocked| blocked.recorded),
                spread(|blocked| blocked.cpu),
            ]);
        }
    }
    (!findings.blocked.is_empty()).then_some(table)
}

fn indexes_table(findings: &Findings) -> Option<Table> {
    let mut table =
        Table::new(["database", "operators' indexes", "acknowledged / s", "CPU s / 1,000: server + database"]);
    for (backend, rounds) in &findings.indexes {
        let (with, without): (Vec<Indexes>, Vec<Indexes>) = rounds.iter().copied().unzip();
        for (are_there, rounds) in [("there", with), ("dropped", without)] {
            let spread =
                |figure: fn(&Indexes) -> f64| Spread::of(rounds.iter().map(figure)).expect("at least one").to_string();
            table.add([
                backend.to_string(),
                are_there.to_owned(),
                spread(|indexes| indexes.recorded),
                spread(|indexes| indexes.cpu),
            ]);
        }
    }
    (!findings.indexes.is_empty()).then_some(table)
}

fn growth_table(findings: &Findings) -> Option<Table> {
    let mut table = Table::new([
        "database",
        "deliveries",
        "waiting",
        "handled: ms",
        "CPU ms",
        "pruned: ms",
        "CPU ms",
        "recorded: ms",
        "CPU ms",
    ]);
    for (backend, growths) in &findings.growth {
        for growth in growths {
            let [handled, pruned, recorded] = [growth.handled, growth.pruned, growth.recorded];
            table.add([
                backend.to_string(),
                short(growth.deliveries as f64),
                short(growth.waiting as f64),
                short(handled.time),
                short(handled.cpu),
                short(pruned.time),
                short(pruned.cpu),
                short(recorded.time),
                short(recorded.cpu),
            ]);
        }
    }
    (!findings.growth.is_empty()).then_some(table)
}

/// As one speaks of it.
fn name(system: System) -> &'static str {
    match system {
        System::Plugin => "the plugin",
        System::PluginHandling => "the plugin with a handler",
        System::Example => "the example",
        System::HandWritten => "hand-written",
        System::ParseOnly => "stores nothing",
    }
}
