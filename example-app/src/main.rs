//! The hiring desk as a program: `cargo run -p example-app`, then <http://127.0.0.1:8000>.

use example_app::Environment;

#[rocket::main]
async fn main() -> anyhow::Result<()> {
    example_app::rocket(example_app::figment(), Environment::read()?)?.launch().await?;
    Ok(())
}
