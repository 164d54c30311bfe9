use serde_json::Value;

/// Reasons to hire or not to hire, as single texts. The vendor publishes a list or one text; any other value is shown
/// as JSON.
pub(super) fn texts(json: Option<&str>) -> Vec<String> {
    let Some(json) = json else { return Vec::new() };
    match serde_json::from_str(json) {
        Ok(Value::Array(reasons)) => reasons.into_iter().map(text).collect(),
        Ok(Value::Null) => Vec::new(),
        Ok(reason) => vec![text(reason)],
        Err(_) => vec![json.to_owned()],
    }
}

fn text(reason: Value) -> String {
    match reason {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_reasons_are_they_are_shown() {
        assert_eq!(texts(Some(r#"["a","b"]"#)), ["a", "b"]);
        assert_eq!(texts(Some(r#""one""#)), ["one"]);
        assert_eq!(texts(Some(r#"{"a":1}"#)), [r#"{"a":1}"#]);
        assert_eq!(texts(Some(r#"["a",2]"#)), ["a", "2"]);
        assert!(texts(Some("[]")).is_empty());
        assert!(texts(None).is_empty());
    }
}
