use clap::Args;
use mojito_simulator::{Delivery, Event};

use super::exit::{Exit, Failure};
use super::output::Output;
use super::sending::{receiver, send};
use super::target::Target;
use crate::Actor;

#[derive(Args)]
pub(super) struct Resend {
    /// The delivery
    #[arg(value_name = "ID")]
    delivery: i64,
    /// The receiver, up to the name of the event
    #[arg(long, value_name = "URL")]
    to: String,
    /// The endpoint whose first secret and first key authenticate it; else its own
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Send to other machines than this one: a body holds personal data
    #[arg(long)]
    allow_remote: bool,
}

impl Resend {
    pub(super) async fn run(self, target: &Target, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let id = self.delivery;
        let Some(listed) = target.inbox.show(id).await? else {
            return Err(Failure::Usage(format!("there is no delivery {id}, or no more")));
        };
        let endpoint = self.endpoint.as_deref().unwrap_or(&listed.endpoint);
        let receiver = receiver(target, endpoint, Some(&self.to), self.allow_remote)?;
        // The audit has it before the body leaves the database.
        let Some(body) = target.inbox.reveal(id, actor).await? else {
            return Err(Failure::Usage(format!("the body of delivery {id} is pruned or erased")));
        };
        let event = Event::from_text(listed.event.as_str());
        let result = listed.result_id.unwrap_or_default();
        // The same id each time: sent twice, it is one message.
        let message_id = format!("msg_delivery_{id}");
        // The path is that of `event`: the event of a delivery without one is not used.
        let delivery = Delivery::new(event.unwrap_or(Event::Result), &result, &message_id, body);
        send(output, &receiver, event, Some(result), &delivery).await
    }
}
