use crate::bench::Bench;
use crate::findings::Findings;
use crate::measure::{Backlog, Blocked, Case, Delay, Footprint, Growth, Indexes, Speed};
use crate::options::{Options, Part};
use crate::report::Spread;
use crate::system::{Backend, System};

/// Measures what is asked for, and says each figure as it comes.
pub(crate) fn run(bench: &Bench, options: &Options) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    speed(bench, options, &mut findings)?;
    for &backend in &options.backends {
        if options.parts.contains(&Part::Memory) {
            let footprint = Footprint::measure(backend, bench, options.watch)?;
            println!("{backend}: {footprint:?}");
            findings.footprint.insert(backend, footprint);
        }
        if options.parts.contains(&Part::Dispatch) {
            dispatch(backend, bench, options, &mut findings)?;
        }
        if options.parts.contains(&Part::Blocked) {
            blocked(backend, bench, options, &mut findings)?;
        }
        if options.parts.contains(&Part::Indexes) {
            indexes(backend, bench, options, &mut findings)?;
        }
        if options.parts.contains(&Part::Growth) {
            for &size in &options.sizes {
                let growth = Growth::measure(backend, bench, size, options.length)?;
                println!("{backend}: {growth:?}");
                findings.growth.entry(backend).or_default().push(growth);
            }
        }
    }
    Ok(findings)
}

/// In each round every system under every load, one after the other: what disturbs the machine for a while disturbs
/// all of them.
fn speed(bench: &Bench, options: &Options, findings: &mut Findings) -> anyhow::Result<()> {
    let cases = cases(options);
    if !cases.is_empty() {
        println!("\n{}", Speed::HEADS);
    }
    for _ in 0..options.rounds {
        for &case in &cases {
            let speed = case.measure(bench, options.length)?;
            println!("{}", speed.line(case));
            findings.speed.entry(case).or_default().push(speed);
        }
    }
    Ok(())
}

fn cases(options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    for &backend in &options.backends {
        let modes = [(Part::Speed, false, &options.connections), (Part::Repeats, true, &options.repeat_connections)];
        for (part, has_repeats, connections) in modes {
            for &connections in connections.iter().filter(|_| options.parts.contains(&part)) {
                for &system in &options.systems {
                    // What stores nothing is the same beside every database, and knows no repeats.
                    let is_ceiling = system == System::ParseOnly;
                    let is_left_out = is_ceiling && (has_repeats || options.is_quick && connections < 64);
                    if !is_left_out && (!is_ceiling || backend == Backend::Sqlite) {
                        cases.push(Case { backend, has_repeats, connections, system });
                    }
                }
            }
        }
    }
    cases
}

/// In each round every number of lines, free and blocked.
fn blocked(backend: Backend, bench: &Bench, options: &Options, findings: &mut Findings) -> anyhow::Result<()> {
    for _ in 0..options.rounds {
        for &lines in &options.lines {
            let measure = |is_blocked| Blocked::measure(backend, bench, lines, is_blocked, options.length);
            let (free, blocked) = (measure(false)?, measure(true)?);
            println!("{backend}: free {free:?}\n{backend}: blocked {blocked:?}");
            findings.blocked.entry((backend, blocked.deliveries)).or_default().push((free, blocked));
        }
    }
    Ok(())
}

/// In each round with the operators' indexes, and without.
fn indexes(backend: Backend, bench: &Bench, options: &Options, findings: &mut Findings) -> anyhow::Result<()> {
    for _ in 0..options.rounds {
        let measure = |are_there| Indexes::measure(backend, bench, are_there, options.length);
        let (with, without) = (measure(true)?, measure(false)?);
        println!("{backend}: indexes {with:?}\n{backend}: none {without:?}");
        findings.indexes.entry(backend).or_default().push((with, without));
    }
    Ok(())
}

fn dispatch(backend: Backend, bench: &Bench, options: &Options, findings: &mut Findings) -> anyhow::Result<()> {
    for _ in 0..options.backlogs {
        let backlog = Backlog::measure(backend, bench, options.backlog)?;
        println!("{backend}: {backlog:?}");
        findings.backlog.entry(backend).or_default().push(backlog);
    }
    // What was written and removed before would still keep the disk busy.
    rustix::fs::sync();
    let (length, pace) = options.delay;
    let idle = Delay::measure(backend, bench, pace, length)?;
    println!("{backend}: idle {idle:?}");
    findings.idle.insert(backend, idle);
    if options.is_quick {
        return Ok(());
    }
    // What can be recorded and handled at the same time, by the same machine.
    let backlogs = findings.backlog[&backend].iter();
    let both = Spread::of(backlogs.map(|b| 1.0 / (1.0 / b.recorded + 1.0 / b.handled))).expect("a backlog");
    let half_load = Delay::measure(backend, bench, both.median / 2.0, length)?;
    println!("{backend}: half load {half_load:?}");
    findings.half_load.insert(backend, half_load);
    Ok(())
}
