use std::collections::HashMap;

use mojito_schema::QueryResult;
use rocket_mojito::{Finding, Timestamp};

use super::labels;
use crate::database::DbConnection;
use crate::moment::Moment;
use crate::notice::Notice;
use crate::tables::deliveries::HistoryRow;
use crate::tables::{deliveries, events, notices};

/// The deliveries about a result, newest first, each with the desk's entries and notices.
pub(super) struct History {
    pub entries: Vec<Entry>,
    pub is_cut: bool,
}

/// One delivery.
pub(super) struct Entry {
    pub delivery_id: i64,
    pub event: &'static str,
    pub version: Option<i64>,
    pub standing: Option<&'static str>,
    pub received: Moment,
    pub handled: Vec<Moment>,
    pub repeats: i64,
    pub last_repeat: Option<Moment>,
    pub notices: Vec<&'static str>,
    pub changes: Vec<&'static str>,
    pub findings: Vec<String>,
}

impl History {
    pub async fn read(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<Self> {
        let rows = deliveries::history(c, endpoint, result_id).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let handled = by_delivery(events::handled(c, &ids).await?);
        let noticed = by_delivery(notices::of_result(c, endpoint, result_id).await?);
        let is_cut = i64::try_from(rows.len()).is_ok_and(|len| len == deliveries::HISTORY);
        let entries = rows.into_iter().map(|row| Entry::new(row, &handled, &noticed)).collect();
        Ok(Self { entries, is_cut })
    }
}

impl Entry {
    fn new(row: HistoryRow, handled: &HashMap<i64, Vec<Timestamp>>, noticed: &HashMap<i64, Vec<Notice>>) -> Self {
        let of_this = |moments: &Vec<Timestamp>| moments.iter().copied().map(Moment).collect();
        Self {
            delivery_id: row.id,
            event: labels::event(row.event),
            version: row.version,
            standing: labels::standing(row.standing),
            received: Moment(row.received_at),
            handled: handled.get(&row.id).map(of_this).unwrap_or_default(),
            repeats: row.repeat_count,
            last_repeat: row.last_repeat_at.map(Moment),
            notices: noticed.get(&row.id).into_iter().flatten().copied().map(Notice::label).collect(),
            changes: row.changes.0.into_iter().map(labels::field).collect(),
            findings: row.findings.0.into_iter().map(finding).collect(),
        }
    }
}

pub(super) fn finding(finding: Finding) -> String {
    let about = labels::finding(finding.code);
    match finding.field {
        Some(field) => format!("{}: {about}", labels::field(field)),
        None => about.to_owned(),
    }
}

fn by_delivery<T>(rows: Vec<(i64, T)>) -> HashMap<i64, Vec<T>> {
    let mut grouped: HashMap<i64, Vec<T>> = HashMap::new();
    for (delivery, value) in rows {
        grouped.entry(delivery).or_default().push(value);
    }
    grouped
}
