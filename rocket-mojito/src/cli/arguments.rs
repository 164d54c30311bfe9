use clap::{Parser, Subcommand};

#[cfg(all(feature = "postgres", feature = "sqlite"))]
use super::copy;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::target::{Operator, Target};
use super::{
    audit, cancel, deliveries, discard, dismiss, doctor, drift, erase, errors, history, migrate, pause, prune,
    rehearse, replay, resend, retire, secret, shell, show, simulate, status, trigger, work,
};

/// Looks after the webhooks of JobMojito that a host has received
#[derive(Parser)]
#[command(name = "rocket-mojito", version, subcommand_required = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub words: Words,
}

/// The command, and how it is printed.
#[derive(clap::Args)]
pub(super) struct Words {
    /// Print one JSON document a line
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    operator: Operator,
    #[command(subcommand)]
    pub command: Command,
}

/// The database, for the program that stands alone.
#[derive(clap::Args)]
pub(super) struct Place {
    /// The database: a SQLite file, or postgres://…; else `databases.mojito.url` of the Rocket.toml in this folder
    #[arg(long, value_name = "URL", global = true)]
    pub database: Option<String>,
    /// The profile in Rocket.toml
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
}

/// Serves without arguments
#[derive(Parser)]
#[command(version, subcommand_required = true)]
pub(super) struct HostArguments {
    #[command(subcommand)]
    pub word: HostWord,
}

#[derive(Subcommand)]
pub(super) enum HostWord {
    /// Looks after the webhooks of JobMojito
    Mojito(Words),
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// One screen: the backlog, the oldest due work, the endpoints with their secrets, the handlers
    #[command(after_help = "Example: rocket-mojito status")]
    Status(status::Status),
    /// One line per promise, and whether it holds. Exits with 0 (fine), 1 (a warning) or 2 (broken)
    #[command(after_help = "Example: rocket-mojito doctor")]
    Doctor(doctor::Doctor),
    /// Lists deliveries, newest first
    #[command(after_help = "Example: rocket-mojito deliveries --standing quarantined --since 3h")]
    Deliveries(deliveries::Deliveries),
    /// Lists work, that of the newest deliveries first
    #[command(after_help = "Example: rocket-mojito work --state discarded --handler HiringDesk")]
    Work(work::Work),
    /// Lists the errors of work that fails or is dead, in groups, the largest first. Numbers, names, ids and quoted
    /// parts are left out of them
    #[command(after_help = "Example: rocket-mojito errors --state discarded --since 3h")]
    Errors(errors::Errors),
    /// Lists the actions of operators, newest first
    #[command(after_help = "Example: rocket-mojito audit --limit 20")]
    Audit(audit::Audit),
    /// Shows one delivery, its work and its attempts; body and errors only with --reveal, which the audit keeps
    #[command(after_help = "Example: rocket-mojito show 1 --reveal --because 'ticket 4711'")]
    Show(show::Show),
    /// Shows one result: its deliveries in stored order, what each changed, and its work
    #[command(after_help = "Example: rocket-mojito history res_1")]
    History(history::History),
    /// Hands selected work to its handlers again
    #[command(
        after_help = "Example: rocket-mojito replay --state discarded --handler HiringDesk --per-second 10 --yes"
    )]
    Replay(replay::Replay),
    /// Runs a handler on selected deliveries without effect, in the host alone. Exits with 1 where it would fail
    #[command(after_help = "Example: rocket-mojito rehearse --handler HiringDesk --state discarded --limit 20 --yes")]
    Rehearse(rehearse::Rehearse),
    /// Gives up selected work that waits
    #[command(after_help = "Example: rocket-mojito discard --handler HiringDesk --until 2h --per-second 100 --yes")]
    Discard(discard::Discard),
    /// Takes selected dead work and deliveries in quarantine out of the backlog
    #[command(after_help = "Example: rocket-mojito dismiss --until 2h --because 'the campaign is over' --dry-run")]
    Dismiss(dismiss::Dismiss),
    /// Removes bodies and deliveries that are older than the settings allow
    #[command(after_help = "It has no pace: it goes on in short transactions.\n\nExample: rocket-mojito prune --yes")]
    Prune(prune::Prune),
    /// Removes a person from every table
    #[command(after_help = "It has no pace: each result has a transaction of its own.\n\n\
                      Example: rocket-mojito erase --email ann@example.com --dry-run")]
    Erase(erase::Erase),
    /// Pauses an endpoint or a handler, in every process
    #[command(after_help = "Example: rocket-mojito pause handler HiringDesk --why 'the printer is empty' --yes")]
    Pause(pause::Pause),
    /// Ends the pause of an endpoint or a handler, in every process
    #[command(after_help = "Example: rocket-mojito resume handler HiringDesk --yes")]
    Resume(pause::Resume),
    /// Retires a handler that is gone for good, and discards its waiting work
    #[command(after_help = "It has no pace: it goes on in short transactions.\n\n\
                      Example: rocket-mojito retire Ledger --yes")]
    Retire(retire::Retire),
    /// Cancels a running action, whichever process executes it
    #[command(after_help = "Example: rocket-mojito cancel 1 --dry-run")]
    Cancel(cancel::Cancel),
    /// Runs the pending migrations
    #[command(after_help = "Example: rocket-mojito migrate")]
    Migrate(migrate::Migrate),
    /// Copies an inbox from a SQLite file into a new Postgres database, while no host runs on either
    #[cfg(all(feature = "postgres", feature = "sqlite"))]
    #[command(
        after_help = "Example: rocket-mojito copy --from hiring.db --to postgres://hiring@localhost/hiring --dry-run"
    )]
    Copy(copy::Copy),
    /// Compares stored bodies, or a newer document of the vendor, with the payloads that this version knows: keys, types
    /// and words, without values. Exits with 1 where they differ
    #[command(after_help = "Example: rocket-mojito drift --newest 1000")]
    Drift(drift::Drift),
    /// Sends one invented delivery to the host, signed by the endpoint's own scheme
    #[command(after_help = "Example: rocket-mojito trigger interview_result --set score=4.5 --set candidate_name=Ann")]
    Trigger(trigger::Trigger),
    /// Sends a stored delivery to another receiver, signed by its endpoint's own scheme. The audit keeps that
    #[command(after_help = "Example: rocket-mojito resend 1 --to http://127.0.0.1:8000/webhooks/jobmojito")]
    Resend(resend::Resend),
    /// Sends whole lives of invented candidates with accidents on the way, and compares the database with them
    #[command(after_help = "The invented rows stay in the database. A delivery that is refused is sent 5 times.\n\n\
                      Example: rocket-mojito simulate --candidates 20 --duplicates 10 --lost 5 --cut 5 --rate 200")]
    Simulate(simulate::Simulate),
    /// Secrets of endpoints
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Prints the completions of a shell
    #[command(after_help = "Example: rocket-mojito completions bash")]
    Completions(shell::Completions),
    /// Prints the manual page
    #[command(after_help = "Example: rocket-mojito man")]
    Man(shell::Man),
}

