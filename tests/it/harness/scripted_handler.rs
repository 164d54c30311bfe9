use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;
use rocket_mojito::{
    Context, Event, EventKind, Field, Finding, HandlerError, HandlerResult, MojitoHandler, Sqlite, Standing, Timestamp,
    Versions,
};
use tokio::sync::{Notify, mpsc};

/// The action of a scripted handler in one attempt.
#[derive(Clone)]
pub(crate) enum ScriptedAction {
    /// Nothing at all.
    Nothing,
    /// Writes its effect through the transaction.
    Effect,
    /// Opens the transaction, writes, then fails.
    EffectThenFail(&'static str),
    /// Opens the transaction, writes, then never answers.
    EffectThenHang,
    /// Fails without a transaction.
    Fail(&'static str),
    /// Gives up.
    Discard(&'static str),
    /// Asks for another time.
    RetryIn(Duration),
    /// Writes, then panics.
    EffectThenPanic,
    /// Waits until it is let go, then writes its effect.
    WaitThenEffect(Arc<Notify>),
    /// Waits until it is let go, tries to write, and swallows what goes wrong.
    WaitThenSwallow(Arc<Notify>),
    /// Waits until it is let go, then gives up.
    WaitThenDiscard(Arc<Notify>, &'static str),
    /// Waits until it is let go, and has no effect.
    Wait(Arc<Notify>),
    /// Keeps its thread until it is let go, and has no effect.
    KeepThread(Arc<OnceLock<()>>),
}

/// The values that an attempt was told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObservedAttempt {
    pub(crate) delivery: i64,
    pub(crate) result: String,
    pub(crate) kind: EventKind,
    pub(crate) version: Option<i64>,
    pub(crate) standing: Standing,
    pub(crate) attempt: i32,
    pub(crate) key: String,
    pub(crate) changes: Vec<Field>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) received_at: Timestamp,
    pub(crate) is_superseded: bool,
    pub(crate) previous_score: Option<String>,
}

type Decide = dyn Fn(&Event, i32) -> ScriptedAction + Send + Sync;

/// A handler that does what the test says, and tells the test what it saw when it begins.
pub(crate) struct ScriptedHandler {
    name: &'static str,
    takes_late: bool,
    wants: Versions,
    decide: Box<Decide>,
    seen: mpsc::UnboundedSender<ObservedAttempt>,
}

impl ScriptedHandler {
    pub(crate) fn new(
        decide: impl Fn(&Event, i32) -> ScriptedAction + Send + Sync + 'static,
    ) -> (Self, mpsc::UnboundedReceiver<ObservedAttempt>) {
        Self::named("Script", decide)
    }

    pub(crate) fn named(
        name: &'static str,
        decide: impl Fn(&Event, i32) -> ScriptedAction + Send + Sync + 'static,
    ) -> (Self, mpsc::UnboundedReceiver<ObservedAttempt>) {
        let (seen, receiver) = mpsc::unbounded_channel();
        (Self { name, takes_late: false, wants: Versions::Every, decide: Box::new(decide), seen }, receiver)
    }

    pub(crate) fn taking_late(mut self) -> Self {
        self.takes_late = true;
        self
    }

    pub(crate) fn wanting_latest(mut self) -> Self {
        self.wants = Versions::Latest;
        self
    }

    async fn act(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        let seen = ObservedAttempt {
            delivery: event.delivery_id(),
            result: event.payload().id.clone(),
            kind: event.kind(),
            version: event.version(),
            standing: event.standing(),
            attempt: cx.attempt(),
            key: cx.key().to_owned(),
            changes: event.changes().to_vec(),
            findings: event.findings().to_vec(),
            received_at: event.received_at(),
            is_superseded: event.is_superseded(),
            previous_score: event.previous().and_then(|payload| payload.score.as_ref()).map(ToString::to_string),
        };
        let act = (self.decide)(event, cx.attempt());
        let _ = self.seen.send(seen);
        match act {
            ScriptedAction::Nothing => Ok(()),
            ScriptedAction::Effect => self.write_effect(event, cx).await,
            ScriptedAction::EffectThenFail(text) => {
                self.write_effect(event, cx).await?;
                Err(text.into())
            }
            ScriptedAction::EffectThenHang => {
                self.write_effect(event, cx).await?;
                std::future::pending().await
            }
            ScriptedAction::EffectThenPanic => {
                self.write_effect(event, cx).await?;
                panic!("as the test says")
            }
            ScriptedAction::Fail(text) => Err(text.into()),
            ScriptedAction::Discard(text) => Err(HandlerError::discard(text)),
            ScriptedAction::RetryIn(delay) => Err(HandlerError::retry_in(delay)),
            ScriptedAction::WaitThenEffect(gate) => {
                gate.notified().await;
                self.write_effect(event, cx).await
            }
            ScriptedAction::WaitThenSwallow(gate) => {
                gate.notified().await;
                let _ = self.write_effect(event, cx).await;
                Ok(())
            }
            ScriptedAction::WaitThenDiscard(gate, text) => {
                gate.notified().await;
                Err(HandlerError::discard(text))
            }
            ScriptedAction::Wait(gate) => {
                gate.notified().await;
                Ok(())
            }
            ScriptedAction::KeepThread(gate) => {
                gate.wait();
                Ok(())
            }
        }
    }

    async fn write_effect(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        let attempt = cx.attempt();
        let tx = cx.transaction().await?;
        diesel::sql_query(
            "INSERT INTO effects (delivery_id, result_id, version, handler, attempt) VALUES (?, ?, ?, ?, ?)",
        )
        .bind::<BigInt, _>(event.delivery_id())
        .bind::<Text, _>(&event.payload().id)
        .bind::<Nullable<BigInt>, _>(event.version())
        .bind::<Text, _>(self.name)
        .bind::<Integer, _>(attempt)
        .execute(tx)
        .await?;
        Ok(())
    }
}

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for ScriptedHandler {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn takes_late(&self) -> bool {
        self.takes_late
    }

    fn wants(&self) -> Versions {
        self.wants
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.act(event, cx).await
    }

    async fn interview_collected(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.act(event, cx).await
    }

    async fn interview_failed(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.act(event, cx).await
    }
}
