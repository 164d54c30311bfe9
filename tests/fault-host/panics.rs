/// Sets the panic hook that the guide shows: it prints no data.
#[expect(clippy::print_stderr, reason = "a panic hook prints")]
pub(crate) fn print_places() {
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => eprintln!("a panic at {}:{}", place.file(), place.line()),
        None => eprintln!("a panic"),
    }));
}
