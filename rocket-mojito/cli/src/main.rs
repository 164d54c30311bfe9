//! The command line of `rocket-mojito`, for operators: `rocket-mojito --help`.
//!
//! It works on the database alone, beside the hosts that run or in place of them. A host that calls
//! [`rocket_mojito::cli::run`] has the same commands, and knows its handlers and settings.

use std::process::ExitCode;

fn main() -> ExitCode {
    rocket_mojito::cli::main()
}
