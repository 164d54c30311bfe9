#[path = "../../../rocket-mojito/examples/forward_to_nats.rs"]
#[expect(dead_code, reason = "an example has a `main`, which is not called here")]
mod example;

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use rocket_mojito::testing::TestInbox;
use rocket_mojito::{Event, EventKind};
use serde_json::Value;
use tempfile::TempDir;

use super::{LEASE, settings};
use crate::harness::found;

/// A server of NATS with JetStream, on a port of its own. It is killed when it is dropped.
struct Nats {
    child: Child,
    folder: TempDir,
}

impl Nats {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let child = Command::new("nats-server")
            .env("PATH", format!("{path}:/usr/sbin"))
            .args(["--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir", ".", "--ports_file_dir", "."])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("`nats-server` is installed, as `tests/run` does");
        Self { child, folder }
    }

    /// Its address, which it writes to a file once it listens.
    async fn url(&self) -> String {
        let file = self.folder.path().join(format!("nats-server_{}.ports", self.child.id()));
        found("a broker that listens", || {
            let ports: Value = serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()?;
            Some(ports["nats"][0].as_str()?.to_owned())
        })
        .await
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_handed_on_twice_is_one_message_with_its_key() {
    let nats = Nats::start();
    let url = nats.url().await;
    let broker = jetstream::new(async_nats::connect(&url).await.unwrap());
    let (name, subjects) = ("interviews".to_owned(), vec!["interviews.>".to_owned()]);
    let window = Duration::from_secs(48 * 60 * 60);
    let config = stream::Config { name, subjects, duplicate_window: window, ..stream::Config::default() };
    let stream = broker.create_stream(config).await.unwrap();
    let settings = settings(&nats.folder.path().join("hiring.db")).merge(("nats", &url));
    let host = TestInbox::try_new(example::host(settings).await).await.unwrap();
    let event = Event::example(EventKind::InterviewResult);

    assert_eq!(host.post(&event).await.unwrap().status(), 200);
    host.die_after_commit();
    let died = host.drain().await.unwrap();
    host.advance(LEASE).await.unwrap();
    let again = host.drain().await.unwrap();

    assert_eq!((died[0].has_died(), again[0].attempt(), again[0].is_completed()), (true, 2, true), "{again:?}");
    let message = stream.get_raw_message(1).await.unwrap();
    assert_eq!(
        (message.subject.as_str(), message.payload.as_ref()),
        ("interviews.default.interview_result", &*event.body())
    );
    assert_eq!(message.headers.get("Nats-Msg-Id").unwrap().as_str().len(), 32);
    assert_eq!(stream.get_info().await.unwrap().state.messages, 1, "JetStream has dropped the second copy");
    host.stop().await;
}
