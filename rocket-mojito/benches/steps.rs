//! How long each step of a delivery takes, alone: `tests/internals cargo bench -p rocket-mojito --bench steps`.
//!
//! What writes waits for the disk: for those `tests/callgrind` says more.

#[cfg(mojito_internals)]
mod step;

#[cfg(mojito_internals)]
fn main() {
    use std::time::Instant;

    use criterion::{Criterion, Throughput};

    use self::step::Step;

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("step");
    for step in Step::ALL {
        group.throughput(Throughput::Elements(step.deliveries));
        group.bench_function(step.name, |bencher| {
            bencher.iter_custom(|calls| {
                let mut step = (step.prepare)(calls);
                let began = Instant::now();
                (0..calls).for_each(|_| step());
                began.elapsed()
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

#[cfg(not(mojito_internals))]
#[expect(clippy::print_stderr, reason = "there is nothing else to be had")]
fn main() {
    eprintln!("the steps are left out: `tests/internals cargo bench -p rocket-mojito --bench steps` measures them");
}
