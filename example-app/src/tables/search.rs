use diesel::dsl::{AsExprOf, sql};
use diesel::expression::{SqlLiteral, UncheckedBind};
use diesel::sql_types::{Bool, Text};

/// The longest text of a search, in characters.
const LONGEST: usize = 200;

/// A condition on the texts of a candidate.
pub type Says = SqlLiteral<Bool, UncheckedBind<SqlLiteral<Bool>, AsExprOf<String, Text>>>;

/// A search for candidates whose name or ids hold a text, in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    text: String,
}

impl Search {
    /// A search for this text, without the blanks around it; none where nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text: String = text.trim().chars().take(LONGEST).collect();
        (!text.is_empty()).then_some(Self { text })
    }

    /// The text of the search.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pattern of a search. Without a search, the pattern that every candidate fits.
    fn pattern(search: Option<&Self>) -> String {
        let Some(Self { text }) = search else { return "%".to_owned() };
        // No stored text holds NUL, and Postgres refuses it. The empty pattern fits no candidate.
        if text.contains('\0') {
            return String::new();
        }
        let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        format!("%{escaped}%")
    }
}

/// Whether a result fits a search, in a query on the table of results.
pub fn says(search: Option<&Search>) -> Says {
    within("", search, "")
}

/// The same condition between other pieces of SQL.
pub fn within(before: &str, search: Option<&Search>, after: &str) -> Says {
    let texts = "lower(coalesce(mojito_results.candidate_name, '') || ' ' || mojito_results.id || ' ' || \
                 coalesce(mojito_results.candidate_external_id, ''))";
    sql::<Bool>(&format!("{before}{texts} LIKE lower("))
        .bind::<Text, _>(Search::pattern(search))
        .sql(&format!(") ESCAPE '!'{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_pattern_is_escaped() {
        let pattern = |text| Search::pattern(Search::new(text).as_ref());

        assert_eq!(pattern(" Ann Example\t"), "%Ann Example%");
        assert_eq!(pattern("50%_!"), "%50!%!_!!%");
        assert_eq!(pattern("  "), "%");
        assert_eq!(pattern("a\0"), "");
        assert_eq!(pattern(&"é".repeat(300)).chars().count(), LONGEST + 2);
    }
}
