use std::fmt;

use crate::{Event, Mark, Stored};

/// A disagreement between a receiver's rows and the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The result. It was invented, as was everything about it.
    pub result_id: String,
    /// The kind of fault.
    pub kind: FaultKind,
    /// The event of the delivery in question, where it is one that was sent.
    pub event: Option<Event>,
}

/// The kind of a [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// A delivery was acknowledged, and is not stored.
    Lost,
    /// A delivery is stored more often than it can have come anew.
    Doubled,
    /// The state is not one that the acknowledgements allow: a newer one was acknowledged after it.
    Outdated,
    /// A delivery is stored that was never sent.
    Foreign,
    /// A body that was cut was acknowledged.
    CutAcknowledged,
}

impl FaultKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Outdated => "outdated",
            Self::Foreign => "foreign",
            Self::CutAcknowledged => "cut_acknowledged",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One post of a whole body about a result, as the receiver may have met it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The delivery, by its place in the life. Another delivery may have the same mark: a decision that is toggled back.
    pub delivery: usize,
    pub mark: Mark,
    pub event: Event,
    /// It did not come before this moment.
    pub began: u64,
    /// It did not come after this moment. The end of time where the sender does not know whether it came.
    pub ended: u64,
    pub is_acknowledged: bool,
}

impl Arrival {
    /// Whether it came before the other one, whatever the network did.
    fn is_before(&self, other: &Self) -> bool {
        self.ended < other.began
    }

    /// Whether it can have come before the other one.
    fn may_precede(&self, other: &Self) -> bool {
        !other.is_before(self)
    }
}

/// The faults of a receiver's rows about one result. Each is certain: no order of arrival explains it.
pub(crate) fn faults(arrivals: &[Arrival], stored: &Stored) -> Vec<(FaultKind, Option<Event>)> {
    let mut faults = Vec::new();
    let mut marks: Vec<&Arrival> = Vec::new();
    for arrival in arrivals {
        if !marks.iter().any(|known| known.mark == arrival.mark) {
            marks.push(arrival);
        }
    }
    for one in &marks {
        let own: Vec<&Arrival> = arrivals.iter().filter(|arrival| arrival.mark == one.mark).collect();
        let copies = stored.deliveries.iter().filter(|mark| **mark == one.mark).count();
        if copies == 0 && own.iter().any(|arrival| arrival.is_acknowledged) {
            faults.push((FaultKind::Lost, Some(one.event)));
        }
        if copies > most_copies(arrivals, own) {
            faults.push((FaultKind::Doubled, Some(one.event)));
        }
    }
    let is_known = |mark: &Mark| marks.iter().any(|known| known.mark == *mark);
    faults.extend(stored.deliveries.iter().filter(|mark| !is_known(mark)).map(|_| (FaultKind::Foreign, None)));
    match stored.newest.filter(is_known) {
        Some(newest) if is_outdated(arrivals, newest) => {
            let event = marks.iter().find(|known| known.mark == newest).map(|known| known.event);
            faults.push((FaultKind::Outdated, event));
        }
        None if arrivals.iter().any(|arrival| arrival.is_acknowledged) => faults.push((FaultKind::Outdated, None)),
        _ => {}
    }
    faults
}

/// The number of times that a body can have come anew: at first, and whenever another body came in between. Another
/// delivery with the same bytes counts too, since it has a message id of its own.
fn most_copies(arrivals: &[Arrival], mut own: Vec<&Arrival>) -> usize {
    own.sort_by_key(|arrival| arrival.began);
    let is_between = |pair: &&[&Arrival]| {
        let mut others = arrivals.iter().filter(|other| other.mark != pair[0].mark);
        others.any(|other| pair[0].may_precede(other) && other.may_precede(pair[1]))
    };
    1 + own.windows(2).filter(|pair| pair[0].delivery != pair[1].delivery || is_between(pair)).count()
}

/// Whether every arrival of this body was followed by one that replaced it, for certain.
fn is_outdated(arrivals: &[Arrival], newest: Mark) -> bool {
    let mut own = arrivals.iter().filter(|arrival| arrival.mark == newest);
    own.all(|arrival| is_replaced(arrivals, arrival) || is_late(arrivals, arrival))
}

/// Whether another delivery was acknowledged that came later for certain, and replaces this one.
fn is_replaced(arrivals: &[Arrival], one: &Arrival) -> bool {
    let later = arrivals.iter().filter(|other| other.mark != one.mark && other.is_acknowledged);
    // A copy of an older delivery may bring it back or not: a receiver that knows the message's id knows better.
    let is_new = |other: &&Arrival| {
        arrivals.iter().filter(|copy| copy.delivery == other.delivery).all(|copy| one.is_before(copy))
    };
    // A collected one that comes after the result takes nothing back.
    let replaces = |other: &Arrival| other.event != Event::Collected || one.event != Event::Result;
    later.filter(is_new).any(replaces)
}

