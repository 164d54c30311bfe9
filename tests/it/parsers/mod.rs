//! Other parsers beside the plugin's reading of a body: `serde_json` into a `Value`, `jiter`, and Python's `json`.

mod bodies;
mod difference;
mod parser;
mod tree;

use mojito_schema::EventKind;
use rocket_mojito::internals::Understood;

use self::bodies::Bodies;
use self::difference::{Difference, compare};
use self::parser::{Parser, Parsers};
use crate::harness::{rounds, seed};

/// Every difference that each parser may have, with a body that shows it.
fn differences() -> Vec<(Difference, Parser, Vec<u8>)> {
    let result = |member: &str| format!(r#"{{"id":"r","status":"active",{member}}}"#).into_bytes();
    let deep = format!(r#"{{"reason":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    let long_number = result(&format!(r#""x":{}"#, "9".repeat(4_301)));
    let lone_surrogate = result(r#""reason":"\ud83d""#);
    vec![
        (Difference::ByteOrderMark, Parser::Python, b"\xef\xbb\xbf{}".to_vec()),
        (Difference::Encoding, Parser::Python, b"{\0}\0".to_vec()),
        (Difference::EncodedSurrogate, Parser::Python, b"{\"reason\":\"\xed\xa0\x80\"}".to_vec()),
        (Difference::NoNumber, Parser::Python, result(r#""score":-Infinity"#)),
        (Difference::LoneSurrogate, Parser::Serde, lone_surrogate.clone()),
        (Difference::LoneSurrogate, Parser::Jiter, lone_surrogate),
        (Difference::Depth, Parser::Serde, deep.clone()),
        (Difference::Depth, Parser::Jiter, deep.clone()),
        (Difference::Depth, Parser::Python, deep),
        (Difference::Range, Parser::Serde, result(r#""score":1e400"#)),
        (Difference::Range, Parser::Jiter, long_number.clone()),
        (Difference::Range, Parser::Python, long_number),
        (Difference::Duplicate, Parser::Serde, result(r#""score":1,"score":2"#)),
        (Difference::LastBits, Parser::Serde, result(r#""score":122.416294033786585"#)),
    ]
}

// Shows F93.
#[test]
fn each_difference_between_parsers_is_shown_by_a_body() {
    let mut parsers = Parsers::start();

    for (difference, parser, body) in differences() {
        let found = compare(&mut parsers, parser, &body, &read(&body));

        assert_eq!(found, Ok(Some(difference)), "{parser:?}: {}", shown(&body));
    }
}

// Shows F93.
#[test]
fn a_body_is_read_as_other_parsers_read_it_but_for_the_differences_of_the_list() {
    let (mut parsers, mut bodies) = (Parsers::start(), Bodies::new(seed()));
    let listed = differences();
    let is_listed = |difference, parser| listed.iter().any(|row| (row.0, row.1) == (difference, parser));
    let mut same = 0;

    for _ in 0..rounds(3_000, 1_000_000) {
        let body = bodies.next();
        let ours = read(&body);
        for parser in Parser::ALL {
            match compare(&mut parsers, parser, &body, &ours) {
                Ok(None) => same += 1,
                Ok(Some(difference)) => {
                    assert!(is_listed(difference, parser), "{parser:?}: {difference:?}: {}", shown(&body));
                }
                Err(difference) => panic!("{parser:?}: {difference}: {}", shown(&body)),
            }
        }
    }

    assert!(same > 0);
}

fn read(body: &[u8]) -> Understood {
    Understood::new(Some(EventKind::InterviewResult), body)
}

fn shown(body: &[u8]) -> String {
    body.escape_ascii().to_string()
}
