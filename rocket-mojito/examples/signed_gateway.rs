//! Deliveries that a gateway signs by Standard Webhooks, and a handler that hands them on to another service.
//!
//! `GATEWAY_KEY` is the key, as `rocket-mojito secret new --scheme standard-webhooks` makes one. `FORWARD_TO` is the
//! address of the other service.

use rocket::tokio::io::AsyncWriteExt;
use rocket::tokio::net::TcpStream;
use rocket_mojito::{Context, Event, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler, SecretConfig, Sqlite};

struct Forward {
    address: String,
}

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Forward {
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        // This happens at least once. The other service knows a second time by the key, which is the same then.
        let line = format!("{} {}\n", cx.key(), event.payload().id);
        TcpStream::connect(&self.address).await?.write_all(line.as_bytes()).await?;
        Ok(())
    }
}

#[rocket::launch]
fn rocket() -> _ {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let key = SecretConfig::standard_webhooks("gateway", variable("GATEWAY_KEY"));
    let config = MojitoConfig::from_env().expect("the settings below `mojito` are sound").secret("default", key);
    rocket::build().attach(MojitoFairing::new(config).handler(Forward { address: variable("FORWARD_TO") }))
}
