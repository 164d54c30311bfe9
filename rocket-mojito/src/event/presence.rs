use crate::Field;

/// Whether and how a field stood in the body. The payload's `Option` is `Some` for `Value` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Presence {
    /// The key was absent.
    #[default]
    Absent,
    /// The key was present with null.
    Null,
    /// The key was present with a value of another type, or a number out of range. A finding names it.
    Unreadable,
    /// The key was present with a value.
    Value,
}

/// The presence of each field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Presences([Presence; Field::ALL.len()]);

impl Presences {
    pub fn of(&self, field: Field) -> Presence {
        self.0[field as usize]
    }

    pub fn set(&mut self, field: Field, presence: Presence) {
        self.0[field as usize] = presence;
    }
}
