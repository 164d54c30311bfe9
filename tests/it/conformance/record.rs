use std::sync::Arc;
use std::time::Instant;

use mojito_schema::{EventKind, Field, Finding, FindingCode, NewDelivery, Snapshot, Standing, State};

use super::{at, garbled, handler, record, result, said, snapshot_of};
use crate::harness::{Store, TestBackend, on_each_backend, record_all};

on_each_backend!(
    a_first_snapshot_is_version_one_with_work_for_each_handler,
    a_repeat_is_counted_and_nothing_else,
    a_collection_after_the_result_is_late,
    what_nobody_understands_is_quarantined_once,
    a_body_that_comes_back_is_a_recurrence,
    an_overdue_copy_is_a_repeat_whatever_came_since,
    an_overdue_delivery_without_a_copy_is_a_version,
    changes_and_findings_are_kept,
    every_column_of_a_snapshot_comes_back_as_it_was,
    odd_texts_come_back_as_they_were,
    keys_are_compared_byte_for_byte,
    a_late_delivery_is_work_for_those_who_take_it,
    a_batch_of_thousands_is_one_batch,
    a_message_is_a_repeat_whatever_came_since,
    another_message_is_a_version_whatever_it_says,
    an_id_that_is_used_again_is_found_out_and_loses_nothing,
    a_message_that_nobody_understands_is_quarantined_once,
);

async fn a_first_snapshot_is_version_one_with_work_for_each_handler<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let handlers = Arc::new(vec![handler("Desk"), handler("Archive")]);
    let sent = result("r", "a");

    let recorded = record_all::<B>(&mut store.connection, vec![sent.clone()], handlers).await.unwrap();

    let (row, state) = (store.deliveries().await.remove(0), store.result("r").await.unwrap());
    assert_eq!((recorded[0].delivery_id, recorded[0].version), (row.id, Some(1)));
    assert_eq!((row.event, row.standing, row.version), (sent.event(), Standing::Current, Some(1)));
    let expected = (sent.endpoint().to_owned(), sent.secret_id.clone(), sent.received_at);
    assert_eq!((row.endpoint, row.secret_id, row.received_at), expected);
    assert_eq!((row.body.as_deref(), &row.fingerprint[..]), (Some(sent.body()), sent.fingerprint().as_bytes()));
    assert_eq!((state.version, state.delivery_id, state.first_received_at), (1, row.id, sent.received_at));
    let work: Vec<_> = store.work().await.into_iter().map(|work| (work.handler, work.state, work.attempt)).collect();
    assert_eq!(work, [("Archive".to_owned(), State::Pending, 0), ("Desk".to_owned(), State::Pending, 0)]);
}

async fn a_repeat_is_counted_and_nothing_else<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let first = record(&mut store, vec![result("r", "a")]).await;
    let again = result("r", "a");

    let repeats = record(&mut store, vec![again.clone(), again.clone()]).await;

    let row = store.deliveries().await.remove(0);
    assert!(repeats.iter().all(|repeat| repeat.delivery_id == first[0].delivery_id));
    assert!(repeats.iter().all(|repeat| repeat.standing == Standing::Repeat));
    assert_eq!((row.repeat_count, row.last_repeat_at), (2, Some(again.received_at)));
    assert_eq!((store.deliveries().await.len(), store.work().await.len()), (1, 1));
}

async fn a_collection_after_the_result_is_late<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let collected = || said(EventKind::InterviewCollected, "r", "collected");

    let recorded = record(&mut store, vec![result("r", "a"), collected(), collected()]).await;
    let again = record(&mut store, vec![collected()]).await;

    let state = store.result("r").await.unwrap();
    let standings: Vec<_> = recorded.iter().chain(&again).map(|recorded| recorded.standing).collect();
    assert_eq!(standings, [Standing::Current, Standing::Late, Standing::Repeat, Standing::Repeat]);
    assert_eq!((state.version, state.late_delivery_id), (1, Some(recorded[1].delivery_id)));
    assert_eq!(state.snapshot.ai_analysis.as_deref(), Some("a"));
    assert_eq!(store.deliveries().await[1].repeat_count, 2);
}

