use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand, ValueEnum};
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;

#[derive(Subcommand)]
pub(super) enum Secret {
    /// Prints a new random secret, once: it is stored nowhere
    #[command(after_help = "Example: rocket-mojito secret new --scheme standard-webhooks")]
    New(New),
}

#[derive(Args)]
pub(super) struct New {
    /// The scheme that it is for
    #[arg(long, value_enum, default_value_t = Scheme::Header)]
    scheme: Scheme,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scheme {
    Header,
    StandardWebhooks,
    Github,
    Stripe,
    Hmac,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct SecretDocument {
    scheme: String,
    secret: String,
}

impl Secret {
    pub(super) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let Self::New(New { scheme }) = self;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::Usage(format!("the system gives no random bytes: {error}")))?;
        let secret = match scheme {
            Scheme::StandardWebhooks => format!("whsec_{}", STANDARD.encode(bytes)),
            Scheme::Header | Scheme::Github | Scheme::Stripe | Scheme::Hmac => hex(&bytes),
        };
        let scheme = scheme.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let document = SecretDocument { scheme, secret };
        output.answer(&document, || vec![document.secret.clone()])?;
        Ok(Exit::Done)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
