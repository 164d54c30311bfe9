//! Hands each delivery on to NATS JetStream, which drops a second copy by the key.
//!
//! `nats = "nats://127.0.0.1:4222"` in `Rocket.toml` names the server. A stream of it has the subjects `interviews.>`.
//! Its duplicate window is longer than 44 hours, within which the attempts of a delivery end. A later replay is a message
//! of its own, and has the key of the first one.

use async_nats::jetstream::{self, Context as JetStream};
use async_nats::{ConnectOptions, HeaderMap};
use rocket::figment::Figment;
use rocket::{Build, Config, Rocket};
use rocket_mojito::{Backend, Context, Event, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler, Sqlite};

struct Forward(JetStream);

impl Forward {
    async fn hand_on(&self, event: &Event, key: &str) -> HandlerResult {
        let subject = format!("interviews.{}.{}", event.endpoint(), event.kind());
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", key);
        let sent = self.0.publish_with_headers(subject, headers, event.body().to_vec().into()).await?;
        // The acknowledgement: the message is stored, by this attempt or by a former one.
        sent.await?;
        Ok(())
    }
}

#[rocket::async_trait]
impl<B: Backend> MojitoHandler<B> for Forward {
    async fn interview_collected(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.hand_on(event, cx.key()).await
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.hand_on(event, cx.key()).await
    }

    async fn interview_failed(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.hand_on(event, cx.key()).await
    }
}

pub(crate) async fn host(figment: Figment) -> Rocket<Build> {
    let server: String = figment.extract_inner("nats").expect("`nats` is the URL of the server");
    // A broker that is away stops no launch: deliveries wait, and are tried again.
    let client = ConnectOptions::new().retry_on_initial_connect().connect(server).await.expect("a URL of NATS");
    let config = MojitoConfig::from_figment(&figment).expect("the settings below `mojito` are sound");
    let fairing = MojitoFairing::<Sqlite>::new(config).handler(Forward(jetstream::new(client)));
    rocket::custom(figment).attach(fairing)
}

#[rocket::launch]
async fn rocket() -> _ {
    host(Config::figment()).await
}
