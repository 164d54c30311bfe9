use std::collections::BTreeSet;

/// Keys of results (endpoint and id), as a query takes them: it finds every row with one of the endpoints and one of
/// the ids.
///
/// Where an id came to two endpoints, the query finds more rows than were asked for, so compare the keys of the rows.
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
