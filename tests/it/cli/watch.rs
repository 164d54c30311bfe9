use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{COMMAND_LINE, Desk, program};
use crate::harness::{TestBackend, on_each_backend};

on_each_backend!(a_watch_goes_on_until_ctrl_c,);

/// Begins to watch, reads two lines, and presses Ctrl-C.
fn watched<B: TestBackend>(desk: &Desk<B>, arguments: &[&str]) -> (Vec<String>, Option<i32>) {
    let mut command = program(Path::new(COMMAND_LINE), desk.folder.path());
    command.args(["status", "--watch", "--every", "1"]).args(arguments);
    let mut child: Child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<String> = lines.take(2).map(Result::unwrap).collect();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    (lines, child.wait().unwrap().code())
}

async fn a_watch_goes_on_until_ctrl_c<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;

    let (lines, code) = watched(&desk, &[]);
    let (documents, code_of_json) = watched(&desk, &["--json"]);

    assert_eq!((code, code_of_json), (Some(3), Some(3)));
    assert!(lines.iter().all(|line| line.contains(": waiting 2, running 0, ")), "{lines:?}");
    assert!(!lines.concat().contains('\u{1b}'), "there is no screen to draw on: {lines:?}");
    for document in documents {
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!((&document["discarded"], document["at"].is_string()), (&Value::from(1), true));
    }
}