async fn what_nobody_understands_is_quarantined_once<B: TestBackend>() {
    let mut store = Store::<B>::open().await;

    let recorded = record(&mut store, vec![garbled("?"), garbled("?"), garbled("!")]).await;
    let again = record(&mut store, vec![garbled("?")]).await;

    let rows = store.deliveries().await;
    assert_eq!((rows.len(), rows[0].repeat_count, rows[0].standing), (2, 2, Standing::Quarantined));
    assert_eq!((again[0].delivery_id, again[0].standing), (recorded[0].delivery_id, Standing::Repeat));
    assert!(store.work().await.is_empty() && store.results().await.is_empty());
}

async fn a_body_that_comes_back_is_a_recurrence<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a"), result("r", "b")]).await;

    let recorded = record(&mut store, vec![result("r", "a")]).await;

    let row = store.deliveries().await.remove(2);
    assert_eq!((recorded[0].standing, recorded[0].version), (Standing::Current, Some(3)));
    assert_eq!(row.findings.0, [Finding::new(FindingCode::Recurrence)]);
    assert_eq!(store.result("r").await.unwrap().snapshot.ai_analysis.as_deref(), Some("a"));
}

async fn an_overdue_copy_is_a_repeat_whatever_came_since<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let toggled = ["a", "b", "a", "c"].map(|text| result("r", text));
    let recorded = record(&mut store, toggled.into()).await;

    let overdue = record(&mut store, vec![overdue(result("r", "a"))]).await;

    let newest_copy = recorded[2].delivery_id;
    assert_eq!(
        (overdue[0].delivery_id, overdue[0].standing, overdue[0].version),
        (newest_copy, Standing::Repeat, None)
    );
    assert_eq!(store.deliveries().await.iter().map(|row| row.repeat_count).collect::<Vec<_>>(), [0, 0, 1, 0]);
    assert_eq!(store.result("r").await.unwrap().snapshot.ai_analysis.as_deref(), Some("c"));
}

async fn an_overdue_delivery_without_a_copy_is_a_version<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a")]).await;

    let recorded = record(&mut store, vec![overdue(result("r", "b")), overdue(result("r", "b"))]).await;

    let standings: Vec<_> = recorded.iter().map(|recorded| (recorded.standing, recorded.version)).collect();
    assert_eq!(standings, [(Standing::Current, Some(2)), (Standing::Repeat, None)]);
}

async fn changes_and_findings_are_kept<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let mut snapshot = Snapshot::empty();
    snapshot.score = Some(4.5);
    snapshot.reason = Some("score".to_owned());
    let mut scored = snapshot_of(EventKind::InterviewResult, "r", snapshot, "scored");
    scored.findings = vec![Finding::new(FindingCode::Recurrence)];

    record(&mut store, vec![result("r", "a")]).await;
    record(&mut store, vec![scored.clone()]).await;

    let rows = store.deliveries().await;
    assert_eq!(rows[0].changes.0, [Field::AiAnalysis]);
    assert_eq!(rows[1].changes.0, [Field::Score, Field::AiAnalysis]);
    assert_eq!(rows[1].findings.0, scored.findings);
    let columns = "SELECT changes || ' ' || findings AS value FROM mojito_deliveries ORDER BY id";
    let stored = [r#"["ai_analysis"] []"#, r#"["score","ai_analysis"] [{"code":"recurrence","field":null}]"#];
    assert_eq!(store.texts(columns).await, stored);
}

