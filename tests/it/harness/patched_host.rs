use std::path::{Path, PathBuf};
use std::process::Command;

use super::run;

/// A copy of `fault-host` in a folder, with one text of its program replaced. Such a host is weaker in one thing, to
/// show that a test can fail. So the program itself needs no switch for it.
pub(crate) fn patched_host(folder: &Path, text: &str, instead: &str) -> PathBuf {
    let copy = folder.join("patched-host");
    let instead = format!("{instead:width$}", width = text.len());
    assert_eq!(instead.len(), text.len(), "what stands behind it stays where it is");
    // Not written by this process: what it starts meanwhile would hold it open, and a program that is open for writing
    // cannot be run.
    let replace = r#"my ($text, $instead, $from, $to) = @ARGV;
        open(my $in, "<:raw", $from) or die "$from: $!";
        my $program = do { local $/; <$in> };
        ($program =~ s/\Q$text\E/$instead/g) or die "`$text` is not in the program";
        open(my $out, ">:raw", $to) or die "$to: $!";
        print $out $program;
        close $out or die "$to: $!";
        chmod 0755, $to;"#;
    run(Command::new("perl").args(["-e", replace, text, &instead, env!("CARGO_BIN_EXE_fault-host")]).arg(&copy));
    copy
}
