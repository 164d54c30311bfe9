//! The hiring desk as a program: `cargo run -p example-app`, then <http://127.0.0.1:8000>.
//!
//! With the feature `cli` it also answers its operator: `cargo run -p example-app --features cli -- mojito status`.

use std::process::ExitCode;

use example_app::Environment;
use rocket::error::ErrorKind;
#[cfg(feature = "cli")]
use rocket_mojito::cli::run;

#[rocket::main]
async fn main() -> anyhow::Result<ExitCode> {
    let takes_arguments = cfg!(feature = "cli") || std::env::args_os().len() <= 1;
    anyhow::ensure!(takes_arguments, "this desk is built without its command line: add `--features cli`");
    match run(example_app::rocket(example_app::figment(), Environment::read()?)?).await {
        Ok(code) => Ok(code),
        // The desk was told to stop and has stopped, only not as tidily as Rocket wanted. A connection was still open,
        // or the signal came while one was being accepted. Running work is handled again when its lease has lapsed.
        Err(error) if matches!(error.kind(), ErrorKind::Shutdown(_, None)) => {
            tracing::warn!("stopped before everything had ended");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error.into()),
    }
}

/// Serves until the desk is told to stop.
#[cfg(not(feature = "cli"))]
async fn run(desk: rocket::Rocket<rocket::Build>) -> Result<ExitCode, rocket::Error> {
    desk.launch().await.map(|_| ExitCode::SUCCESS)
}
