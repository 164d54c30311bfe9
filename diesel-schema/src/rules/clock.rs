use std::time::Duration;

use crate::Timestamp;
use crate::schema::clock_readings::ClockReading;

/// The least age of a reading that confirms the clock.
const CONFIRMATION: Duration = Duration::from_secs(24 * 3600);

/// The age of the latest reading at which another reading is stored.
const READING_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// The clock that decides which deliveries are old enough to be removed, with its readings of earlier days.
///
/// One reading alone removes nothing: a clock may be years ahead for three seconds. A clock that has been ahead for a
/// day is believed.
#[derive(Debug, Clone)]
pub struct Clock {
    now: Timestamp,
    /// In stored order.
    readings: Vec<ClockReading>,
}

/// The bounds that tell which deliveries are old enough to be removed.
///
/// `received_at` is a reading too: of the clock of the process that received the delivery. Where it cannot be true, the
/// stored readings before and after the delivery decide in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// Deliveries that were received before this moment are old.
    pub(crate) before: Timestamp,
    /// A `received_at` later than this cannot be true.
    pub(crate) now: Timestamp,
    /// Deliveries after this id were stored too late to be old. If such a delivery has an earlier `received_at` than a
    /// delivery up to this id, the clock of its process was behind.
    pub(crate) trusted_up_to: i64,
    /// Deliveries up to this id were stored early enough to be old.
    pub(crate) old_up_to: i64,
}

impl Expiry {
    /// Deliveries that were received before this moment are old.
    pub fn cutoff(&self) -> Timestamp {
        self.before
    }

    /// The deliveries that were received before a moment, regardless of the readings.
    pub fn before(moment: Timestamp) -> Self {
        Self { before: moment, now: Timestamp::MAX, trusted_up_to: i64::MAX, old_up_to: 0 }
    }
}

impl Clock {
    pub(crate) fn new(now: Timestamp, readings: Vec<ClockReading>) -> Self {
        Self { now, readings }
    }

    /// The deliveries older than `age` by the present reading alone.
    pub fn expiry(&self, age: Duration) -> Expiry {
        Expiry { trusted_up_to: i64::MAX, ..self.expiry_at(self.now, age) }
    }

    /// The deliveries older than `age` by two readings: the present one, and one that was stored at least a day before.
    /// `None` without such a reading. So each delivery stays for up to thirty hours longer.
    pub fn confirmed_expiry(&self, age: Duration) -> Option<Expiry> {
        Some(self.expiry_at(self.confirmed()?, age))
    }

    fn expiry_at(&self, moment: Timestamp, age: Duration) -> Expiry {
        let before = moment.before(age);
        let young = self.readings.iter().filter(|reading| reading.at >= before && reading.at <= self.now);
        let trusted_up_to = young.map(|reading| reading.last_delivery_id).min().unwrap_or(i64::MAX);
        let old = self.sound().filter(|reading| reading.at < before);
        let old_up_to = old.map(|reading| reading.last_delivery_id).max().unwrap_or(0);
        Expiry { before, now: self.now, trusted_up_to, old_up_to }
    }

    /// The newest reading of at least a day before. A reading was wrong if a later stored one lies before it.
    fn confirmed(&self) -> Option<Timestamp> {
        let mut earliest = self.now;
        let latest_first = self.readings.iter().rev().map(|reading| reading.at);
        let mut uncontradicted = latest_first.filter(|at| {
            earliest = earliest.min(*at);
            *at == earliest
        });
        uncontradicted.find(|at| *at <= self.now.before(CONFIRMATION))
    }

    /// The readings that no other reading contradicts: none stored earlier lies after it, none stored later lies before
    /// it.
    fn sound(&self) -> impl Iterator<Item = &ClockReading> {
        let is_sound = |place: usize| {
            let at = self.readings[place].at;
            let (earlier, later) = self.readings.split_at(place);
            at <= self.now && earlier.iter().all(|other| other.at <= at) && later.iter().all(|other| other.at >= at)
        };
        (0..self.readings.len()).filter(move |place| is_sound(*place)).map(|place| &self.readings[place])
    }

    /// The reading to store now, if the latest one is too old, or lies ahead of this clock.
    pub(crate) fn reading(&self, last_delivery_id: i64) -> Option<ClockReading> {
        let (now, latest) = (self.now, self.readings.last());
        let is_fresh = latest.is_some_and(|latest| latest.at <= now && latest.at > now.before(READING_INTERVAL));
        let number = latest.map_or(1, |latest| latest.number + 1);
        (!is_fresh).then_some(ClockReading { number, at: now, last_delivery_id })
    }

