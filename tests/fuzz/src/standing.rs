use std::collections::HashMap;

use mojito_schema::internals::Memory;
use mojito_schema::{
    Content, EventKind, Field, Finding, FindingCode, HandlerSpec, NewDelivery, Snapshot, Standing, Timestamp, Versions,
};

use super::oracle::{Expected, Oracle, Sent};

/// The first byte is the size of a batch; each other is a delivery of a history about two results, which is recorded
/// batch by batch, and judged as the oracle judges it.
pub fn standing(input: &[u8]) {
    let Some((size, history)) = input.split_first() else { return };
    let history: Vec<(usize, Sent)> = history.iter().take(64).map(|byte| sent(*byte)).collect();
    let handlers = ["all", "late"].map(|name| HandlerSpec {
        name: name.to_owned(),
        takes_late: name == "late",
        wants: Versions::Every,
        max_attempts: 3,
        has_erased_hook: false,
    });
    let deliveries: Vec<NewDelivery> = history.iter().map(|(result, sent)| delivery(*result, *sent)).collect();

    let mut memory = Memory::default();
    let mut recorded = Vec::new();
    for batch in deliveries.chunks(usize::from(size % 16) + 1) {
        recorded.extend(memory.record(batch, &handlers, Timestamp::MIN));
    }

    let mut oracles = [Oracle::default(), Oracle::default()];
    // For each result, the ids of what was stored about it.
    let mut ids: [Vec<i64>; 2] = Default::default();
    let mut repeats: HashMap<i64, i64> = HashMap::new();
    for ((result, sent), recorded) in history.iter().zip(&recorded) {
        let expected = oracles[*result].expect(*sent);
        assert_eq!((recorded.standing, recorded.version), (expected.standing, expected.version));
        if expected.standing == Standing::Repeat {
            assert_eq!(recorded.delivery_id, ids[*result][expected.stored]);
            *repeats.entry(recorded.delivery_id).or_default() += 1;
            continue;
        }
        assert_eq!(expected.stored, ids[*result].len());
        ids[*result].push(recorded.delivery_id);
        check_stored(&memory, recorded.delivery_id, &expected);
    }
    let all: Vec<i64> = memory.deliveries().iter().map(|stored| stored.id).collect();
    assert_eq!(all, (1..=all.len() as i64).collect::<Vec<_>>(), "one row for each, in stored order");
    assert_eq!(ids.iter().map(Vec::len).sum::<usize>(), all.len());
    for stored in memory.deliveries() {
        assert_eq!(stored.repeat_count, repeats.get(&stored.id).copied().unwrap_or(0));
    }
    for (result, oracle) in oracles.iter().enumerate() {
        let state = memory.result("default", &result.to_string());
        let state = state.map(|state| (state.event, marker(&state.snapshot), state.version));
        assert_eq!(state, oracle.state());
    }
}

fn check_stored(memory: &Memory, id: i64, expected: &Expected) {
    let stored = memory.deliveries().iter().find(|stored| stored.id == id).expect("it is stored");
    let is_recurrence = stored.findings.contains(&Finding::new(FindingCode::Recurrence));
    let has_changed = stored.changes.contains(&Field::AiAnalysis);
    let handlers: &[&str] = match expected.standing {
        Standing::Current => &["all", "late"],
        Standing::Late => &["late"],
        _ => &[],
    };
    assert_eq!((stored.standing, stored.version), (expected.standing, expected.version));
    let is_reused = stored.findings.contains(&Finding::new(FindingCode::IdReused));
    assert_eq!((is_recurrence, has_changed), (expected.is_recurrence, expected.has_changed));
    assert_eq!(is_reused, expected.is_reused);
    assert_eq!(stored.handlers, handlers);
}

/// Which result a byte is about, and what it says.
fn sent(byte: u8) -> (usize, Sent) {
    let (event, body, message, rest) = (byte % 3, byte / 3 % 4, byte / 12 % 4, byte / 48);
    let sent = Sent {
        event: EventKind::ALL[usize::from(event)],
        body,
        is_usable: rest < 4,
        message: (message > 0).then_some(message),
    };
    (usize::from(rest % 2), sent)
}

fn marker(state: &Snapshot) -> u8 {
    state.ai_analysis.as_deref().and_then(|text| text.parse().ok()).expect("a marker")
}

fn delivery(result: usize, sent: Sent) -> NewDelivery {
    let body = format!("{result} {} {} {}", sent.event, sent.body, sent.is_usable).into_bytes();
    let content = match sent.is_usable {
        true => {
            let mut snapshot = Snapshot::empty();
            snapshot.ai_analysis = Some(sent.body.to_string());
            Content::Usable { result_id: result.to_string(), snapshot: Box::new(snapshot) }
        }
        false => Content::Unusable { result_id: Some(result.to_string()) },
    };
    let mut delivery =
        NewDelivery::new("default".to_owned(), "test".to_owned(), sent.event, Timestamp::MIN, body, content);
    delivery.message_id = sent.message.map(|number| format!("{result}-{number}"));
    delivery
}
