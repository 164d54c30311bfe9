use std::collections::BTreeMap;

/// Every field of a webhook's body.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contract(pub(super) BTreeMap<String, Property>);

/// The type and the duties of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Property {
    /// A JSON type, or `any`.
    pub(super) kind: String,
    pub(super) is_nullable: bool,
    /// Whether the sender always sends it. The program needs none but `id` and a status, and says which is missing.
    pub(super) is_required: bool,
}

impl Contract {
    /// The differences between the document (`self`) and the program in a webhook's fields.
    pub(super) fn differences(&self, program: &Self, webhook: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (field, documented) in &self.0 {
            match program.0.get(field) {
                None => found.push(format!("{webhook}: `{field}` is documented and not read")),
                Some(read) if read != documented => {
                    found.push(format!("{webhook}: `{field}` is documented as {documented:?} and read as {read:?}"));
                }
                Some(_) => {}
            }
        }
        let gone = program.0.keys().filter(|field| !self.0.contains_key(*field));
        found.extend(gone.map(|field| format!("{webhook}: `{field}` is read and not documented")));
        found
    }

    /// The fields whose column is missing, or of another type; and the columns of no field.
    pub(super) fn column_differences(&self, columns: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        for (field, property) in &self.0 {
            let expected = match property.kind.as_str() {
                "number" => "REAL",
                "boolean" => "INTEGER",
                _ => "TEXT",
            };
            match columns.get(field) {
                Some(column) if column == expected => {}
                column => found.push(format!("`{field}`: the column is {column:?}, not {expected}")),
            }
        }
        let fieldless = columns.keys().filter(|column| !self.0.contains_key(*column));
        found.extend(fieldless.map(|column| format!("column `{column}`: no such field")));
        found
    }
}
