use rocket::{Catcher, Route, catchers, routes};

use super::{assets, attention, candidate, candidates, data, errors, events, health};

/// Every route of the desk. All but `/health` and the assets take a [`Visitor`](crate::visitor::Visitor).
pub(crate) fn routes() -> Vec<Route> {
    routes![
        candidates::page,
        candidate::page,
        attention::page,
        attention::replay,
        data::list,
        events::stream,
        health::health,
        assets::style,
        assets::script,
        assets::icon,
    ]
}

/// The pages for errors.
pub(crate) fn catchers() -> Vec<Catcher> {
    catchers![
        errors::unauthorized,
        errors::forbidden,
        errors::not_found,
        errors::misdirected,
        errors::unavailable,
        errors::other
    ]
}
