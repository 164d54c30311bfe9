use serde_json::Value;

/// The answer to a posted delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    delivery_id: Option<i64>,
    code: Option<String>,
}

impl Answer {
    pub(super) fn new(status: u16, body: &str) -> Self {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |member: &str| body[member].as_str().map(str::to_owned);
        Self { status, delivery_id: text("delivery").and_then(|id| id.parse().ok()), code: text("error") }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the delivery is stored and acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        self.status == 200
    }

    /// The id of the stored delivery. For a repeat, the id of the delivery that it repeats.
    pub fn delivery_id(&self) -> Option<i64> {
        self.delivery_id
    }

    /// The code of a refusal, such as `unauthorized`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}
