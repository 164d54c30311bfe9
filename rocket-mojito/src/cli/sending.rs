use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use mojito_simulator::{Answer, Client, Delivery, Event};
use rocket::serde::Serialize;
use serde_json::Value;

use super::exit::{Exit, Failure};
use super::output::{Output, plain};
use super::target::Target;
use crate::config::Endpoints;

/// The time for the answer to one delivery.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The receiver of a command that sends.
#[derive(Args)]
pub(super) struct Sending {
    /// The endpoint whose first secret and first key authenticate the delivery
    #[arg(long, value_name = "NAME", default_value = Endpoints::DEFAULT)]
    pub endpoint: String,
    /// The receiver, up to the name of the event; else the host itself, by its settings
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// Send to other machines than this one
    #[arg(long)]
    pub allow_remote: bool,
}

impl Sending {
    pub(super) fn receiver(&self, target: &Target) -> Result<mojito_simulator::Target, Failure> {
        receiver(target, &self.endpoint, self.to.as_deref(), self.allow_remote)
    }
}

/// The receiver at a URL, or the host itself, with the credentials of an endpoint.
pub(super) fn receiver(
    target: &Target,
    endpoint: &str,
    to: Option<&str>,
    is_remote_allowed: bool,
) -> Result<mojito_simulator::Target, Failure> {
    let Some(settings) = &target.settings else {
        let remedy = "stand beside the host's Rocket.toml, or use the host's own command line";
        return Err(Failure::Usage(format!("the secrets of the endpoints are not known: {remedy}")));
    };
    let signers = settings.signers(endpoint, None)?;
    let url = to.map_or_else(|| host_url(target.listens_at, &settings.mount, endpoint), str::to_owned);
    let receiver = mojito_simulator::Target::try_new(&url).map_err(|error| Failure::Usage(error.to_string()))?;
    if !is_remote_allowed && !receiver.is_loopback() {
        let remedy = "give `--allow-remote` if that is meant";
        return Err(Failure::Usage(format!("the receiver is not on this machine: {remedy}")));
    }
    Ok(signers.into_iter().fold(receiver, mojito_simulator::Target::signed_by))
}

/// The URL of an endpoint on this machine.
fn host_url(listens_at: SocketAddr, mount: &str, endpoint: &str) -> String {
    let address = match listens_at.ip() {
        any if any.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        one => one,
    };
    let origin = SocketAddr::new(address, listens_at.port());
    let mount = mount.trim_matches('/');
    match endpoint {
        Endpoints::DEFAULT => format!("http://{origin}/{mount}"),
        name => format!("http://{origin}/{mount}/{name}"),
    }
}

/// The answer to one delivery as a document. Its fields are a promise.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct AnswerDocument {
    url: String,
    event: Option<&'static str>,
    result: Option<String>,
    status: u16,
    answer: Value,
}

/// Sends one delivery, prints the answer, and judges it.
pub(super) async fn send(
    output: &Output,
    receiver: &mojito_simulator::Target,
    event: Option<Event>,
    result: Option<String>,
    delivery: &Delivery,
) -> Result<Exit, Failure> {
    let url = receiver.url(event);
    let posted = Client::new(ANSWER_TIMEOUT).post(receiver, event, delivery).await;
    let answer = posted.map_err(|error| Failure::Usage(format!("no answer from {url}: {error}")))?;
    let exit = if answer.is_acknowledgement() { Exit::Done } else { Exit::Partly };
    let document =
        AnswerDocument { url, event: event.map(Event::as_str), result, status: answer.status, answer: value(&answer) };
    output
        .answer(&document, || vec![plain(&format!("{} from {}: {}", answer.status, document.url, document.answer))])?;
    Ok(exit)
}

/// The body of an answer, as JSON where it is.
fn value(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| String::from_utf8_lossy(&answer.body).into_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_itself_is_reached_on_this_machine() {
        let url = |address: &str, endpoint| host_url(address.parse().unwrap(), "/webhooks/jobmojito", endpoint);

        assert_eq!(url("0.0.0.0:8000", "default"), "http://127.0.0.1:8000/webhooks/jobmojito");
        assert_eq!(url("[::1]:80", "staging"), "http://[::1]:80/webhooks/jobmojito/staging");
    }
}
