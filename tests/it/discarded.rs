//! The hook of a handler whose work failed for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rocket_mojito::{
    Actor, Context, Event, HandlerError, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler, Replay, Selection,
};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::harness::{Body, Store, TestBackend, TestServer, config, in_time, on_each_backend, until};

on_each_backend!(
    a_handler_that_gives_up_is_told_once_that_is_committed,
    a_handler_is_told_after_its_last_attempt_and_not_before,
    a_hook_that_fails_is_called_again,
    a_hook_that_never_comes_back_is_called_again_and_holds_up_nobody,
    a_paused_handler_is_told_once_it_is_resumed,
    a_body_that_is_gone_ends_the_debt,
);

/// Fails as the result is called after, and says what its hook is told.
struct Failing {
    told: UnboundedSender<(String, String)>,
    calls: Arc<AtomicUsize>,
    /// The permission of a first call to fail.
    may_fail: Arc<Semaphore>,
}

#[rocket::async_trait]
impl<B: TestBackend> MojitoHandler<B> for Failing {
    fn name(&self) -> String {
        "Failing".to_owned()
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        match &*event.payload().id {
            "tries" => Err(HandlerError::retry_in(Duration::ZERO)),
            "fine" => Ok(()),
            _ => Err(HandlerError::discard(format!("canary {}", cx.attempt()))),
        }
    }

