use mojito_schema::{Field, FindingCode};

use super::Case;
use super::case::about_r_1;

const SCORES: [Field; 2] = [Field::Score, Field::AiAnalysisRecruiterScore];

/// Numbers that fit no double, or only nearly.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let digits = "9".repeat(1_000);
    for number in ["1e400", "-1e400", "1E+400", "17976931348623159e292", &digits] {
        cases.extend(SCORES.map(|field| {
            let case = Case::current("J08", body(field.as_str(), number));
            case.finding(FindingCode::OutOfRange, Some(field)).column(field, None)
        }));
        let extra = format!(r#"{{"unknown":{number}}}"#);
        cases.push(Case::current("J08", body("unknown", number)).extra(extra));
    }
    let pi = "3.14159265358979323846264338327950288";
    let numbers = [
        ("4.212", 4.212),
        ("5", 5.0),
        ("5.0", 5.0),
        ("-3", -3.0),
        ("42e-1", 4.2),
        ("1e-400", 0.0),
        ("-1e-400", 0.0),
        ("-0.0", 0.0),
        ("0", 0.0),
        ("-0", 0.0),
        ("0E9", 0.0),
        ("5e-324", 5e-324),
        ("0.1", 0.1),
        ("0.100000000000000000000000000001", 0.1),
        ("9007199254740993", 9_007_199_254_740_992.0),
        (pi, std::f64::consts::PI),
        ("1.7976931348623157e308", f64::MAX),
    ];
    for (number, double) in numbers {
        let printed = double.to_string();
        cases.extend(
            SCORES.map(|field| Case::current("J09", body(field.as_str(), number)).column(field, Some(&printed))),
        );
        let extra = format!(r#"{{"unknown":{number}}}"#);
        cases.push(Case::current("J09", body("unknown", number)).extra(extra));
    }
    cases
}

fn body(key: &str, number: &str) -> String {
    about_r_1(&format!(r#""{key}":{number}"#))
}
