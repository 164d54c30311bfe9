use std::fs;

use anyhow::Context as _;

use super::{plot, summary};
use crate::bench::Bench;
use crate::findings::Findings;
use crate::options::Section;

const DOCUMENT: &str = "tests/BENCHMARKS.md";
const PLOTS: &str = "tests/benchmark";

/// Writes what was measured into its section of the document, and draws the plot. What stands between the section's two
/// lines is the suite's.
///
/// # Errors
///
/// When the document has no place for it.
pub(crate) fn write(section: Section, bench: &Bench, findings: &Findings) -> anyhow::Result<()> {
    let name = section.name();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n"));
    let document = fs::read_to_string(DOCUMENT)?;
    let (before, rest) = document.split_once(&begin).context("the document has no line that begins it")?;
    let (_, after) = rest.split_once(&end).context("the document has no line that ends it")?;
    let measured = format!("\n{}\n\n{}\n\n", bench.conditions()?, summary(findings));
    fs::write(DOCUMENT, format!("{before}{begin}{measured}{end}{after}"))?;
    fs::write(format!("{PLOTS}/{name}.svg"), plot(findings))?;
    Ok(())
}
