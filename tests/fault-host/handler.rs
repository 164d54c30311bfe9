use diesel::ExpressionMethods as _;
use diesel_async::RunQueryDsl;
use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler, Sqlite};

use crate::behaviour::Behaviour;
use crate::journal::Journal;

diesel::table! {
    /// What handlers did. The test creates it, without a constraint that would hide what happened twice.
    effects {
        id -> BigInt,
        delivery_id -> BigInt,
        result_id -> Text,
        version -> Nullable<BigInt>,
        handler -> Text,
        attempt -> Integer,
        process -> BigInt,
    }
}

/// A handler whose effect is a row in the table `effects`, after it has behaved as it was told to.
pub(crate) struct Handler {
    name: String,
    behaviour: Behaviour,
    journal: Journal,
}

impl Handler {
    pub(crate) fn parse(spec: &str, journal: Journal) -> Result<Self, String> {
        let (name, behaviour) = spec.split_once(':').ok_or_else(|| format!("{spec}: no behaviour"))?;
        Ok(Self { name: name.to_owned(), behaviour: Behaviour::parse(behaviour)?, journal })
    }

    async fn handle(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.note("start", event, cx)?;
        let result_id = event.payload().id.as_str();
        self.behaviour.show(result_id).await?;
        match self.behaviour {
            Behaviour::External => self.note("call", event, cx)?,
            _ => {
                let row = (
                    effects::delivery_id.eq(event.delivery_id()),
                    effects::result_id.eq(result_id),
                    effects::version.eq(event.version()),
                    effects::handler.eq(&self.name),
                    effects::attempt.eq(cx.attempt()),
                    effects::process.eq(i64::from(std::process::id())),
                );
                diesel::insert_into(effects::table).values(row).execute(cx.transaction().await?).await?;
            }
        }
        self.note("end", event, cx)?;
        Ok(())
    }

    fn note(&self, what: &str, event: &Event, cx: &Context<'_, Sqlite>) -> std::io::Result<()> {
        self.journal.note(what, &self.name, event, cx.attempt(), cx.key())
    }
}

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Handler {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.handle(event, cx).await
    }

    async fn interview_collected(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.handle(event, cx).await
    }

    async fn interview_failed(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.handle(event, cx).await
    }
}
