use mojito_schema::{Changes, Field};

use super::{findings, keep, result};
use crate::harness::Host;

const COLUMNS: [&str; 2] = ["score", "ai_analysis_recruiter_score"];

fn scored(id: &str, column: &str, digits: &str) -> Vec<u8> {
    format!(r#"{{"id":"{id}","status":"active","{column}":{digits}}}"#).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_score_is_stored_unrounded_and_prints_as_it_was_sent() {
    let host = Host::builder().start().await;
    let cases = [
        ("4.212", 4.212, "4.212"),
        ("5.12", 5.12, "5.12"),
        ("0.1", 0.1, "0.1"),
        ("5", 5.0, "5.0"),
        ("-3", -3.0, "-3.0"),
        ("100", 100.0, "100.0"),
        ("0", 0.0, "0.0"),
        ("42e-1", 4.2, "4.2"),
        ("1e-400", 0.0, "0.0"),
        ("9007199254740993", 9_007_199_254_740_992.0, "9007199254740992.0"),
        ("3.141592653589793", std::f64::consts::PI, "3.1415926535897931"),
    ];

    for column in COLUMNS {
        for (digits, value, printed) in cases {
            let id = format!("{column} {digits}");
            let delivery = keep(&host, "interview_result", &scored(&id, column, digits)).await;

            let row = result(&host, &id).snapshot;
            let stored = if column == "score" { row.score } else { row.ai_analysis_recruiter_score };
            let text = format!("SELECT CAST({column} AS TEXT) AS value FROM mojito_results WHERE id = '{id}'");
            let found = findings(&delivery);
            assert!(found.as_array().unwrap().iter().all(|finding| finding["field"] != column), "{digits}: {found}");
            assert_eq!(stored, Some(value), "{digits}");
            assert_eq!(host.database.texts(&text), [printed], "{digits}");
        }
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_a_number_is_a_new_version_without_a_change() {
    let host = Host::builder().start().await;
    keep(&host, "interview_result", &scored("r-1", "score", "5")).await;

    let second = keep(&host, "interview_result", &scored("r-1", "score", "5.0")).await;
    let third = keep(&host, "interview_result", &scored("r-1", "score", "5.5")).await;

    assert_eq!((second.version, second.changes), (Some(2), Changes::default()));
    assert_eq!((third.version, third.changes), (Some(3), Changes(vec![Field::Score])));
    host.stop().await;
}
