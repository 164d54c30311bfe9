use std::fmt;

use serde_json::value::RawValue;

/// Keys of the body that the vendor's document does not name, with their values as they were sent.
#[derive(Clone, Default)]
pub struct Extra(Vec<(Box<RawValue>, Box<RawValue>)>);

impl Extra {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key, as JSON. The last one, where a key stands twice.
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.iter().filter(|(name, _)| name == key).last().map(|(_, value)| value)
    }

    /// Every key with its value, in the order of the body.
    pub fn iter(&self) -> impl Iterator<Item = (String, &RawValue)> {
        self.0.iter().map(|(key, value)| (super::text::decode(key.get()).text.into_owned(), &**value))
    }

    /// One JSON object, as the result table holds it: keys and values are those of the body, to the byte.
    pub fn to_json(&self) -> String {
        let length = self.0.iter().map(|(key, value)| key.get().len() + value.get().len() + ",:".len()).sum::<usize>();
        let mut json = String::with_capacity("{}".len() + length);
        json.push('{');
        for (index, (key, value)) in self.0.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(key.get());
            json.push(':');
            json.push_str(value.get());
        }
        json.push('}');
        json
    }

    pub(super) fn of(members: &[(&RawValue, &RawValue)]) -> Self {
        Self(members.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extra([redacted]; {})", self.len())
    }
}