impl Command {
    /// Whether the command needs no inbox: it opens no database, or its own.
    pub(super) fn needs_no_inbox(&self) -> bool {
        #[cfg(all(feature = "postgres", feature = "sqlite"))]
        if matches!(self, Self::Copy(_)) {
            return true;
        }
        matches!(self, Self::Secret(_) | Self::Completions(_) | Self::Man(_))
    }

    /// Whether the database may be created.
    pub(super) fn creates(&self) -> bool {
        matches!(self, Self::Migrate(_))
    }
}

impl Words {
    /// Runs a command that needs no inbox.
    pub(super) async fn run_without(self, output: &Output, program: clap::Command) -> Result<Exit, Failure> {
        match self.command {
            #[cfg(all(feature = "postgres", feature = "sqlite"))]
            Command::Copy(copy) => copy.run(output, self.operator.actor()).await,
            Command::Secret(secret) => secret.run(output),
            Command::Completions(completions) => completions.run(output, program),
            Command::Man(man) => man.run(output, program),
            _ => Err(Failure::Usage("the command needs a database".to_owned())),
        }
    }

    pub(super) async fn run(self, target: &Target, output: &Output) -> Result<Exit, Failure> {
        let (inbox, actor) = (&target.inbox, self.operator.actor());
        if !matches!(self.command, Command::Doctor(_) | Command::Migrate(_)) {
            target.check_tables().await?;
        }
        match self.command {
            Command::Status(status) => status.run(inbox, output).await,
            Command::Doctor(doctor) => doctor.run(inbox, output).await,
            Command::Deliveries(deliveries) => deliveries.run(inbox, output).await,
            Command::Work(work) => work.run(inbox, output).await,
            Command::Errors(errors) => errors.run(inbox, output).await,
            Command::Audit(audit) => audit.run(inbox, output).await,
            Command::Show(show) => show.run(inbox, output, actor).await,
            Command::History(history) => history.run(inbox, output).await,
            Command::Replay(replay) => replay.run(inbox, output, actor).await,
            Command::Rehearse(rehearse) => rehearse.run(inbox, output, actor).await,
            Command::Discard(discard) => discard.run(inbox, output, actor).await,
            Command::Dismiss(dismiss) => dismiss.run(inbox, output, actor).await,
            Command::Prune(prune) => prune.run(target, output, actor).await,
            Command::Erase(erase) => erase.run(inbox, output, actor).await,
            Command::Pause(pause) => pause.run(inbox, output, actor).await,
            Command::Resume(resume) => resume.run(inbox, output, actor).await,
            Command::Retire(retire) => retire.run(inbox, output, actor).await,
            Command::Cancel(cancel) => cancel.run(inbox, output).await,
            Command::Migrate(migrate) => migrate.run(inbox, output).await,
            Command::Drift(drift) => drift.run(inbox, output).await,
            Command::Trigger(trigger) => trigger.run(target, output).await,
            Command::Resend(resend) => resend.run(target, output, actor).await,
            Command::Simulate(simulate) => simulate.run(target, output).await,
            #[cfg(all(feature = "postgres", feature = "sqlite"))]
            Command::Copy(_) => Err(Failure::Usage("the command opens its databases itself".to_owned())),
            Command::Secret(_) | Command::Completions(_) | Command::Man(_) => {
                Err(Failure::Usage("the command needs no database".to_owned()))
            }
        }
    }
}
