//! Bodies that are authentic and complete, and wrong in every other way: all are acknowledged and kept to the byte.

mod case;
mod fields;
mod numbers;
mod shape;
mod syntax;
mod text;

pub(super) use self::case::Case;

use crate::harness::on_each_backend;

/// Every case of the rows J01 to J30.
pub(super) fn cases() -> Vec<Case> {
    [syntax::cases(), text::cases(), numbers::cases(), shape::cases(), fields::cases()].into_iter().flatten().collect()
}

/// The bodies of all of them.
pub(crate) fn bodies() -> Vec<Vec<u8>> {
    cases().into_iter().map(|case| case.body).collect()
}

on_each_backend!(what_is_no_json, texts, numbers, shapes, fields_of_any_type);

async fn what_is_no_json<B: crate::harness::TestBackend>() {
    case::check::<B>(syntax::cases()).await;
}

async fn texts<B: crate::harness::TestBackend>() {
    case::check::<B>(text::cases()).await;
}

async fn numbers<B: crate::harness::TestBackend>() {
    case::check::<B>(numbers::cases()).await;
}

async fn shapes<B: crate::harness::TestBackend>() {
    case::check::<B>(shape::cases()).await;
}

async fn fields_of_any_type<B: crate::harness::TestBackend>() {
    case::check::<B>(fields::cases()).await;
}
