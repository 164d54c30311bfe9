//! The hiring desk as a program: `cargo run -p example-app`, then <http://127.0.0.1:8000>.

use example_app::Environment;
use rocket::error::ErrorKind;

#[rocket::main]
async fn main() -> anyhow::Result<()> {
    match example_app::rocket(example_app::figment(), Environment::read()?)?.launch().await {
        Ok(_) => Ok(()),
        // The desk was told to stop and has stopped, only not as tidily as Rocket wanted. A connection was still open,
        // or the signal came while one was being accepted. Running work is handled again when its lease has lapsed.
        Err(error) if matches!(error.kind(), ErrorKind::Shutdown(_, None)) => {
            tracing::warn!("stopped before everything had ended");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
