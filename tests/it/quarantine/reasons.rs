use mojito_schema::{EventKind, Standing};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{finding, findings, keep, shown};
use crate::harness::{Body, Host};

/// Checks that each body is quarantined under this finding, and that sent again it is a repeat.
async fn assert_quarantined<B: AsRef<[u8]>>(bodies: impl IntoIterator<Item = B>, code: &str, field: Option<&str>) {
    let host = Host::builder().start().await;
    let mut count = 0;

    for body in bodies {
        let body = body.as_ref();
        let delivery = keep(&host, "interview_result", body).await;
        let again = keep(&host, "interview_result", body).await;

        count += 1;
        assert_eq!(delivery.standing, Standing::Quarantined, "{}", shown(body));
        assert_eq!(delivery.event, EventKind::InterviewResult, "{}", shown(body));
        assert_eq!(delivery.version, None, "{}", shown(body));
        assert_eq!(findings(&delivery), finding(code, field), "{}", shown(body));
        assert_eq!(delivery.repeat_count, 0, "{}", shown(body));
        assert_eq!((again.id, again.repeat_count), (delivery.id, 1), "{}", shown(body));
    }
    assert_eq!(host.database.deliveries().len(), count, "every body is one row");
    assert!(host.database.results().is_empty(), "no state comes of it");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf_8_are_quarantined() {
    let with_name = |name: &[u8]| [br#"{"id":"r-1","candidate_name":""#, name, br#""}"#].concat();
    let bodies = [
        b"\xFF".to_vec(),
        b"\xFF\xFE{\0\"\0i\0d\0\"\0:\x001\0}\0".to_vec(),
        with_name(b"M\xFCller"),
        with_name(b"\xC0\xAF"),
        with_name(b"\xED\xA0\x80"),
        b"{\"id\":\"r-1\",\"unknown\":\"\xF0\x9F\x98\"}".to_vec(),
        b"\x1f\x8b\x08\0\0\0\0\0\0\xffgzip".to_vec(),
    ];

    assert_quarantined(bodies, "not_utf8", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_json_is_quarantined() {
    let bodies = [
        "{",
        "}",
        " ",
        "\n\n",
        "id",
        "<html><body>502 Bad Gateway</body></html>",
        "id=r-1&status=active",
        r#"{"id":"r-1","status":"active""#,
        r#"{"id":"r-1",}"#,
        r#"{"id":"r-1"} {}"#,
        r#"{"id":"r-1"}x"#,
        "{'id':'r-1'}",
        r#"{id:"r-1"}"#,
        r#"{"id":"r-1"/* really */}"#,
        r#"{"id":"r-1","score":NaN}"#,
        r#"{"id":"r-1","score":Infinity}"#,
        r#"{"id":"r-1","score":007}"#,
        r#"{"id":"r-1","score":0x7}"#,
        r#"{"id":"r-1","score":+1}"#,
        r#"{"id":"r-1","score":1.}"#,
        r#"{"id":"r-1","score":.5}"#,
        r#"{"id":"r-1","unknown":1e}"#,
        r#"{"id":"r-1","status":True}"#,
        "{\"id\":\"r-1\",\"candidate_name\":\"a\0b\"}",
        "{\"id\":\"r-1\",\"unknown\":\"a\nb\"}",
        "{\"id\":\"r-1\",\x0c\"status\":\"active\"}",
        "\u{a0}{\"id\":\"r-1\"}",
        r#"{"id":"r-1","unknown":"\x41"}"#,
        r#"{"id":"r-1","unknown":"\u00g0"}"#,
        "[1,]",
        r#""open"#,
        "nul",
    ];

    assert_quarantined(bodies, "not_json", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_object_is_quarantined() {
    let bodies =
        ["[]", r#"["r-1","i-1","i-1","active"]"#, r#"[{"id":"r-1"}]"#, "null", "5", "-1.5e3", r#""r-1""#, " true"];

    assert_quarantined(bodies, "not_object", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_without_a_usable_id_is_quarantined() {
    let with_id = |id: &str| format!(r#"{{"id":{id},"status":"active","interview_status":"completed"}}"#);
    let of_length = |length: usize| format!(r#""{}""#, "x".repeat(length));
    let ids = [
        "null",
        "1",
        "1.5",
        "true",
        "[]",
        r#"["r-1"]"#,
        r#"{"id":"r-1"}"#,
        r#""""#,
        r#"" ""#,
        r#""\t""#,
        r#""\u3000""#,
        r#""a\u0000b""#,
        r#""a\nb""#,
        r#""a\u001fb""#,
        r#""\u007f""#,
        r#""a\u0085b""#,
        r#""\ud83d""#,
        r#""a\ude00b""#,
        r#""\ude00\ud83d""#,
    ];
    let of_two_bytes = format!(r#""{}""#, "ü".repeat(101));
    let mut bodies: Vec<String> = ids.into_iter().map(with_id).collect();
    bodies.extend([with_id(&of_length(201)), with_id(&of_length(10_000)), with_id(&of_two_bytes)]);
    bodies
        .extend(["{}", r#"{"ID":"r-1"}"#, r#"{"table":"interview_result","record":{"id":"r-1"}}"#].map(str::to_owned));

    assert_quarantined(bodies, "bad_id", Some("id")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_id_is_200_bytes() {
    let host = Host::builder().start().await;
    let ids =
        ["x".repeat(200), "ü".repeat(100), "x".to_owned(), "\u{202e}r\u{200b}".to_owned(), "r\u{fffd}".to_owned()];

    for id in ids {
        let delivery = keep(&host, "interview_result", &Body::result(&id).bytes()).await;

        assert_eq!(delivery.standing, Standing::Current);
        assert_eq!(delivery.result_id.as_deref(), Some(id.as_str()));
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_key_that_stands_twice_is_quarantined_and_named() {
    let of_status = [
        r#"{"id":"r-1","status":"active","status":"draft"}"#,
        r#"{"id":"r-1","status":"active","status":"active"}"#,
        r#"{"id":"r-1","status":"active","\u0073tatus":"draft"}"#,
        r#"{"id":"r-1","stat\u0075s":null,"\u0073tatus":null}"#,
    ];
    let of_id = [r#"{"id":"r-1","id":"r-2"}"#, r#"{"id":"r-1","\u0069d":"r-1"}"#, r#"{"id":null,"id":"r-1"}"#];

    assert_quarantined(of_status, "duplicate_key", Some("status")).await;
    assert_quarantined(of_id, "duplicate_key", Some("id")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_nested_deeper_than_64_is_quarantined() {
    let nested = |levels: usize| format!(r#"{{"id":"r-1","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let in_known =
        format!(r#"{{"id":"r-1","ai_analysis_recruiter_why_hire":{}1{}}}"#, r#"{"a":"#.repeat(64), "}".repeat(64));

    assert_quarantined([nested(64), nested(100_000), in_known], "too_deep", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_64_levels_is_understood() {
    let host = Host::builder().start().await;
    let inner = format!("{}{}", "[".repeat(63), "]".repeat(63));
    let body = format!(r#"{{"id":"r-1","x":{inner},"text":"{}"}}"#, "[".repeat(100));

    let delivery = keep(&host, "interview_result", body.as_bytes()).await;

    assert_eq!(delivery.standing, Standing::Current);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_quarantined() {
    let body = [b"\xEF\xBB\xBF".as_slice(), &Body::result("r-1").bytes()].concat();

    assert_quarantined([body, b"\xEF\xBB\xBF".to_vec()], "byte_order_mark", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_neither_path_nor_body_tells_is_quarantined() {
    let host = Host::builder().start().await;
    let bodies = [
        Body::result("r-1").with("status", "archived"),
        Body::result("r-1").with("interview_status", "ongoing"),
        Body::result("r-1").with("interview_status", "completedly"),
        Body::result("r-1").with("interview_status", "Failed"),
        Body::result("r-1").with("interview_status", 5),
        Body::result("r-1").without("status"),
        Body::result("r-1").without("interview_status"),
    ];

    for body in bodies {
        let delivery = keep(&host, "", &body.bytes()).await;
        let again = keep(&host, "", &body.bytes()).await;

        assert_eq!(delivery.standing, Standing::Quarantined);
        assert_eq!(delivery.event, EventKind::Unknown);
        assert_eq!(delivery.result_id.as_deref(), Some("r-1"));
        assert_eq!(findings(&delivery), finding("unknown_event", None));
        assert_eq!((again.id, again.repeat_count), (delivery.id, 1));
    }
    assert!(host.database.results().is_empty());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_on_the_combined_route_is_of_no_event() {
    let host = Host::builder().start().await;

    let delivery = keep(&host, "", b"not json").await;
    let on_a_path = keep(&host, "interview_failed", b"not json").await;

    assert_eq!((delivery.event, on_a_path.event), (EventKind::Unknown, EventKind::InterviewFailed));
    assert_ne!(delivery.id, on_a_path.id, "another event is another delivery");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_quarantined_leaves_the_state_of_its_result() {
    let host = Host::builder().start().await;
    let first = keep(&host, "interview_result", &Body::result("r-1").bytes()).await;

    keep(&host, "interview_result", br#"{"id":"r-1","score":1,"score":2}"#).await;
    let second = keep(&host, "interview_result", &Body::result("r-1").with("score", 1).bytes()).await;

    assert_eq!((first.version, second.version), (Some(1), Some(2)), "versions have no gaps");
    host.stop().await;
}

/// No body that is authentic, complete and small enough is ever answered anything but 200.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_bytes_they_are_kept() {
    let host = Host::builder().start().await;
    let word = "[a-z_]{0,3}|id|score|status|candidate_name|extra|ai_analysis_recruiter_why_hire";
    let text = r#"([ -!#-\[\]-~]|\\n|\\u0000|\\ud83d|\\ude00|\\u00e9|é|😀|\x7f|\u{2028}|\\/|\\"){0,8}"#;
    let scalar = format!(r#"null|true|-?(0|[1-9][0-9]{{0,20}})(\.[0-9]{{1,4}})?([eE][+-]?[0-9]{{1,3}})?|"({text})""#);
    let value = format!(r"{scalar}|\[({scalar})?\]|\[({scalar}), ?({scalar})\]");
    let member = format!(r#""({word})" ?: ?({value})"#);
    let object = format!(r#"\{{"id":"r-[0-9]"(,{member}){{0,5}}\}}"#);
    let bytes = prop::collection::vec(any::<u8>(), 1..40);
    let body =
        prop_oneof![bytes, prop::string::bytes_regex(&object).unwrap(), prop::string::bytes_regex(&value).unwrap()];
    let mut runner = TestRunner::default();

    for _ in 0..150 {
        let body = body.new_tree(&mut runner).unwrap().current();
        for event in ["", "interview_collected"] {
            let answer = host.post(event, &body).await;
            assert_eq!(answer.status, 200, "{event}: {}", String::from_utf8_lossy(&body));
        }
    }
    host.stop().await;
}
