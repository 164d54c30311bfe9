use rocket::response::stream::{Event, EventStream};
use rocket::{Shutdown, State, get};

use crate::visitor::Visitor;
use crate::watcher::Watcher;

/// Tells the page how far the tables have come: at once, and whenever they change. The stream ends at shutdown.
///
/// An event carries a mark and nothing else. A page that shows another mark fetches itself again.
#[get("/events")]
pub(super) fn stream(_visitor: Visitor, watcher: &State<Watcher>, mut shutdown: Shutdown) -> EventStream![] {
    let mut marks = watcher.listen();
    EventStream! {
        loop {
            tokio::select! {
                _ = &mut shutdown => break,
                changed = marks.changed() => if changed.is_err() { break },
            }
            let mark = marks.borrow_and_update().clone();
            if let Some(mark) = mark {
                yield Event::data(mark.to_string());
            }
        }
    }
}
