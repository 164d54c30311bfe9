use mojito_schema::{Content, EventKind, NewDelivery, Snapshot, Timestamp};

/// A delivery to the default endpoint, received now.
pub(crate) fn delivery(event: EventKind, body: impl Into<Vec<u8>>, content: Content) -> NewDelivery {
    NewDelivery::new("default".to_owned(), "test".to_owned(), event, Timestamp::now(), body.into(), content)
}

/// A delivery with this snapshot; `text` makes its bytes different from others.
pub(crate) fn snapshot_of(event: EventKind, result: &str, snapshot: Snapshot, text: &str) -> NewDelivery {
    let content = Content::Usable { result_id: result.to_owned(), snapshot: Box::new(snapshot) };
    delivery(event, format!("{result} {text}"), content)
}

/// A delivery about a result whose analysis is this text.
pub(crate) fn said(event: EventKind, result: &str, text: &str) -> NewDelivery {
    let mut snapshot = Snapshot::empty();
    snapshot.ai_analysis = Some(text.to_owned());
    snapshot_of(event, result, snapshot, text)
}

/// The usual event.
pub(crate) fn result(result: &str, text: &str) -> NewDelivery {
    said(EventKind::InterviewResult, result, text)
}

/// A delivery that nobody understands.
pub(crate) fn garbled(text: &str) -> NewDelivery {
    delivery(EventKind::Unknown, text, Content::Unusable { result_id: None })
}
