//! One system under test: `mojito-bench-system KIND URL`.
//!
//! | kind | what it does with a delivery |
//! | --- | --- |
//! | `plugin` | records it, by the plugin |
//! | `plugin-handling` | the same, and a handler writes a row of its own in the transaction that it is handed |
//! | `hand-written` | stores it in a commit of its own, without the plugin |
//! | `parse-only` | authenticates and parses it, and stores nothing |
//!
//! Prints `listening on ADDRESS` once it does. The port is Rocket's to set: `ROCKET_PORT=0`.

#![expect(clippy::print_stdout, reason = "the address is told on standard output")]

mod hand_written;
mod handler;
mod parse_only;
mod payload;
mod plugin;
mod secret;

use anyhow::{Context as _, bail};
use rocket::fairing::AdHoc;

#[rocket::main]
async fn main() -> anyhow::Result<()> {
    let kind = std::env::args().nth(1).context("no kind")?;
    let url = std::env::args().nth(2).context("no URL")?;
    let is_postgres = url.starts_with("postgres://");
    let rocket = match (kind.as_str(), is_postgres) {
        ("plugin", false) => plugin::sqlite(&url)?,
        ("plugin", true) => plugin::postgres(&url)?,
        ("plugin-handling", false) => plugin::sqlite_handling(&url).await?,
        ("plugin-handling", true) => plugin::postgres_handling(&url).await?,
        ("hand-written", false) => hand_written::sqlite::rocket(&url)?,
        ("hand-written", true) => hand_written::postgres::rocket(&url).await?,
        ("parse-only", _) => parse_only::rocket(),
        _ => bail!("no system is called `{kind}`"),
    };
    let tell = AdHoc::on_liftoff("tell the address", |rocket| {
        Box::pin(async move {
            println!("listening on {}:{}", rocket.config().address, rocket.config().port);
        })
    });
    rocket.attach(tell).launch().await?;
    Ok(())
}