    /// The numbers of the readings that no decision needs any more, where every delivery is removed after
    /// `longest_age`.
    ///
    /// Readings ahead of the clock go as well, once the clock is confirmed. Until then the present reading may be the
    /// wrong one.
    pub(crate) fn useless(&self, longest_age: Duration) -> Vec<i64> {
        let Some(confirmed) = self.confirmed() else { return Vec::new() };
        let before = confirmed.before(longest_age);
        // The newest old reading still tells which deliveries are old.
        let newest_old = self.sound().map(|reading| reading.at).filter(|at| *at < before).max();
        let is_useless = |reading: &&ClockReading| {
            reading.at > self.now || newest_old.is_some_and(|newest_old| reading.at < newest_old)
        };
        self.readings.iter().filter(is_useless).map(|reading| reading.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn day(day: u32) -> Timestamp {
        Timestamp::MIN.after(800_000 * DAY).after(day * DAY)
    }

    /// A clock that reads `now`, with readings stored in this order: the moment, and the newest delivery.
    fn clock(now: Timestamp, readings: &[(Timestamp, i64)]) -> Clock {
        let numbered = readings.iter().zip(1..);
        let readings = numbered.map(|(&(at, last_delivery_id), number)| ClockReading { number, at, last_delivery_id });
        Clock::new(now, readings.collect())
    }

    #[test]
    fn a_clock_is_confirmed_by_a_reading_of_at_least_a_day_before() {
        let cases = [
            (day(10), vec![], None),
            (day(10), vec![day(9).after(HOUR)], None),
            (day(10), vec![day(9)], Some(day(9))),
            (day(10), vec![day(2), day(8), day(9).after(HOUR)], Some(day(8))),
            // Ahead for a moment, and still ahead an hour later.
            (day(1_000), vec![day(8), day(9)], Some(day(9))),
            (day(1_000).after(HOUR), vec![day(9), day(1_000)], Some(day(9))),
            // Ahead twice, and further the second time.
            (day(2_000), vec![day(9), day(1_000), day(10)], Some(day(10))),
            // Ahead for a day: it is believed.
            (day(1_001), vec![day(9), day(1_000)], Some(day(1_000))),
            // Behind for a moment: the reading contradicts those stored before it.
            (day(10), vec![day(8), day(1), day(10)], Some(day(1))),
            (day(11), vec![day(8), day(1), day(10)], Some(day(10))),
        ];

        for (now, stored, confirmed) in cases {
            let readings: Vec<(Timestamp, i64)> = stored.iter().map(|at| (*at, 0)).collect();

            assert_eq!(clock(now, &readings).confirmed(), confirmed, "{stored:?}");
        }
    }

    #[test]
    fn what_is_due_is_due_by_both_readings() {
        let expiry = clock(day(1_000), &[(day(8), 5), (day(9), 7)]).confirmed_expiry(7 * DAY).unwrap();

        assert_eq!(expiry.before, day(2));
        assert_eq!(clock(day(1_000), &[(day(8), 5)]).expiry(7 * DAY).before, day(993));
    }

    #[test]
    fn readings_say_between_which_moments_a_delivery_was_stored() {
        let readings = [(day(1), 10), (day(5), 50), (day(9), 90)];

        let expiry = clock(day(12), &readings).confirmed_expiry(5 * DAY).unwrap();
        let at_once = clock(day(12), &readings).expiry(5 * DAY);

        assert_eq!((expiry.before, expiry.trusted_up_to, expiry.old_up_to), (day(4), 50, 10));
        assert_eq!((at_once.before, at_once.trusted_up_to, at_once.old_up_to), (day(7), i64::MAX, 50));
    }

    #[test]
    fn a_reading_at_the_bound_itself_makes_nothing_old() {
        let readings = [(day(1), 10), (day(5), 50), (day(9), 90)];

        let expiry = clock(day(12), &readings).confirmed_expiry(4 * DAY).unwrap();

        assert_eq!((expiry.before, expiry.trusted_up_to, expiry.old_up_to), (day(5), 50, 10));
        assert_eq!((expiry.cutoff(), expiry.now), (day(5), day(12)));
    }

    #[test]
    fn the_reading_of_this_moment_is_kept() {
        let readings = [(day(1), 0), (day(19), 0), (day(20), 0)];

        assert_eq!(clock(day(20), &readings).useless(30 * DAY), [0; 0]);
    }

    #[test]
    fn a_reading_that_others_contradict_makes_nothing_old() {
        // The second reading was taken while the clock was behind.
        let readings = [(day(100), 10), (day(1), 20), (day(101), 30), (day(103), 40)];

        let expiry = clock(day(104), &readings).confirmed_expiry(20 * DAY).unwrap();

        assert_eq!((expiry.trusted_up_to, expiry.old_up_to), (10, 0));
    }

    #[test]
    fn a_reading_is_stored_once_in_six_hours_and_whenever_the_clock_has_moved() {
        let is_stored = |now: Timestamp, latest: Timestamp| clock(now, &[(latest, 1)]).reading(2).is_some();

        assert!(clock(day(1), &[]).reading(0).is_some());
        assert!(!is_stored(day(1).after(5 * HOUR), day(1)));
        assert!(is_stored(day(1).after(6 * HOUR), day(1)));
        assert!(is_stored(day(1), day(1).after(HOUR)));
        assert_eq!(clock(day(2), &[(day(1), 1)]).reading(7).unwrap().number, 2);
    }

    #[test]
    fn readings_are_kept_for_as_long_as_anything_is_and_what_lies_ahead_goes_once_the_clock_is_confirmed() {
        let readings = [(day(1), 0), (day(2), 0), (day(8), 0), (day(1_000), 0), (day(9), 0)];

        assert_eq!(clock(day(20), &readings).useless(HOUR), [1, 2, 4]);
        assert_eq!(clock(day(20), &readings).useless(DAY), [1, 4]);
        assert_eq!(clock(day(20), &readings).useless(12 * DAY), [4]);
        assert_eq!(clock(day(1), &readings).useless(DAY), [0; 0]);
    }
}
