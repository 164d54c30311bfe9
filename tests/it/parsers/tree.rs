/// A value of JSON, as any parser may see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    /// The nearest double, which may be infinite.
    Number(f64),
    /// In UTF-16, which can hold lone surrogates.
    Text(Vec<u16>),
    List(Vec<Tree>),
    /// The members in their order.
    Object(Vec<(Vec<u16>, Tree)>),
}

impl Tree {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.encode_utf16().collect())
    }

    /// The nesting: 0 for a bare value.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The number of values in it, with itself.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::count).sum::<usize>(),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.count()).sum::<usize>(),
            _ => 1,
        }
    }

    /// The tree without the order of members, and each name once with its last value: as a parser with a map has it.
    pub(super) fn without_order(self) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(Self::without_order).collect()),
            Self::Object(members) => {
                let mut sorted: Vec<(Vec<u16>, Self)> = Vec::new();
                for (name, value) in members {
                    sorted.retain(|(other, _)| *other != name);
                    sorted.push((name, value.without_order()));
                }
                sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
                Self::Object(sorted)
            }
            other => other,
        }
    }

    /// Whether a number of this kind is anywhere in it.
    pub(super) fn has_number(&self, is_of_kind: fn(f64) -> bool) -> bool {
        match self {
            Self::Number(number) => is_of_kind(*number),
            Self::List(items) => items.iter().any(|item| item.has_number(is_of_kind)),
            Self::Object(members) => members.iter().any(|(_, value)| value.has_number(is_of_kind)),
            _ => false,
        }
    }
}

/// Whether two doubles are the same, or neighbours of neighbours.
pub(super) fn is_near(one: f64, other: f64) -> bool {
    one.to_bits().abs_diff(other.to_bits()) <= 2
}

/// The text as a database can hold it: with U+FFFD for NUL and for each lone surrogate.
pub(super) fn stored(text: &[u16]) -> String {
    let characters = char::decode_utf16(text.iter().copied());
    characters.map(|found| found.ok().filter(|found| *found != '\0').unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
