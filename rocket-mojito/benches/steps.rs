//! How long each step of a delivery takes, alone: `cargo bench -p rocket-mojito --features testing`.
//!
//! What writes waits for the disk: for those `tests/callgrind` says more.

mod step;

use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use self::step::Step;

fn steps(criterion: &mut Criterion) {
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
}

criterion_group!(benches, steps);
criterion_main!(benches);
