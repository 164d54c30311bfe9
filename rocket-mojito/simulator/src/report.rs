use crate::verdict::{Arrival, faults};
use crate::{Event, Fault, FaultKind, Ledger, Life, Lives, Mark, Outcome, Receiver, Sent, Tally};

/// The comparison of a ledger with the rows of the receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The posts by their outcome.
    pub tally: Tally,
    /// The number of lives of which anything was sent.
    pub candidates: u64,
    /// The number of results that were asked for.
    pub results: u64,
    /// The number of deliveries that were sent, and never acknowledged.
    pub given_up: u64,
    /// The number of results whose state is not the vendor's last. It is no fault where deliveries overtook another.
    pub behind: u64,
    /// The disagreements, each certain.
    pub faults: Vec<Fault>,
}

impl Report {
    /// The counts of a ledger alone, where the receiver cannot be asked. `results` and `behind` are 0.
    pub fn unchecked(ledger: &Ledger) -> Self {
        let mut report = Self { tally: ledger.tally(), ..Self::default() };
        let lives = Lives::new(ledger.seed);
        for (number, sent) in &ledger.lives {
            report.candidates += 1;
            report.count(&lives.life(*number), sent);
        }
        report
    }

    /// Asks the receiver for the rows of each result in the ledger. It holds one life at a time.
    ///
    /// # Errors
    ///
    /// When the receiver cannot tell.
    pub async fn check<R: Receiver>(ledger: &Ledger, receiver: &R) -> Result<Self, R::Error> {
        let mut report = Self { tally: ledger.tally(), ..Self::default() };
        let lives = Lives::new(ledger.seed);
        for (number, sent) in &ledger.lives {
            let life = lives.life(*number);
            report.candidates += 1;
            report.count(&life, sent);
            report.compare(&life, sent, receiver).await?;
        }
        Ok(report)
    }

    /// Whether nothing is at fault.
    pub fn agrees(&self) -> bool {
        self.faults.is_empty()
    }

    /// Counts the deliveries that were sent and never acknowledged.
    fn count(&mut self, life: &Life, sent: &[Sent]) {
        for place in 0..life.deliveries().len() {
            let mut own = sent.iter().filter(|sent| sent.delivery == place).peekable();
            let is_sent = own.peek().is_some();
            self.given_up += u64::from(is_sent && !own.any(|sent| sent.outcome == Outcome::Acknowledged));
        }
    }

    async fn compare<R: Receiver>(&mut self, life: &Life, sent: &[Sent], receiver: &R) -> Result<(), R::Error> {
        let deliveries = life.deliveries();
        for result_id in life.result_ids() {
            let of_result = |sent: &&Sent| deliveries[sent.delivery].result_id == result_id;
            let own: Vec<&Sent> = sent.iter().filter(of_result).collect();
            let Some(last) = own.iter().map(|sent| sent.delivery).max() else { continue };
            let stored = receiver.stored(result_id).await?;
            let mark = |place: usize| receiver.mark(deliveries[place].event, deliveries[place].body());
            let arrivals: Vec<Arrival> = own
                .iter()
                .filter(|sent| !matches!(sent.outcome, Outcome::Cut(_)))
                .map(|sent| Arrival::new(sent, mark(sent.delivery), deliveries[sent.delivery].event))
                .collect();
            self.results += 1;
            self.behind += u64::from(stored.newest != Some(mark(last)));
            let mut found = faults(&arrivals, &stored);
            let is_cut = |sent: &&&Sent| matches!(sent.outcome, Outcome::Cut(Some(200..300)));
            let cut = own.iter().filter(is_cut).map(|sent| deliveries[sent.delivery].event);
            found.extend(cut.map(|event| (FaultKind::CutAcknowledged, Some(event))));
            let faults = found.into_iter().map(|(kind, event)| Fault { result_id: result_id.to_owned(), kind, event });
            self.faults.extend(faults);
        }
        Ok(())
    }
}

impl Arrival {
    fn new(sent: &Sent, mark: Mark, event: Event) -> Self {
        // An answer other than 2xx says nothing of the delivery: it may still be stored later.
        let ended = match sent.outcome {
            Outcome::Acknowledged | Outcome::Lost(200..300) => sent.ended,
            _ => u64::MAX,
        };
        let is_acknowledged = sent.outcome == Outcome::Acknowledged;
        Self { delivery: sent.delivery, mark, event, began: sent.began, ended, is_acknowledged }
    }
}
