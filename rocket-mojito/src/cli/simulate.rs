use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use indicatif::ProgressBar;
use mojito_simulator::{Fault, Lives, Plan, Receiver, Report, Simulation};
use rocket::serde::Serialize;
use rocket::tokio;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::rows::cell;
use super::sending::Sending;
use super::stored::StoredRows;
use super::target::Target;
use super::trigger::random_seed;

/// The interval between two moves of the bar.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The number of tries for a delivery that is not acknowledged, a second apart.
const MAX_ATTEMPTS: u32 = 5;

/// A share in percent.
fn percent() -> RangedU64ValueParser<u8> {
    RangedU64ValueParser::new().range(0..=100)
}

#[derive(Args)]
pub(super) struct Simulate {
    /// The seed: the same one is the same deliveries. Else a new one, which the report names
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The number of candidates
    #[arg(long, value_name = "N", default_value_t = 100)]
    candidates: u64,
    /// The most posts in each second; else no limit
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// The number of candidates whose deliveries are sent at the same time
    #[arg(long, value_name = "N", default_value_t = 8)]
    senders: u16,
    /// Percent of deliveries that are sent again although they were acknowledged
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = percent())]
    duplicates: u8,
    /// Percent of deliveries that are overtaken by the next one
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = percent())]
    reordered: u8,
    /// Percent of deliveries that are sent at the same time as the next one
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = percent())]
    together: u8,
    /// Percent of deliveries whose first answer is lost
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = percent())]
    lost: u8,
    /// Percent of deliveries whose body is cut the first time
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = percent())]
    cut: u8,
    /// Do not compare: the receiver has another database than this one
    #[arg(long)]
    unchecked: bool,
    #[command(flatten)]
    sending: Sending,
}

/// The end of a simulation as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct ReportDocument {
    seed: u64,
    candidates: u64,
    posts: u64,
    acknowledged: u64,
    lost_answers: u64,
    refused: u64,
    unanswered: u64,
    cut_bodies: u64,
    given_up: u64,
    results: u64,
    behind: u64,
    is_checked: bool,
    is_cancelled: bool,
    faults: Vec<FaultDocument>,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct FaultDocument {
    result: String,
    fault: &'static str,
    event: Option<&'static str>,
}

impl Simulate {
    pub(super) async fn run(self, target: &Target, output: &Output) -> Result<Exit, Failure> {
        let receiver = self.sending.receiver(target)?;
        let seed = self.seed.map_or_else(random_seed, Ok)?;
        let rows = StoredRows { inbox: &target.inbox, endpoint: &self.sending.endpoint };
        if !self.unchecked {
            self.check_seed(seed, &rows).await?;
        }
        let simulation = Simulation::new(self.plan(seed), receiver);
        let is_cancelled = self.watch(&simulation, output).await?;
        let ledger = simulation.ledger();
        let report = if self.unchecked { Report::unchecked(&ledger) } else { Report::check(&ledger, &rows).await? };
        let document = ReportDocument::new(seed, &report, !self.unchecked, is_cancelled);
        output.answer(&document, || document.lines())?;
        if !document.faults.is_empty() {
            output.note("")?;
            output.table(&["result", "fault", "event"], &document.faults, |row| {
                vec![row.result.clone(), row.fault.to_owned(), cell(row.event)]
            })?;
        }
        Ok(if is_cancelled {
            Exit::Cancelled
        } else if report.agrees() && report.given_up == 0 {
            Exit::Done
        } else {
            Exit::Partly
        })
    }

    fn plan(&self, seed: u64) -> Plan {
        let plan = Plan::new(seed)
            .attempts(MAX_ATTEMPTS)
            .candidates(self.candidates)
            .senders(self.senders.into())
            .duplicates(self.duplicates)
            .reordered(self.reordered)
            .together(self.together)
            .lost(self.lost)
            .cut(self.cut);
        self.rate.map_or(plan.clone(), |rate| plan.per_second(rate))
    }

    /// Refuses a seed whose deliveries are stored already: rows of two runs cannot be told apart.
    async fn check_seed(&self, seed: u64, rows: &StoredRows<'_>) -> Result<(), Failure> {
        let first = Lives::new(seed).life(0);
        for result_id in first.result_ids() {
            if !rows.stored(result_id).await?.deliveries.is_empty() {
                let remedy = "take another, or none";
                return Err(Failure::Usage(format!("the deliveries of seed {seed} are stored already: {remedy}")));
            }
        }
        Ok(())
    }

    /// Carries the simulation out, with a bar on a terminal. Whether Ctrl-C ended it between two steps.
    async fn watch(&self, simulation: &Simulation, output: &Output) -> Result<bool, Failure> {
        let bar = if output.has_bar() { ProgressBar::new(self.candidates) } else { ProgressBar::hidden() };
        let (mut run, mut interrupt) = (pin!(simulation.run()), pin!(tokio::signal::ctrl_c()));
        let mut is_cancelled = false;
        loop {
            tokio::select! {
                () = &mut run => {
                    bar.finish_and_clear();
                    return Ok(is_cancelled);
                }
                _ = &mut interrupt, if !is_cancelled => {
                    is_cancelled = true;
                    simulation.stop();
                    output.note("cancelled: the report is about the steps so far")?;
                }
                () = tokio::time::sleep(LOOK_INTERVAL), if !bar.is_hidden() => bar.set_position(simulation.lives_done()),
            }
        }
    }
}

impl ReportDocument {
    fn new(seed: u64, report: &Report, is_checked: bool, is_cancelled: bool) -> Self {
        let tally = report.tally;
        let fault = |fault: &Fault| {
            let event = fault.event.map(mojito_simulator::Event::as_str);
            FaultDocument { result: fault.result_id.clone(), fault: fault.kind.as_str(), event }
        };
        Self {
            seed,
            candidates: report.candidates,
            posts: tally.posts,
            acknowledged: tally.acknowledged,
            lost_answers: tally.lost,
            refused: tally.refused,
            unanswered: tally.unanswered,
            cut_bodies: tally.cut,
            given_up: report.given_up,
            results: report.results,
            behind: report.behind,
            is_checked,
            is_cancelled,
            faults: report.faults.iter().map(fault).collect(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let verdict = match self.faults.len() {
            _ if !self.is_checked => "not compared with this database".to_owned(),
            0 => format!("the database agrees with what was acknowledged, in {} results", self.results),
            faults => format!("{faults} faults in {} results", self.results),
        };
        let mut lines = vec![
            format!("seed {}: {} candidates, {} posts", self.seed, self.candidates, self.posts),
            format!(
                "acknowledged {}, answers lost {}, bodies cut {}, refused {}, unanswered {}",
                self.acknowledged, self.lost_answers, self.cut_bodies, self.refused, self.unanswered
            ),
            verdict,
        ];
        if self.given_up > 0 {
            lines.push(format!("{} deliveries were never acknowledged", self.given_up));
        }
        if self.behind > 0 {
            lines.push(format!("{} results are behind the vendor, by what overtook them on the way", self.behind));
        }
        lines
    }
}
