/// `tokio::select!`, in which the scheduler chooses the branch that is polled first.
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)*) => { real_tokio::select!(biased; $($branches)*) };
    ($($branches:tt)*) => { real_tokio::select!(@{ start={ $crate::chance(BRANCHES) }; () } $($branches)*) };
}
