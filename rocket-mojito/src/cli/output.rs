use std::io::{self, BufRead, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use rocket::serde::Serialize;

use super::exit::Failure;

/// Where a command prints: tables for people, or one JSON document a line for programs.
///
/// It is the only writer of the command line.
pub(super) struct Output {
    is_json: bool,
    has_colours: bool,
}

impl Output {
    /// Colours appear on a terminal alone, and never where `NO_COLOR` is set.
    pub(super) fn new(is_json: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_json, has_colours: io::stdout().is_terminal() && !no_color }
    }

    /// Whether people look at a screen, which can be drawn anew.
    pub(super) fn is_screen(&self) -> bool {
        !self.is_json && io::stdout().is_terminal()
    }

    /// Clears the screen.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        self.raw(b"\x1b[H\x1b[2J")
    }

    /// Whether a bar would have a terminal to move on.
    pub(super) fn has_bar(&self) -> bool {
        !self.is_json && io::stderr().is_terminal()
    }

    /// Whether somebody is there to answer.
    pub(super) fn has_person(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Prints rows: as a table, or each as a document.
    pub(super) fn rows<R: Serialize>(
        &self,
        head: &[&str],
        rows: &[R],
        cells: impl Fn(&R) -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.is_json {
            return rows.iter().try_for_each(|row| self.document(row));
        }
        if rows.is_empty() { self.write("nothing") } else { self.table(head, rows, cells) }
    }

    /// Prints a table for people alone.
    pub(super) fn table<R>(&self, head: &[&str], rows: &[R], cells: impl Fn(&R) -> Vec<String>) -> Result<(), Failure> {
        if self.is_json {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(head.iter().map(|word| word.to_uppercase()));
        table.add_rows(rows.iter().map(|row| cells(row).iter().map(|cell| plain(cell)).collect::<Vec<_>>()));
        // Each line begins with the padding of its first cell.
        table.lines().try_for_each(|line| self.write(line.strip_prefix(' ').unwrap_or(&line).trim_end()))
    }

    /// Prints one answer: as a document, or as lines.
    pub(super) fn answer<R: Serialize>(&self, answer: &R, lines: impl FnOnce() -> Vec<String>) -> Result<(), Failure> {
        if self.is_json { self.document(answer) } else { lines().iter().try_for_each(|line| self.write(line)) }
    }

    /// Prints a line for people alone.
    pub(super) fn note(&self, line: &str) -> Result<(), Failure> {
        if self.is_json { Ok(()) } else { self.write(line) }
    }

    /// Prints bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// A word in a colour, where there are colours: `31` is red, `32` green, `33` yellow.
    pub(super) fn painted(&self, word: &str, colour: u8) -> String {
        if self.has_colours { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word.to_owned() }
    }

    /// Asks a question on standard error. Only `y` and `yes` mean yes.
    pub(super) fn ask(&self, question: &str) -> Result<bool, Failure> {
        let mut error = io::stderr().lock();
        write!(error, "{question} [y/N] ")?;
        error.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
    }

    /// Says on standard error why a command failed.
    pub(super) fn fail(failure: &Failure) {
        if let Some(sentence) = failure.sentence() {
            // Nobody is left to hear of a standard error that cannot be written.
            let _ = writeln!(io::stderr(), "error: {sentence}");
        }
    }

    fn document<R: Serialize>(&self, document: &R) -> Result<(), Failure> {
        self.write(&serde_json::to_string(document).map_err(io::Error::from)?)
    }

    fn write(&self, line: &str) -> Result<(), Failure> {
        Ok(writeln!(io::stdout().lock(), "{line}")?)
    }
}

/// A text without the characters that drive a terminal. Lines and tabs stay.
pub(super) fn plain(text: &str) -> String {
    let is_harmless = |letter: char| !letter.is_control() || letter == '\n' || letter == '\t';
    text.chars().map(|letter| if is_harmless(letter) { letter } else { '\u{FFFD}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_elsewhere_does_not_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\n\tc\u{9b}"), "a\u{FFFD}[2Jb\u{FFFD}\n\tc\u{FFFD}");
    }
}
