use std::net::SocketAddr;

use super::exit::Failure;
use crate::{Actor, Inbox, MojitoConfig};

/// The target of a command: an inbox, and the settings.
pub(super) struct Target {
    /// The way into the store.
    pub inbox: Inbox,
    /// The settings, where they are known.
    pub settings: Option<MojitoConfig>,
    /// The address and port of the host, by its settings.
    pub listens_at: SocketAddr,
}

impl Target {
    /// Refuses a database whose tables are not those of this program.
    pub(super) async fn check_tables(&self) -> Result<(), Failure> {
        match self.inbox.pending_migrations().await?.as_slice() {
            [] => Ok(()),
            pending => Err(Failure::Usage(format!(
                "the migrations `{}` have not run: run `migrate`, or launch a host",
                pending.join("`, `")
            ))),
        }
    }
}

/// The operator, for the audit.
#[derive(clap::Args)]
pub(super) struct Operator {
    /// Your name in the audit; else that of your account
    #[arg(long = "as", value_name = "NAME", global = true)]
    name: Option<String>,
    /// The reason, for the audit
    #[arg(long, visible_alias = "why", value_name = "TEXT", global = true)]
    because: Option<String>,
}

impl Operator {
    pub(super) fn actor(&self) -> Actor {
        let account = || std::env::var("USER").ok().filter(|name| !name.is_empty());
        let name = self.name.clone().or_else(account).unwrap_or_else(|| "operator".to_owned());
        let actor = Actor::new(name);
        match &self.because {
            Some(reason) => actor.because(reason),
            None => actor,
        }
    }
}
