use anyhow::Context as _;

/// How many connections there are: the best number that was found, or another one to try, in HAND_WRITTEN_CONNECTIONS.
pub(super) fn connections(best: usize) -> anyhow::Result<usize> {
    match std::env::var("HAND_WRITTEN_CONNECTIONS") {
        Ok(number) => number.parse().context("HAND_WRITTEN_CONNECTIONS is no number"),
        Err(_) => Ok(best),
    }
}
