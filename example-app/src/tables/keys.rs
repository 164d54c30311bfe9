use std::collections::BTreeSet;

/// Keys of results (endpoint and id), as a query takes them: whatever has one of the endpoints and one of the ids.
///
/// Where an id came to two endpoints it finds more than was asked for, so compare the keys of what it finds.
pub struct Keys<'a> {
    /// The endpoints, each once.
    pub endpoints: BTreeSet<&'a str>,
    /// The ids.
    pub ids: Vec<&'a str>,
}

impl<'a> FromIterator<(&'a str, &'a str)> for Keys<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(keys: I) -> Self {
        let (endpoints, ids) = keys.into_iter().unzip();
        Self { endpoints, ids }
    }
}
