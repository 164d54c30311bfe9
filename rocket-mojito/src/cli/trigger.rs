use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use mojito_simulator::{Body, Delivery, Event, Lives};
use serde_json::Value;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::sending::{Sending, send};
use super::target::Target;

#[derive(Args)]
pub(super) struct Trigger {
    /// The event
    #[arg(value_name = "EVENT", value_parser = PossibleValuesParser::new(Event::ALL.map(Event::as_str)))]
    event: String,
    /// Another value for a field: JSON, or else a text. `id` names the result, which is a new one otherwise
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    fields: Vec<(String, Value)>,
    /// The bytes of this file, as they are
    #[arg(long, value_name = "FILE", conflicts_with = "fields")]
    body: Option<PathBuf>,
    #[command(flatten)]
    sending: Sending,
}

impl Trigger {
    pub(super) async fn run(self, target: &Target, output: &Output) -> Result<Exit, Failure> {
        let receiver = self.sending.receiver(target)?;
        let event = Event::from_text(&self.event).expect("the parser knows the names");
        // Any life has ids that no other has.
        let life = Lives::new(random_seed()?).life(0);
        let unique = life.deliveries().first().expect("each life has one");
        let (body, result) = match &self.body {
            Some(file) => (std::fs::read(file).map_err(|error| unreadable(file, &error))?, None),
            None => {
                let body = Body::new(event, &unique.result_id);
                let body = self.fields.into_iter().fold(body, |body, (field, value)| body.with(&field, value));
                (body.bytes(), body.value("id").and_then(Value::as_str).map(str::to_owned))
            }
        };
        let delivery = Delivery::new(event, &unique.result_id, &unique.message_id, body);
        send(output, &receiver, Some(event), result, &delivery).await
    }
}

/// A seed that was never used before.
pub(super) fn random_seed() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::Usage(format!("the system gives no random bytes: {error}")))
}

fn unreadable(file: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("the file `{}` cannot be read: {error}", file.display()))
}

fn field_and_value(text: &str) -> Result<(String, Value), String> {
    let (field, value) = text.split_once('=').ok_or("it is not of the form FIELD=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((field.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_else_a_text() {
        let value = |text| field_and_value(text).unwrap().1;

        assert_eq!(value("score=4.5"), json!(4.5));
        assert_eq!(value("recruiter_go_next_round=null"), json!(null));
        assert_eq!(value("candidate_name=Ann"), json!("Ann"));
        assert_eq!(value("reason=a=b"), json!("a=b"));
        assert!(field_and_value("score").is_err());
    }
}
