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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::{Course, Stored};

    /// A receiver that has stored these deliveries of a life, the last of which is the state.
    struct Rows<'l>(&'l Life, &'l [usize]);

    impl Receiver for Rows<'_> {
        type Error = Infallible;

        async fn stored(&self, result_id: &str) -> Result<Stored, Infallible> {
            let rows = self.1.iter().map(|place| &self.0.deliveries()[*place]);
            let own = rows.filter(|delivery| delivery.result_id == result_id);
            let deliveries: Vec<Mark> = own.map(|delivery| self.mark(delivery.event, delivery.body())).collect();
            Ok(Stored { newest: deliveries.last().copied(), deliveries })
        }
    }

    /// A life of one result, with three deliveries at least.
    fn life() -> Life {
        let is_long = |life: &Life| life.course == Course::Decided && life.deliveries().len() >= 3;
        Lives::new(1).iter().find(is_long).expect("there are many")
    }

    /// The report on posts of a life, each of a delivery with its outcome, one after another.
    async fn report(posts: &[(usize, Outcome)], rows: &[usize]) -> Report {
        let (life, mut ledger) = (life(), Ledger::new(1));
        for (moment, (delivery, outcome)) in (0..).zip(posts) {
            ledger.enter(life.number, Sent::new(*delivery, 2 * moment, 2 * moment + 1, *outcome));
        }
        let report = Report::check(&ledger, &Rows(&life, rows)).await.unwrap();
        let unchecked = Report::unchecked(&ledger);
        assert_eq!((unchecked.tally, unchecked.given_up), (report.tally, report.given_up));
        report
    }

    #[tokio::test]
    async fn a_delivery_is_given_up_where_no_post_of_it_was_acknowledged() {
        let ack = Outcome::Acknowledged;

        let none = report(&[(0, Outcome::Cut(Some(400))), (0, ack), (1, Outcome::Lost(200)), (1, ack)], &[0, 1]).await;
        let one = report(&[(0, Outcome::Refused(503)), (1, Outcome::Unanswered), (1, ack)], &[0, 1]).await;

        assert_eq!((none.given_up, none.behind, none.results, none.candidates), (0, 0, 1, 1));
        assert!(none.agrees() && one.agrees(), "{none:?}, {one:?}");
        assert_eq!(one.given_up, 1);
        assert_eq!((one.tally.posts, one.tally.refused, one.tally.unanswered, one.tally.acknowledged), (3, 1, 1, 1));
    }

    #[tokio::test]
    async fn a_result_that_an_overtaken_delivery_left_behind_is_counted_and_no_fault() {
        let overtaken = report(&[(2, Outcome::Acknowledged), (1, Outcome::Acknowledged)], &[2, 1]).await;

        assert!(overtaken.agrees(), "{overtaken:?}");
        assert_eq!(overtaken.behind, 1);
    }

    #[tokio::test]
    async fn an_acknowledged_half_is_a_fault() {
        let cut = report(&[(0, Outcome::Cut(Some(200))), (0, Outcome::Acknowledged)], &[0]).await;

        assert_eq!(cut.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FaultKind::CutAcknowledged]);
    }
}
