use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{CommandFactory, FromArgMatches};
use rocket::{Build, Rocket};

use super::arguments::{HostArguments, HostWord, Words};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::target::Target;
use crate::{Error, Inbox, MojitoConfig};

/// Serves where there are no arguments, and else answers the command line: `myhost mojito status`.
///
/// As a command it knows the host's handlers and settings, but changes nothing by itself. It migrates nothing, registers
/// no handler, and starts no recorder, dispatcher or pruner. The host's other fairings are ignited as ever.
///
/// ```no_run
/// # // It would open a database.
/// use std::process::ExitCode;
///
/// use rocket_mojito::{MojitoConfig, MojitoFairing, Sqlite, cli};
///
/// #[rocket::main]
/// async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
///     let fairing = MojitoFairing::<Sqlite>::new(MojitoConfig::from_env()?);
///     Ok(cli::run(rocket::build().attach(fairing)).await?)
/// }
/// ```
///
/// # Errors
///
/// When the launch fails. A command that fails is an exit code.
pub async fn run(rocket: Rocket<Build>) -> Result<ExitCode, rocket::Error> {
    if std::env::args_os().len() <= 1 {
        return rocket.launch().await.map(|_| ExitCode::SUCCESS);
    }
    let arguments = match program().try_get_matches().and_then(|matches| HostArguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let HostWord::Mojito(words) = arguments.word;
    let output = Output::new(words.json);
    let ran = if words.command.needs_no_inbox() {
        words.run_without(&output, program()).await
    } else {
        answer(rocket, words, &output).await
    };
    let exit = ran.unwrap_or_else(|failure| {
        Output::fail(&failure);
        Exit::Broken
    });
    Ok(exit.into())
}

/// The mark in Rocket's state by which the fairing knows that a command runs. It takes the reason why the fairing fails.
#[derive(Clone, Default)]
pub(crate) struct Command {
    failure: Arc<Mutex<Option<Error>>>,
    settings: Arc<Mutex<Option<MojitoConfig>>>,
}

impl Command {
    /// Keeps the reason of a failed ignition for the operator.
    pub fn fail(&self, error: Error) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Keeps the host's settings for the command.
    pub fn set(&self, settings: &MojitoConfig) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings.clone());
    }
}

async fn answer(rocket: Rocket<Build>, words: Words, output: &Output) -> Result<Exit, Failure> {
    // Rocket would print its settings to standard output, between the documents.
    log::set_max_level(log::LevelFilter::Off);
    let command = Command::default();
    let quiet = rocket.figment().clone().merge(("log_level", "off"));
    let ignited = rocket.configure(quiet).manage(command.clone()).ignite().await;
    let take = |failure: &Arc<Mutex<Option<Error>>>| failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    let rocket = match ignited {
        Ok(rocket) => rocket,
        Err(error) => {
            // Rocket wants its error to be looked at.
            let kind = error.kind().to_string();
            let failure = take(&command.failure).map(Failure::Refused);
            return Err(failure.unwrap_or_else(|| Failure::Usage(format!("the host cannot be ignited: {kind}"))));
        }
    };
    let Some(inbox) = rocket.state::<Inbox>() else {
        return Err(Failure::Usage("no `MojitoFairing` is attached to this host: attach one".to_owned()));
    };
    let settings = command.settings.lock().unwrap_or_else(PoisonError::into_inner).take();
    let listens_at = SocketAddr::new(rocket.config().address, rocket.config().port);
    let target = Target { inbox: inbox.clone(), settings, listens_at };
    words.run(&target, output).await
}

/// The command line under the host's own name, which its examples have too.
fn program() -> clap::Command {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&path).file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    let renamed = format!("Example: {name} mojito ");
    let rename = move |command: clap::Command| match command.get_after_help() {
        Some(help) => {
            let help = help.to_string().replace("Example: rocket-mojito ", &renamed);
            command.after_help(help)
        }
        None => command,
    };
    let nested = rename.clone();
    let commands = HostArguments::command().name(name);
    commands.mut_subcommand("mojito", |mojito| {
        mojito.mut_subcommands(|command| rename(command).mut_subcommands(nested.clone()))
    })
}
