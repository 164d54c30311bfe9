use std::collections::BTreeSet;

use super::{content, requests};
use crate::checkout::Checkout;

/// Rows that take more than one connection, or another configuration: each is a test of its own.
const TESTS: [(&str, &str, &str); 12] = [
    ("H12", "launch/secrets.rs", "a_secret_that_can_be_guessed_or_never_sent_stops_the_launch"),
    ("H12", "launch/endpoints.rs", "one_secret_on_two_endpoints_stops_the_launch"),
    ("H37", "corpus/requests/conduct.rs", "the_same_bytes_a_hundred_times_at_once_become_one_version"),
    ("H38", "http/stopping.rs", "a_delivery_that_ends_after_the_shutdown_began_is_refused_or_kept_never_both"),
    ("H38", "http/unavailable.rs", "what_is_not_committed_in_time_is_refused_and_neither_lost_nor_doubled"),
    ("H38", "http/unavailable.rs", "what_finds_the_queue_full_is_refused_at_once_and_what_is_in_it_is_recorded"),
    ("H38", "http/unavailable.rs", "a_store_that_is_broken_refuses_and_one_that_is_repaired_takes"),
    ("H39", "http/unavailable.rs", "a_paused_endpoint_keeps_nothing_and_asks_to_come_back_at_times_that_differ"),
    ("H40", "corpus/requests/conduct.rs", "a_handler_that_panics_is_not_the_senders_business"),
    ("H41", "corpus/requests/conduct.rs", "a_client_may_deliver_as_much_as_it_has"),
    ("H42", "corpus/requests/conduct.rs", "the_address_of_a_client_does_not_matter"),
    ("J30", "quarantine/reasons.rs", "whatever_the_bytes_they_are_kept"),
];

fn rows(letter: char, last: u32) -> BTreeSet<String> {
    (1..=last).map(|number| format!("{letter}{number:02}")).collect()
}

// Shows P2, F95.
#[test]
fn every_row_about_bodies_is_tried() {
    let tried: BTreeSet<String> = content::cases().iter().map(|case| case.row.to_owned()).collect();

    assert_eq!(tried, rows('J', 30));
}

// Shows F95.
#[test]
fn every_row_about_requests_is_tried() {
    let cases = requests::cases();

    let in_tables = cases.iter().map(|case| case.row);
    let in_tests = TESTS.iter().map(|(row, _, _)| *row).filter(|row| row.starts_with('H'));

    assert_eq!(in_tables.chain(in_tests).map(str::to_owned).collect::<BTreeSet<_>>(), rows('H', 42));
}

#[test]
fn every_test_of_a_row_is_there() {
    let is_there = |(_, file, test): &&(&str, &str, &str)| {
        let text = Checkout::read(&format!("tests/it/{file}"));
        text.contains(&format!("#[tokio::test(flavor = \"multi_thread\")]\nasync fn {test}()"))
            || text.contains(&format!("#[tokio::test]\nasync fn {test}()"))
    };

    let lost: Vec<_> = TESTS.iter().filter(|test| !is_there(test)).collect();

    assert!(lost.is_empty(), "{lost:?}");
}
