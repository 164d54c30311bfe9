use std::fmt;

use serde_json::value::RawValue;

/// Reasons to hire or not to hire: the vendor's document says "list/text".
#[derive(Clone)]
#[non_exhaustive]
pub enum Reasons {
    /// A list of at most 1,000 texts. It may be empty.
    List(Vec<String>),
    /// One text.
    Text(String),
    /// A value of another type, as it was sent.
    Other(Box<RawValue>),
}

impl Reasons {
    /// The reasons as single texts: the list, or the one text. Empty for anything else.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::List(texts) => texts,
            Self::Text(text) => std::slice::from_ref(text),
            Self::Other(_) => &[],
        }
    }

    /// The reasons as JSON, as the result table holds them.
    pub fn to_json(&self) -> String {
        match self {
            Self::List(texts) => serde_json::to_string(texts).expect("texts always serialise"),
            Self::Text(text) => serde_json::to_string(text).expect("a text always serialises"),
            Self::Other(json) => json.get().to_owned(),
        }
    }

    pub(super) fn into_json(self) -> String {
        match self {
            Self::Other(json) => Box::<str>::from(json).into_string(),
            shorter => shorter.to_json(),
        }
    }
}

impl PartialEq for Reasons {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(texts) => write!(f, "List([redacted]; {})", texts.len()),
            Self::Text(_) => f.write_str("Text([redacted])"),
            Self::Other(_) => f.write_str("Other([redacted])"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(json: &str) -> Reasons {
        Reasons::Other(RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn reasons_are_told_as_texts_and_as_json() {
        let list = Reasons::List(vec!["a".to_owned(), "b".to_owned()]);
        let text = Reasons::Text("a".to_owned());
        let cases =
            [(list, vec!["a", "b"], r#"["a","b"]"#), (text, vec!["a"], r#""a""#), (other("{ }"), vec![], "{ }")];

        for (reasons, texts, json) in cases {
            assert_eq!(reasons.texts(), texts);
            assert_eq!(reasons.to_json(), json);
            assert_eq!(reasons, reasons.clone());
            assert_eq!(reasons.into_json(), json);
        }
    }

    #[test]
    fn reasons_are_equal_where_their_json_is() {
        let list = Reasons::List(vec!["a".to_owned()]);

        assert_eq!(list, other(r#"["a"]"#));
        assert_ne!(list, Reasons::Text("a".to_owned()));
    }
}
