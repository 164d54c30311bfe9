use shuttle::rand::Rng;
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner};

use crate::time;

/// The stack of a task. A debug build needs more than the default.
const STACK_SIZE: usize = 512 * 1024;

/// The end of one step: any other task may go on here.
pub fn step() {
    if !std::thread::panicking() {
        shuttle::thread::yield_now();
    }
}

/// A number below `most`, which belongs to the order that is tried.
pub fn chance(most: u32) -> u32 {
    shuttle::rand::thread_rng().gen_range(0..most)
}

/// Runs a model in so many orders of its steps, chosen by the seed.
///
/// # Panics
///
/// When the model panics in one of them, or waits for ever.
pub fn run<F: Future<Output = ()> + 'static>(seed: u64, orders: u32, model: fn() -> F) {
    let mut config = Config::new();
    config.stack_size = STACK_SIZE;
    Runner::new(RandomScheduler::new_from_seed(seed, orders as usize), config).run(move || {
        time::begin();
        shuttle::future::block_on(model());
    });
}