/// Whether a collected one came after a result for certain, with nothing in between that withdrew it.
fn is_late(arrivals: &[Arrival], one: &Arrival) -> bool {
    let is_withdrawn = |result: &Arrival| {
        let mut failed = arrivals.iter().filter(|other| other.event == Event::Failed);
        failed.any(|other| result.may_precede(other) && other.may_precede(one))
    };
    let results = arrivals.iter().filter(|other| other.event == Event::Result && other.is_acknowledged);
    one.event == Event::Collected && results.filter(|result| result.is_before(one)).any(|result| !is_withdrawn(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACK: bool = true;

    fn mark(body: u8) -> Mark {
        Mark::new([body; 32])
    }

    /// A result that was acknowledged within these moments.
    fn result(delivery: usize, body: u8, began: u64, ended: u64) -> Arrival {
        Arrival { delivery, mark: mark(body), event: Event::Result, began, ended, is_acknowledged: ACK }
    }

    fn of(event: Event, arrival: Arrival) -> Arrival {
        Arrival { event, ..arrival }
    }

    fn unknown(arrival: Arrival) -> Arrival {
        Arrival { ended: u64::MAX, is_acknowledged: !ACK, ..arrival }
    }

    /// The kinds of fault of a receiver that has these rows, of which the last is its state.
    fn kinds(arrivals: &[Arrival], rows: &[u8]) -> Vec<FaultKind> {
        let deliveries: Vec<Mark> = rows.iter().copied().map(mark).collect();
        let newest = deliveries.last().copied();
        faults(arrivals, &Stored { deliveries, newest }).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn the_rows_of_a_receiver_that_keeps_everything_in_order_agree() {
        let sent = [result(0, 1, 0, 1), result(1, 2, 2, 3), result(1, 2, 4, 5), result(2, 3, 6, 7)];

        assert_eq!(kinds(&sent, &[1, 2, 3]), []);
    }

    #[test]
    fn an_acknowledged_delivery_without_a_row_is_lost() {
        let sent = [result(0, 1, 0, 1), result(1, 2, 2, 3)];

        assert_eq!(kinds(&sent, &[2]), [FaultKind::Lost]);
        assert_eq!(kinds(&sent, &[1]), [FaultKind::Lost, FaultKind::Outdated]);
        assert_eq!(kinds(&sent, &[]), [FaultKind::Lost, FaultKind::Lost, FaultKind::Outdated]);
    }

    #[test]
    fn a_refused_delivery_may_be_stored_or_not() {
        let sent = [result(0, 1, 0, 1), unknown(result(1, 2, 2, 3))];

        assert_eq!(kinds(&sent, &[1]), []);
        assert_eq!(kinds(&sent, &[1, 2]), []);
        assert_eq!(kinds(&sent, &[2, 1]), [], "it may have come first");
    }

    #[test]
    fn a_row_for_each_copy_is_doubled_unless_another_body_came_between() {
        let copies = [result(0, 1, 0, 1), result(0, 1, 2, 3)];
        let toggled = [result(0, 1, 0, 1), result(1, 2, 2, 3), result(2, 1, 4, 5)];
        let beside = [result(0, 1, 0, 9), result(0, 1, 1, 8), result(1, 2, 2, 7)];

        assert_eq!(kinds(&copies, &[1, 1]), [FaultKind::Doubled]);
        assert_eq!(kinds(&toggled, &[1, 2, 1]), []);
        assert_eq!(kinds(&toggled, &[1, 1, 2, 1]), [FaultKind::Doubled]);
        assert_eq!(kinds(&beside, &[1, 2, 1]), []);
        let overtaken = [toggled[0], result(2, 1, 2, 3), result(1, 2, 4, 5)];
        assert_eq!(kinds(&overtaken, &[1, 1, 2]), [], "two messages with the same bytes");
    }

    #[test]
    fn a_change_back_that_is_dropped_leaves_the_state_outdated() {
        let toggled = [result(0, 1, 0, 1), result(1, 2, 2, 3), result(2, 1, 4, 5)];

        assert_eq!(kinds(&toggled, &[1, 2]), [FaultKind::Outdated]);
    }

    #[test]
    fn an_old_copy_may_bring_its_delivery_back_or_not() {
        let sent = [result(0, 1, 0, 1), result(1, 2, 2, 3), result(0, 1, 4, 5)];

        assert_eq!(kinds(&sent, &[1, 2, 1]), []);
        assert_eq!(kinds(&sent, &[1, 2]), []);
    }

    #[test]
    fn deliveries_that_were_sent_together_may_end_in_either_order() {
        let sent = [result(0, 1, 0, 3), result(1, 2, 1, 2)];

        assert_eq!(kinds(&sent, &[1, 2]), []);
        assert_eq!(kinds(&sent, &[2, 1]), []);
    }

    #[test]
    fn a_late_collected_delivery_takes_nothing_back() {
        let late = [result(0, 1, 0, 1), of(Event::Collected, result(1, 2, 2, 3))];
        let failed = of(Event::Failed, result(2, 3, 4, 5));
        let again = of(Event::Collected, result(3, 4, 6, 7));

        assert_eq!(kinds(&late, &[2, 1]), []);
        assert_eq!(kinds(&late, &[1, 2]), [FaultKind::Outdated]);
        assert_eq!(kinds(&[late[0], failed, again], &[1, 3, 4]), []);
    }

    #[test]
    fn a_row_that_was_never_sent_is_foreign() {
        assert_eq!(kinds(&[result(0, 1, 0, 1)], &[9, 1]), [FaultKind::Foreign]);
    }
}