async fn every_column_of_a_snapshot_comes_back_as_it_was<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let text = |text: &str| Some(text.to_owned());
    let mut full = Snapshot::empty();
    full.interview_id = text("1");
    full.question_set_id = text("2");
    full.status = text("3");
    full.interview_status = text("4");
    full.processing_status = text("5");
    full.profile_interview_id = text("6");
    full.profile_id = text("7");
    full.candidate_external_id = text("8");
    full.candidate_name = text("9");
    full.candidate_email = text("10");
    full.candidate_phone_number = text("11");
    full.score = Some(4.212);
    full.ai_analysis_recruiter_score = Some(f64::MIN_POSITIVE);
    full.ai_analysis = text("12");
    full.ai_analysis_recruiter = text("13");
    full.ai_analysis_recruiter_why_hire = text(r#"["14"]"#);
    full.ai_analysis_recruiter_why_not_hire = text("[]");
    full.recruiter_go_next_round = Some(false);
    full.pdf_export_url = text("https://example.com/15");
    full.reason = text("16");
    full.extra = r#"{"new":1e400,"b":"\u0000"}"#.to_owned();
    let mut next = full.clone();
    next.score = Some(0.1 + 0.2);
    next.ai_analysis_recruiter_score = Some(-1e300);
    next.recruiter_go_next_round = Some(true);

    for (at, snapshot) in [full.clone(), next, Snapshot::empty(), full].into_iter().enumerate() {
        record(&mut store, vec![snapshot_of(EventKind::InterviewResult, "r", snapshot.clone(), &at.to_string())]).await;

        assert_eq!(store.result("r").await.unwrap().snapshot, snapshot);
    }
}

async fn odd_texts_come_back_as_they_were<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let planes: String = (0..=16_u32).filter_map(|plane| char::from_u32(plane * 0x1_0000 + 0xFFFD)).collect();
    let long = "ž".repeat(35_000);
    let texts = ["", " ", "\u{FFFD}", "\u{1}\u{7f}\u{85}", "\u{FEFF}a", "e\u{301}é", "'\"\\%_$1?", &planes, &long];

    for (at, text) in texts.into_iter().enumerate() {
        let id = format!("{text}{at}");
        let batch = vec![result(&id, text)];
        let body = batch[0].body().to_vec();
        record(&mut store, batch).await;

        let state = store.result(&id).await.expect("found by its id");
        assert_eq!(state.snapshot.ai_analysis.as_deref(), Some(text));
        assert_eq!(store.deliveries_of(&id).await[0].body.as_ref(), Some(&body));
    }
}

async fn keys_are_compared_byte_for_byte<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let ids = ["a", "A", "a ", " a", "á", "a\u{301}", "ａ", "ß", "ss", ""];
    let batch: Vec<NewDelivery> = ids.iter().map(|id| result(id, "a")).collect();
    let elsewhere = at("Default", result("a", "a"));

    record(&mut store, batch).await;
    record(&mut store, vec![elsewhere]).await;

    let mut sorted: Vec<&str> = ids.to_vec();
    sorted.sort_unstable();
    sorted.insert(0, "a");
    let stored = store.results().await;
    assert!(stored.iter().all(|state| state.version == 1));
    assert_eq!(stored.iter().map(|state| state.id.as_str()).collect::<Vec<_>>(), sorted);
}

async fn a_late_delivery_is_work_for_those_who_take_it<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let mut thorough = handler("Thorough");
    thorough.takes_late = true;
    let handlers = Arc::new(vec![handler("Plain"), thorough]);
    let batch = vec![result("r", "a"), said(EventKind::InterviewCollected, "r", "b")];

    let recorded = record_all::<B>(&mut store.connection, batch, handlers).await.unwrap();

    let late: Vec<_> = store.work().await.into_iter().filter(|w| w.delivery_id == recorded[1].delivery_id).collect();
    assert_eq!(late.iter().map(|work| work.handler.as_str()).collect::<Vec<_>>(), ["Thorough"]);
}

