use mojito_schema::Recorded;
use rocket::http::ContentType;
use rocket::request::Request;
use rocket::response::{self, Responder, Response};

use crate::Standing;

/// The proof that a delivery is durable. As a responder it answers `200` with the delivery's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt(Recorded);

impl Receipt {
    pub(crate) fn new(recorded: Recorded) -> Self {
        Self(recorded)
    }

    /// The id of the row in `mojito_deliveries`; for a repeat, of the row that it repeats.
    pub fn delivery_id(&self) -> i64 {
        self.0.delivery_id
    }

    /// The standing of the delivery for its result.
    pub fn standing(&self) -> Standing {
        self.0.standing
    }

    /// The version that the delivery became. Only current deliveries have one.
    pub fn version(&self) -> Option<i64> {
        self.0.version
    }
}

impl<'r> Responder<'r, 'static> for Receipt {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let body = format!(r#"{{"delivery":"{}"}}"#, self.delivery_id());
        // No `Cache-Control`: caches keep the answer to a POST only with an explicit lifetime (RFC 9110, 9.3.3).
        Response::build().header(ContentType::JSON).sized_body(body.len(), std::io::Cursor::new(body)).ok()
    }
}
