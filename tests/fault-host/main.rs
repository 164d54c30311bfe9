//! A host application that tests kill, freeze and stop.
//!
//! Its settings are those of every host (`ROCKET_…`, `ROCKET_MOJITO`, `ROCKET_DATABASES`, `MOJITO_FAILPOINT`), and:
//!
//! | variable | meaning |
//! | --- | --- |
//! | `FAULT_ADDRESS` | the file that its address is written to once it listens |
//! | `FAULT_JOURNAL` | the file that every run of a handler is written to |
//! | `FAULT_HANDLERS` | its handlers: `name:behaviour`, or `name:behaviour:argument`, joined by commas |
//! | `FAULT_PANICS` | `place`: what panics prints its place alone, by the hook of the guide |
//!
//! With arguments it is its own command line: `fault-host mojito status`.
//!
//! `GET /health` answers 200 while the store takes deliveries, else 503. `POST /prune` removes what is too old, and
//! answers 200 with how many bodies that were, or 503.

mod behaviour;
mod effect;
mod handler;
mod journal;
mod panics;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket_mojito::{Actor, Inbox, MojitoConfig, MojitoFairing};

use self::effect::Effects;
use self::handler::Handler;
use self::journal::Journal;

#[rocket::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    if std::env::var("FAULT_PANICS").is_ok_and(|panics| panics == "place") {
        panics::print_places();
    }
    let url: String = rocket::Config::figment().extract_inner("databases.mojito.url")?;
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres") {
        return host::<rocket_mojito::Postgres>().await;
    }
    #[cfg(feature = "sqlite")]
    if !url.starts_with("postgres") {
        return host::<rocket_mojito::Sqlite>().await;
    }
    Err("it is built without this database".into())
}

async fn host<B: Effects>() -> Result<ExitCode, Box<dyn Error>> {
    let journal = Journal::open(Path::new(&std::env::var("FAULT_JOURNAL")?))?;
    let address = std::env::var("FAULT_ADDRESS")?;
    let mut fairing = MojitoFairing::<B>::new(MojitoConfig::from_env()?);
    for spec in std::env::var("FAULT_HANDLERS")?.split(',') {
        fairing = fairing.handler(Handler::parse(spec, journal.try_clone()?)?);
    }
    let tell = AdHoc::on_liftoff("tell the address", move |rocket| {
        Box::pin(async move {
            let (ip, port) = (rocket.config().address, rocket.config().port);
            tell(Path::new(&address), &format!("{ip}:{port}")).expect("the address can be told");
        })
    });
    let rocket = rocket::build().attach(fairing).attach(tell).mount("/", rocket::routes![health, prune]);
    // `Debug` of this error, which is what would be printed, shows the whole configuration, with the secrets in it.
    Ok(rocket_mojito::cli::run(rocket).await.map_err(|error| error.to_string())?)
}

#[rocket::get("/health")]
async fn health(inbox: Inbox) -> Status {
    match inbox.backlog().await {
        Ok(_) => Status::Ok,
        Err(_) => Status::ServiceUnavailable,
    }
}

#[rocket::post("/prune")]
async fn prune(inbox: Inbox) -> Result<String, Status> {
    let pruned = inbox.prune(Actor::new("test")).await.map_err(|_| Status::ServiceUnavailable)?;
    Ok(pruned.bodies.to_string())
}

/// Writes the file as a whole: whoever sees it can read all of it.
fn tell(file: &Path, address: &str) -> std::io::Result<()> {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, address)?;
    std::fs::rename(draft, file)
}
