use std::os::unix::process::ExitStatusExt;

use super::columns::assert_same;
use super::{Copied, TABLES, ended};
use crate::harness::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_cut_off_leaves_nothing_and_is_begun_again() {
    let copied = Copied::seeded().await;

    // Steps of deliveries, of results and of work are there; the attempts are to come.
    let cut_off = copied.command().env("MOJITO_FAILPOINT", "copy.step:5").output().unwrap();

    assert!(cut_off.status.signal().is_some(), "{cut_off:?}");
    assert_eq!(copied.counts().await, TABLES.map(|_| 0));
    let again =
        until("the server has seen that the former copy is gone", async || match ended(&mut copied.command()) {
            (Some(0), said) => Ok(said),
            ended => Err(ended),
        });
    again.await;
    assert_same(&copied).await;
}