async fn a_batch_of_thousands_is_one_batch<B: TestBackend>() {
    const SIZE: usize = 2_500;
    let mut store = Store::<B>::open().await;
    let handlers = Arc::new((0..5).map(|n| handler(&format!("Handler {n}"))).collect());
    let batch: Vec<NewDelivery> = (0..SIZE).map(|n| result(&format!("r-{n}"), "a")).collect();

    let recorded = record_all::<B>(&mut store.connection, batch, handlers).await.unwrap();

    assert!(recorded.is_sorted_by_key(|recorded| recorded.delivery_id));
    assert_eq!((store.results().await.len(), store.work().await.len()), (SIZE, 5 * SIZE));
}

/// The same under the id of a gateway.
fn numbered(message: &str, mut delivery: NewDelivery) -> NewDelivery {
    delivery.message_id = Some(message.to_owned());
    delivery
}

/// The same delivery, for which nobody waits any more.
fn overdue(mut delivery: NewDelivery) -> NewDelivery {
    delivery.awaited_until = Some(Instant::now());
    delivery
}

async fn a_message_is_a_repeat_whatever_came_since<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let first = record(&mut store, vec![numbered("m-1", result("r", "a")), numbered("m-2", result("r", "b"))]).await;

    let again = record(&mut store, vec![numbered("m-1", result("r", "a"))]).await;

    let state = store.result("r").await.unwrap();
    assert_eq!((again[0].standing, again[0].delivery_id), (Standing::Repeat, first[0].delivery_id));
    assert_eq!((state.version, state.snapshot.ai_analysis.as_deref()), (2, Some("b")));
    let rows = store.deliveries().await;
    assert_eq!(rows.iter().map(|row| row.message_id.as_deref()).collect::<Vec<_>>(), [Some("m-1"), Some("m-2")]);
    assert_eq!(rows.iter().map(|row| row.repeat_count).collect::<Vec<_>>(), [1, 0]);
}

async fn another_message_is_a_version_whatever_it_says<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let messages = [("m-1", "a"), ("m-2", "a"), ("m-3", "b"), ("m-4", "a")];
    let batch = messages.map(|(message, text)| numbered(message, result("r", text)));

    let recorded = record(&mut store, batch.to_vec()).await;

    let rows = store.deliveries().await;
    assert_eq!(recorded.iter().map(|recorded| recorded.version).collect::<Vec<_>>(), [1, 2, 3, 4].map(Some));
    assert!(rows[1].changes.0.is_empty());
    let findings: Vec<_> = rows.iter().map(|row| row.findings.0.clone()).collect();
    assert_eq!(findings, [vec![], vec![], vec![], vec![Finding::new(FindingCode::Recurrence)]]);
}

async fn an_id_that_is_used_again_is_found_out_and_loses_nothing<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let elsewhere = numbered("m-1", at("other", result("r", "c")));

    record(&mut store, vec![numbered("m-1", result("r", "a"))]).await;
    record(&mut store, vec![numbered("m-1", result("r", "b")), numbered("m-1", result("s", "a"))]).await;
    record(&mut store, vec![elsewhere]).await;

    let rows = store.deliveries().await;
    let findings: Vec<_> = rows.iter().map(|row| row.findings.0.clone()).collect();
    let reused = vec![Finding::new(FindingCode::IdReused)];
    assert_eq!(findings, [vec![], reused.clone(), reused, vec![]]);
    assert!(rows.iter().all(|row| row.standing == Standing::Current), "{rows:?}");
    assert_eq!(store.result("r").await.unwrap().version, 2);
}

async fn a_message_that_nobody_understands_is_quarantined_once<B: TestBackend>() {
    let mut store = Store::<B>::open().await;

    let batch = vec![numbered("m-1", garbled("?")), numbered("m-1", garbled("?")), numbered("m-2", garbled("?"))];
    let standings: Vec<_> = record(&mut store, batch).await.iter().map(|recorded| recorded.standing).collect();

    assert_eq!(standings, [Standing::Quarantined, Standing::Repeat, Standing::Quarantined]);
    assert_eq!(store.deliveries().await.len(), 2);
}
