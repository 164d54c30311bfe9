use crate::Field;

/// Whether a field stood in the body, and as what. The payload's `Option` is filled for `Value` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Presence {
    /// The key was not there.
    #[default]
    Absent,
    /// The key was there with null.
    Null,
    /// The key was there with a value of another type, or a number out of range: a finding names it.
    Unreadable,
    /// The key was there with a value.
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
