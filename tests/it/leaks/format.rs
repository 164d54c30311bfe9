use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::canary::{requests, shows};
use crate::harness::{Host, Log};

/// Where a subscriber writes to, to be read later.
#[derive(Clone, Default)]
struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl LogBuffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogBuffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Plays the run on this thread, under the subscriber that is set there.
async fn play() -> u64 {
    let deadline = std::time::Duration::from_millis(50);
    let host = Host::builder().config(|config| config.body_deadline(deadline)).start().await;
    let mut expected = 0;
    for told in requests() {
        let answer = host.send(&told.bytes).await;
        assert_eq!(answer.status, told.status, "{}", told.line);
        // A request that reaches no route of ours, or only learns which methods there are, is no event.
        expected += u64::from(![404, 405].contains(&answer.status));
    }
    host.stop().await;
    expected
}

// Shows F97.
/// F97.
#[tokio::test]
async fn an_event_is_a_line_of_text() {
    Log::install();
    let buffer = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(buffer.clone());
    let guard = tracing::subscriber::set_default(subscriber.with_ansi(false).finish());

    let expected = play().await;

    drop(guard);
    let text = buffer.text();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains(" rocket_mojito")).collect();
    assert_eq!(Log::told(ours.iter().copied(), "a delivery was re"), expected, "{text}");
    assert!(ours.iter().all(|line| !line.contains(char::is_control) && !shows(line)), "{ours:#?}");
}

// Shows F97.
#[tokio::test]
async fn an_event_is_a_line_of_json() {
    Log::install();
    let buffer = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(buffer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());

    let expected = play().await;

    drop(guard);
    let text = buffer.text();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours = |event: &&serde_json::Value| event["target"].as_str().unwrap().starts_with("rocket_mojito");
    let ours: Vec<&serde_json::Value> = events.iter().filter(ours).collect();
    let told =
        ours.iter().filter(|event| event["fields"]["message"].as_str().unwrap().starts_with("a delivery was re"));
    let told = told.map(|event| 1 + event["fields"]["left_out"].as_u64().unwrap_or_default());
    assert_eq!(told.sum::<u64>(), expected, "{text}");
    assert!(ours.iter().all(|event| !shows(&event.to_string())), "{ours:#?}");
}
