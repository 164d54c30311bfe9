use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::system::{Backend, System};

/// What is measured, and how long.
pub(crate) struct Options {
    pub backends: Vec<Backend>,
    pub parts: BTreeSet<Part>,
    pub systems: Vec<System>,
    pub connections: Vec<usize>,
    /// Of the mode with repeats.
    pub repeat_connections: Vec<usize>,
    pub rounds: usize,
    /// How long each system is measured under each load.
    pub length: Duration,
    /// How long memory is looked at.
    pub watch: Duration,
    /// How often, and how many deliveries wait for the handler.
    pub backlogs: usize,
    pub backlog: u64,
    /// How long the delay to the handler is measured, at how many deliveries in a second.
    pub delay: (Duration, f64),
    /// How many results wait behind a delivery that has failed.
    pub lines: Vec<u64>,
    /// The sizes of the database.
    pub sizes: Vec<u64>,
    /// How long an fsync lasts at least.
    pub fsync: Duration,
    pub seed: u64,
    /// What says little is left out, and a gross loss is a failure.
    pub is_quick: bool,
    /// Which section of the document, and its plot, is written anew.
    pub written: Option<Section>,
}

/// A part of the document: where the databases were.
#[derive(Clone, Copy)]
pub(crate) enum Section {
    Disk,
    /// Where an fsync costs nothing but the delay that is added.
    Memory,
}

/// One question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Speed,
    Repeats,
    Memory,
    Dispatch,
    Blocked,
    Indexes,
    Growth,
}

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut arguments = arguments.peekable();
        let mut options = match arguments.next_if(|first| first == "--quick") {
            Some(_) => Self::quick(),
            None => Self::full(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{name} has no value"))?;
            options.set(&name, &value).with_context(|| format!("{name} {value}"))?;
        }
        Ok(options)
    }

    fn full() -> Self {
        Self {
            backends: Backend::ALL.into(),
            parts: Part::ALL.iter().map(|(_, part)| *part).collect(),
            systems: vec![System::Example, System::Plugin, System::HandWritten, System::ParseOnly],
            connections: vec![1, 16, 64, 256],
            repeat_connections: vec![64],
            rounds: 5,
            length: Duration::from_secs(5),
            watch: Duration::from_secs(60),
            backlogs: 3,
            backlog: 30_000,
            delay: (Duration::from_secs(15), 20.0),
            lines: vec![200, 2_000, 20_000],
            sizes: vec![1_000, 10_000, 100_000, 1_000_000],
            fsync: Duration::from_millis(1),
            seed: fastrand::u64(..),
            is_quick: false,
            written: None,
        }
    }

    /// Less than two minutes, on a machine that others use too.
    fn quick() -> Self {
        Self {
            parts: BTreeSet::from([Part::Speed, Part::Dispatch]),
            connections: vec![1, 64, 256],
            rounds: 2,
            length: Duration::from_secs(1),
            backlogs: 1,
            backlog: 3_000,
            delay: (Duration::from_secs(3), 50.0),
            is_quick: true,
            ..Self::full()
        }
    }

    fn set(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        match name {
            "--backend" => self.backends = list(value, &Backend::ALL.map(|backend| (backend.name(), backend)))?,
            "--system" => self.systems = list(value, &System::ALL.map(|system| (system.name(), system)))?,
            "--part" => self.parts = list(value, &Part::ALL)?.into_iter().collect(),
            "--connections" => {
                self.connections = numbers(value)?;
                self.repeat_connections.clone_from(&self.connections);
            }
            "--rounds" => self.rounds = value.parse()?,
            "--seconds" => self.length = Duration::try_from_secs_f64(value.parse()?)?,
            "--watch" => self.watch = Duration::try_from_secs_f64(value.parse()?)?,
            "--backlog" => self.backlog = value.parse()?,
            "--lines" => self.lines = numbers(value)?,
            "--sizes" => self.sizes = numbers(value)?,
            "--fsync" => self.fsync = Duration::try_from_secs_f64(value.parse::<f64>()? / 1000.0)?,
            "--seed" => self.seed = value.parse()?,
            "--write" => self.written = list(value, &Section::ALL)?.pop(),
            _ => bail!("no option has this name: see tests/bench"),
        }
        Ok(())
    }
}

impl Section {
    const ALL: [(&'static str, Self); 2] = [("disk", Self::Disk), ("memory", Self::Memory)];

    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
        }
    }
}

impl Part {
    const ALL: [(&'static str, Self); 7] = [
        ("speed", Self::Speed),
        ("repeats", Self::Repeats),
        ("memory", Self::Memory),
        ("dispatch", Self::Dispatch),
        ("blocked", Self::Blocked),
        ("indexes", Self::Indexes),
        ("growth", Self::Growth),
    ];
}

fn list<T: Copy>(value: &str, known: &[(&str, T)]) -> anyhow::Result<Vec<T>> {
    let find = |name: &str| {
        let (_, found) = known.iter().find(|(known, _)| *known == name).with_context(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            format!("`{name}` is none of {}", names.join(", "))
        })?;
        anyhow::Ok(*found)
    };
    value.split(',').map(find).collect()
}

fn numbers<T: std::str::FromStr<Err = std::num::ParseIntError>>(value: &str) -> anyhow::Result<Vec<T>> {
    Ok(value.split(',').map(str::parse).collect::<Result<_, _>>()?)
}
