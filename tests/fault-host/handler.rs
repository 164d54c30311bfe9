use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler};

use crate::behaviour::Behaviour;
use crate::effect::{Effect, Effects};
use crate::journal::Journal;

/// A handler whose effect is a row in the table `effects`, around which it behaves as it was told to.
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

    async fn handle<B: Effects>(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.append("start", event, cx)?;
        self.behaviour.show(event.payload().id.as_str()).await?;
        match self.behaviour {
            Behaviour::External => self.append("call", event, cx)?,
            _ => self.write(event, cx).await?,
        }
        self.behaviour.answer(event.delivery_id(), cx.attempt())?;
        self.append("end", event, cx)?;
        Ok(())
    }

    async fn write<B: Effects>(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        let effect = Effect {
            delivery_id: event.delivery_id(),
            result_id: event.payload().id.as_str(),
            version: event.version(),
            handler: &self.name,
            attempt: cx.attempt(),
            process: std::process::id().into(),
        };
        let tx = cx.transaction().await?;
        for counter in self.behaviour.counters(event.delivery_id()) {
            B::add_one(tx, counter).await?;
        }
        if matches!(self.behaviour, Behaviour::Holding(_)) {
            self.append("hold", event, cx)?;
            self.behaviour.hold().await;
        }
        B::write(cx.transaction().await?, effect).await?;
        Ok(())
    }

    fn append<B: Effects>(&self, kind: &str, event: &Event, cx: &Context<'_, B>) -> std::io::Result<()> {
        self.journal.append(kind, &self.name, event, cx.attempt(), cx.key())
    }
}

#[rocket::async_trait]
impl<B: Effects> MojitoHandler<B> for Handler {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.handle(event, cx).await
    }

    async fn interview_collected(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.handle(event, cx).await
    }

    async fn interview_failed(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.handle(event, cx).await
    }

    async fn discarded(&self, event: &Event, _: &str) -> HandlerResult {
        self.journal.append("discarded", &self.name, event, 0, "-")?;
        Ok(())
    }
}
