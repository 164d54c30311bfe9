//! Runs one step so many times, for `tests/callgrind`: `instructions STEP PREPARED CALLED`.
//!
//! What is prepared and not called is what everything else costs. Without arguments it lists the steps, each with the
//! deliveries of a call.

#[cfg(mojito_internals)]
mod step;

#[cfg(mojito_internals)]
#[expect(clippy::print_stdout, reason = "the list is what it is asked for")]
fn main() {
    use self::step::Step;

    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [name, prepared, called] = arguments.as_slice() else {
        Step::ALL.iter().for_each(|step| println!("{} {}", step.name, step.deliveries));
        return;
    };
    let step = Step::ALL.iter().find(|step| step.name == name).expect("a step of the list");
    let mut run = (step.prepare)(prepared.parse().expect("a number"));
    (0..called.parse().expect("a number")).for_each(|_: u64| run());
}

#[cfg(not(mojito_internals))]
#[expect(clippy::print_stderr, reason = "there is nothing else to be had")]
fn main() {
    eprintln!("the steps are left out: `tests/callgrind` counts their instructions");
}
