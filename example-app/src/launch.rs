use anyhow::Context as _;
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::{Build, Config, Orbit, Rocket};
use rocket_db_pools::Database as _;
use rocket_mojito::{MojitoConfig, MojitoFairing};

use crate::access::Access;
use crate::database::HiringDb;
use crate::environment::Environment;
use crate::handler::HiringDesk;
use crate::migrations::Migrations;
use crate::pages;
use crate::secret::{DefaultSecret, ENDPOINT, HEADER};
use crate::watcher::Watching;

/// Rocket's own configuration, over a database of our own: without any setting, `hiring.db` where the desk is run.
pub fn figment() -> Figment {
    Config::figment().join(("databases.mojito.url", "hiring.db"))
}

/// The desk, ready to be launched.
///
/// # Errors
///
/// When a setting is wrong, or one that protects something is missing: with a sentence that names it and the remedy.
pub fn rocket(figment: Figment, environment: Environment) -> anyhow::Result<Rocket<Build>> {
    let config: Config = figment.extract().context("Rocket's configuration cannot be read")?;
    let access = Access::decide(config.address, environment.desk_password.as_deref())?;
    let mojito = MojitoConfig::from_figment(&figment)?;
    let is_configured = mojito.has_secret(ENDPOINT);
    let secret = DefaultSecret::decide(environment.mojito_secret, is_configured, cfg!(debug_assertions))?;
    let mojito = secret.add_to(mojito);

    Ok(rocket::custom(figment)
        .manage(access)
        .attach(HiringDb::init())
        .attach(Migrations)
        .attach(MojitoFairing::new(mojito).database::<HiringDb>().handler(HiringDesk))
        .attach(Watching::default())
        .attach(pages::Headers)
        .attach(AdHoc::on_liftoff("Greeting", move |rocket| Box::pin(greet(rocket, secret.public_value()))))
        .mount("/", pages::routes())
        .register("/", pages::catchers()))
}

#[expect(clippy::print_stdout, reason = "whoever tries the desk out needs the secret at any log level")]
async fn greet(rocket: &Rocket<Orbit>, public_secret: Option<&str>) {
    if let Some(secret) = public_secret {
        let Config { address, port, .. } = rocket.config();
        println!("The hiring desk is at http://{}", std::net::SocketAddr::new(*address, *port));
        println!("MOJITO_SECRET is not set: this debug build takes the development secret, which everybody knows:");
        println!("    {HEADER}: {secret}");
    }
}
