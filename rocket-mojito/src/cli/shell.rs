use clap::Args;
use clap_complete::Shell;

use super::exit::{Exit, Failure};
use super::output::Output;

#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
pub(super) struct Man {}

impl Completions {
    pub(super) fn run(self, output: &Output, mut program: clap::Command) -> Result<Exit, Failure> {
        let (name, mut script) = (program.get_name().to_owned(), Vec::new());
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        output.raw(&script)?;
        Ok(Exit::Done)
    }
}

impl Man {
    pub(super) fn run(self, output: &Output, program: clap::Command) -> Result<Exit, Failure> {
        let mut page = Vec::new();
        clap_mangen::Man::new(program).render(&mut page)?;
        output.raw(&page)?;
        Ok(Exit::Done)
    }
}
