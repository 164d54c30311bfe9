//! Requests that are wrong in every way that a connection allows, and those that only look so.

mod body;
mod case;
mod conduct;
mod framing;
mod media_type;
mod path;
mod rocket;
mod secret;

pub(super) use self::case::Case;

/// Every case of the rows H01 to H42 that is one connection.
pub(super) fn cases() -> Vec<Case> {
    let cases = [path::cases(), secret::cases(), media_type::cases(), body::cases(), framing::cases(), rocket::cases()];
    cases.into_iter().flatten().collect()
}

/// The bytes of all of them.
pub(crate) fn connections() -> Vec<Vec<u8>> {
    cases().into_iter().map(|case| case.bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods() {
    case::check(path::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets() {
    case::check(secret::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types_and_encodings() {
    case::check(media_type::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_empty_long_or_cut() {
    case::check(body::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn framing() {
    case::check(framing::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rocket_decides() {
    case::check(rocket::cases()).await;
}
