//! The compiler's answers to the mistakes that a host's author makes, each beside its case in `tests/ui`.
//!
//! A program of its own: the cases are compiled with their dependencies, which would take the processor from tests that
//! measure time. `TRYBUILD=overwrite` writes new answers.

#![cfg(mojito_internals)]

#[test]
fn mistakes_of_hosts_are_answered_with_advice() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
