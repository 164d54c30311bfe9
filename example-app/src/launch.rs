use anyhow::{Context as _, bail};
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::{Build, Config, Orbit, Rocket};
use rocket_db_pools::Database as _;
use rocket_mojito::{MojitoConfig, MojitoFairing};

use crate::access::Access;
use crate::database::{DEFAULT_URL, HiringDb, MIGRATIONS};
use crate::environment::Environment;
use crate::handler::HiringDesk;
use crate::pages;
use crate::secret::{DefaultSecret, ENDPOINT, HEADER};
use crate::watcher::Watching;

/// The setting for the database's URL.
const URL: &str = "databases.mojito.url";

/// Rocket's own configuration. On SQLite it adds a default database: without any setting, `hiring.db` in the folder
/// that the desk is run in.
pub fn figment() -> Figment {
    match DEFAULT_URL {
        Some(url) => Config::figment().join((URL, url)),
        None => Config::figment(),
    }
}

/// The desk, ready to be launched.
///
/// # Errors
///
/// When a setting is wrong, or a setting that protects something is missing. The error names the setting and the
/// remedy.
pub fn rocket(figment: Figment, environment: Environment) -> anyhow::Result<Rocket<Build>> {
    let config: Config = figment.extract().context("Rocket's configuration cannot be read")?;
    if !figment.contains(URL) {
        bail!("no database: set ROCKET_DATABASES to `{{mojito={{url=\"postgres://user:password@host/name\"}}}}`");
    }
    let access = Access::decide(config.address, environment.desk_password.as_deref())?;
    let mojito = MojitoConfig::from_figment(&figment)?;
    let is_configured = mojito.has_secret(ENDPOINT);
    let secret = DefaultSecret::decide(environment.mojito_secret, is_configured, cfg!(debug_assertions))?;
    let mojito = secret.add_to(mojito);

    let desk = HiringDesk::default();
    let open = desk.open();
    let fairing = MojitoFairing::new(mojito).database::<HiringDb>().migrations(MIGRATIONS).handler(desk);

    Ok(rocket::custom(figment)
        .manage(access)
        .attach(HiringDb::init())
        .attach(open)
        .attach(fairing)
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

// Each test makes an SQLite database in memory. The desk on Postgres is tested from outside.
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use rocket::http::uri::Host;
    use rocket::http::{Header, Status};
    use rocket::local::asynchronous::Client;

    use super::*;

    async fn client(password: Option<&str>) -> Client {
        let figment = Figment::from(Config::debug_default())
            .merge(("databases.mojito.url", ":memory:"))
            .merge(("mojito.allow_ephemeral", true));
        let environment = Environment { desk_password: password.map(str::to_owned), ..Environment::default() };
        Client::tracked(rocket(figment, environment).unwrap()).await.unwrap()
    }

    #[rocket::async_test]
    async fn whatever_shows_candidates_asks_for_the_password() {
        let client = client(Some("pass")).await;

        for path in
            ["/", "/candidates/default?id=1", "/candidates.json", "/candidates.json?limit=x", "/events", "/attention"]
        {
            let answer = client.get(path).dispatch().await;

            assert_eq!(answer.status(), Status::Unauthorized, "{path}");
            assert!(answer.headers().get_one("WWW-Authenticate").unwrap().starts_with("Basic realm="), "{path}");
        }
        let known = Header::new("Authorization", "Basic ZGVzazpwYXNz");
        assert_eq!(client.get("/").header(known.clone()).dispatch().await.status(), Status::Ok);
        let twice = client.get("/").header(known.clone()).header(known).dispatch().await.status();
        assert_eq!(twice, Status::Unauthorized);
        assert_eq!(client.get("/health").dispatch().await.status(), Status::Ok);
        client.terminate().await;
    }

    #[rocket::async_test]
    async fn every_answer_is_kept_from_caches_frames_and_foreign_scripts() {
        let client = client(None).await;

        for path in ["/", "/candidates.json", "/health", "/nothing"] {
            let answer = client.get(path).dispatch().await;
            let header = |name| answer.headers().get_one(name).unwrap_or_default().to_owned();

            assert!(header("Content-Security-Policy").starts_with("default-src 'none';"), "{path}");
            assert_eq!(header("X-Content-Type-Options"), "nosniff", "{path}");
            assert_eq!(header("Referrer-Policy"), "no-referrer", "{path}");
            assert_eq!(header("Cache-Control"), "no-store", "{path}");
        }
        client.terminate().await;
    }

    #[rocket::async_test]
    async fn a_desk_without_a_password_answers_its_own_machine_alone() {
        let client = client(None).await;

        let mut here = client.get("/");
        here.inner_mut().set_host(Host::parse("localhost:8000").unwrap());
        let here = here.dispatch().await.status();
        let mut elsewhere = client.get("/");
        elsewhere.inner_mut().set_host(Host::parse("desk.example.com").unwrap());
        let elsewhere = elsewhere.dispatch().await.status();

        assert_eq!((here, elsewhere), (Status::Ok, Status::MisdirectedRequest));
        client.terminate().await;
    }
}
