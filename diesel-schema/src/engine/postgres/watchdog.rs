use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Notices a server that falls silent over a request within a transaction.
///
/// In a transaction of ours the server itself ends a statement that takes longer (`statement_timeout`). If no answer
/// comes then, the server has not heard the statement, or its answer was lost. TCP cannot tell, where a device in
/// between still takes the bytes. Outside of a transaction a statement may take as long as its host likes, and a host
/// that only listens asks nothing.
///
/// It looks at the messages on their way, and at no state of Diesel's, which a host may replace.
pub(super) struct Watchdog {
    limit: Duration,
    sent: Messages,
    received: Messages,
    /// The number of requests that are not answered to their end.
    unanswered: usize,
    is_in_transaction: bool,
    /// The time at which bytes were last on their way.
    since: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Watchdog {
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            // The first message has a length alone.
            sent: Messages { head: [0; 5], known: 1, left: 0 },
            received: Messages { head: [0; 5], known: 0, left: 0 },
            unanswered: 0,
            is_in_transaction: false,
            since: Instant::now(),
            alarm: None,
        }
    }

    /// Takes note of sent bytes. Each query, and each sync after prepared statements, has an answer of its own.
    pub fn sent(&mut self, bytes: &[u8]) {
        let unanswered = &mut self.unanswered;
        self.sent.read(bytes, |kind, _| *unanswered += usize::from(matches!(kind, 0 | b'Q' | b'S' | b'F')));
        self.since = Instant::now();
    }

    /// Takes note of received bytes. An answer ends with whether the session is in a transaction.
    pub fn received(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let Self { unanswered, is_in_transaction, .. } = self;
        self.received.read(bytes, |kind, last| {
            if kind == b'Z' {
                *unanswered = unanswered.saturating_sub(1);
                *is_in_transaction = last != b'I';
            }
        });
        self.since = Instant::now();
    }

    /// Resolves when the server has been silent for longer than the limit.
    pub fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.unanswered == 0 || !self.is_in_transaction {
            self.alarm = None;
            return Poll::Pending;
        }
        let due = self.since + self.limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            // Bytes were on their way since the alarm was set.
            alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}

/// Finds the messages in the bytes of one direction, however they are cut: a kind, a length that counts itself, and so
/// many bytes.
struct Messages {
    head: [u8; 5],
    /// The number of known bytes of the head.
    known: usize,
    /// The number of bytes of the message that are still to come.
    left: usize,
}

impl Messages {
    /// Reports the kind and the last byte of each message that has ended.
    fn read(&mut self, mut bytes: &[u8], mut ended: impl FnMut(u8, u8)) {
        while let Some((&first, rest)) = bytes.split_first() {
            let mut last = 0;
            if self.known < self.head.len() {
                self.head[self.known] = first;
                self.known += 1;
                bytes = rest;
                if self.known < self.head.len() {
                    continue;
                }
                let [_, length @ ..] = self.head;
                self.left = (u32::from_be_bytes(length) as usize).saturating_sub(length.len());
            } else {
                let (here, rest) = bytes.split_at(self.left.min(bytes.len()));
                last = here.last().copied().unwrap_or_default();
                self.left -= here.len();
                bytes = rest;
            }
            if self.left == 0 {
                ended(self.head[0], last);
                self.known = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_fn;

    use super::*;

    /// A watchdog that is patient for no time at all, after the first message of a connection and its answer.
    fn opened() -> Watchdog {
        let mut watchdog = Watchdog::new(Duration::ZERO);
        watchdog.sent(&[0, 0, 0, 8, 0, 3, 0, 0]);
        watchdog.received(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
        watchdog
    }

    #[tokio::test]
    async fn a_statement_of_a_transaction_that_is_not_answered_is_noticed_however_the_messages_are_cut() {
        let mut watchdog = opened();
        for byte in *b"Q\0\0\0\x0aBEGIN\0" {
            watchdog.sent(&[byte]);
        }
        for byte in *b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T" {
            watchdog.received(&[byte]);
        }
        watchdog.sent(b"Q\0\0\0\x0dSELECT 1\0Q\0\0\0\x0bCOMMIT\0");
        watchdog.received(b"Z\0\0\0\x05T");

        // One of two is answered.
        poll_fn(|cx| watchdog.poll_silence(cx)).await;
    }

    #[tokio::test]
    async fn who_asks_nothing_or_is_in_no_transaction_may_wait() {
        let mut in_a_pause = opened();
        in_a_pause.sent(b"Q\0\0\0\x0aBEGIN\0");
        in_a_pause.received(b"Z\0\0\0\x05T");
        let mut listening = opened();
        listening.sent(b"P\0\0\0\x06\0\0S\0\0\0\x04");
        listening.received(b"Z\0\0\0\x05I");
        let mut long = opened();
        long.sent(b"Q\0\0\0\x0bVACUUM\0");

        for mut patient in [in_a_pause, listening, long] {
            assert!(poll_fn(|cx| Poll::Ready(patient.poll_silence(cx).is_pending())).await);
            assert!(patient.alarm.is_none(), "nothing will wake it");
        }
    }
}