    async fn discarded(&self, event: &Event, error: &str) -> HandlerResult {
        let _ = self.told.send((event.payload().id.clone(), error.to_owned()));
        let is_first = self.calls.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first && matches!(&*event.payload().id, "fails" | "panics") {
            self.may_fail.acquire().await?.forget();
        }
        match &*event.payload().id {
            "fails" if is_first => Err("not yet".into()),
            "panics" if is_first => panic!("as the test says"),
            "hangs" if is_first => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

/// A host whose handler fails.
struct HookFixture<B: TestBackend> {
    store: Store<B>,
    server: TestServer,
    told: UnboundedReceiver<(String, String)>,
    may_fail: Arc<Semaphore>,
}

impl<B: TestBackend> HookFixture<B> {
    async fn open() -> Self {
        Self::with(|config| config).await
    }

    async fn with(change: impl FnOnce(MojitoConfig) -> MojitoConfig) -> Self {
        let store = Store::<B>::open().await;
        let (sender, told) = unbounded_channel();
        let config = change(config().max_attempts(3).poll_interval(Duration::from_millis(20)));
        let may_fail = Arc::new(Semaphore::new(0));
        let failing = Failing { told: sender, calls: Arc::default(), may_fail: Arc::clone(&may_fail) };
        let fairing = MojitoFairing::<B>::new(config).handler(failing);
        let server = TestServer::on(store.url(), fairing).await;
        Self { store, server, told, may_fail }
    }

    async fn post(&self, result: &str) -> i64 {
        self.server.post(Body::result(result).bytes()).await.delivery()
    }

    async fn told(&mut self) -> (String, String) {
        in_time(self.told.recv()).await.expect("the host runs")
    }

    /// Waits until so many hooks are owed.
    async fn wait_until_owed(&mut self, count: &str) {
        const OWED: &str = "SELECT CAST(count(*) AS TEXT) AS value FROM mojito_work WHERE hook_due_at IS NOT NULL";
        self.store.wait_for_text(OWED, count).await;
    }

    /// Lets the first call fail, and waits until that is settled.
    async fn let_fail(&mut self) {
        const DUE: &str = "SELECT CAST(hook_due_at AS TEXT) AS value FROM mojito_work WHERE hook_due_at IS NOT NULL";
        let taken = self.store.texts(DUE).await;
        self.may_fail.add_permits(1);
        let settled = async || match self.store.texts(DUE).await {
            due if due != taken => Ok(()),
            due => Err(due),
        };
        until("the call is settled", settled).await;
    }

    /// Makes what is owed due now, as if its pause had gone by.
    async fn hurry(&mut self) {
        self.store
            .run("UPDATE mojito_work SET hook_due_at = '2001-01-01 00:00:00.000000' WHERE hook_due_at IS NOT NULL")
            .await;
    }
}

async fn a_handler_that_gives_up_is_told_once_that_is_committed<B: TestBackend>() {
    let mut fixture = HookFixture::<B>::open().await;

    fixture.post("r").await;
    let told = fixture.told().await;
    fixture.wait_until_owed("0").await;

    assert_eq!(told, ("r".to_owned(), "canary 1".to_owned()));
    let error = "SELECT last_error AS value FROM mojito_work WHERE state = 'discarded'";
    assert_eq!(fixture.store.texts(error).await, ["canary 1"]);
    assert!(fixture.told.try_recv().is_err(), "where nothing goes wrong it is told once");
    fixture.server.stop().await;
}

async fn a_handler_is_told_after_its_last_attempt_and_not_before<B: TestBackend>() {
    let mut fixture = HookFixture::<B>::open().await;

    fixture.post("tries").await;
    let told = fixture.told().await;

    assert_eq!(told.0, "tries");
    assert_eq!(fixture.store.texts("SELECT state AS value FROM mojito_work WHERE attempt = 3").await, ["discarded"]);
    fixture.server.stop().await;
}

async fn a_hook_that_fails_is_called_again<B: TestBackend>() {
    for result in ["fails", "panics"] {
        let mut fixture = HookFixture::<B>::open().await;
        fixture.post(result).await;
        fixture.told().await;
        fixture.let_fail().await;
        // It waits for its pause now: the debt is not settled.
        fixture.wait_until_owed("1").await;

        let told_again = async || {
            fixture.hurry().await;
            fixture.told.try_recv()
        };
        until("it is told again", told_again).await;

        fixture.wait_until_owed("0").await;
        fixture.server.stop().await;
    }
}

async fn a_hook_that_never_comes_back_is_called_again_and_holds_up_nobody<B: TestBackend>() {
    let mut fixture = HookFixture::<B>::open().await;
    fixture.post("hangs").await;
    fixture.told().await;

    fixture.post("fine").await;
    fixture.store.drained().await;
    // After its time-out the next is told.
    fixture.post("next").await;
    let next = fixture.told().await;

    assert_eq!(next.0, "next");
    fixture.wait_until_owed("1").await;
    fixture.hurry().await;
    assert_eq!(fixture.told().await.0, "hangs");
    fixture.server.stop().await;
}

async fn a_paused_handler_is_told_once_it_is_resumed<B: TestBackend>() {
    let mut fixture = HookFixture::<B>::open().await;
    let inbox = fixture.server.inbox.clone();
    fixture.post("fails").await;
    fixture.told().await;
    fixture.let_fail().await;

    inbox.pause_handler("Failing", Actor::new("anna")).await.unwrap();
    fixture.hurry().await;
    let early = tokio::time::timeout(Duration::from_millis(200), fixture.told.recv()).await;
    inbox.resume_handler("Failing", Actor::new("anna")).await.unwrap();
    fixture.hurry().await;

    assert!(early.is_err(), "{early:?}");
    assert_eq!(fixture.told().await.0, "fails");
    fixture.server.stop().await;
}

async fn a_body_that_is_gone_ends_the_debt<B: TestBackend>() {
    let mut fixture = HookFixture::<B>::open().await;
    fixture.post("fine").await;
    fixture.store.drained().await;
    fixture.store.run("UPDATE mojito_deliveries SET body = NULL").await;

    fixture.server.inbox.replay(Replay::new(Selection::all()), Actor::new("anna")).await.unwrap();
    fixture.store.wait_for_text("SELECT state AS value FROM mojito_work", "discarded").await;

    fixture.wait_until_owed("0").await;
    assert!(fixture.told.try_recv().is_err(), "there is nothing to tell of");
    fixture.server.stop().await;
}
