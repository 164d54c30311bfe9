use std::fs;

use anyhow::Context as _;

use super::{plot, summary};
use crate::bench::Bench;
use crate::findings::Findings;

const DOCUMENT: &str = "tests/BENCHMARKS.md";
const PLOT: &str = "tests/benchmark/acknowledged.svg";

/// What stands between these lines of the document is written by the suite.
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

/// Writes what was measured into the document, and draws the plot.
///
/// # Errors
///
/// When the document has no place for it.
pub(crate) fn write(bench: &Bench, findings: &Findings) -> anyhow::Result<()> {
    let document = fs::read_to_string(DOCUMENT)?;
    let (before, rest) = document.split_once(BEGIN).context("the document has no line that begins it")?;
    let (_, after) = rest.split_once(END).context("the document has no line that ends it")?;
    let measured = format!("\n{}\n\n{}\n\n", bench.conditions()?, summary(findings));
    fs::write(DOCUMENT, format!("{before}{BEGIN}{measured}{END}{after}"))?;
    fs::write(PLOT, plot(findings))?;
    Ok(())
}
