/// Whether a statement of this SQL would begin or end a transaction. A savepoint is none.
pub(super) fn ends_transaction(sql: &str) -> bool {
    statements(sql).iter().any(|[first, second, third]| match first.as_str() {
        "BEGIN" | "COMMIT" | "END" => true,
        "ROLLBACK" => second != "TO" && third != "TO",
        _ => false,
    })
}

/// Whether a statement of this SQL may leave changes that no transaction undoes. Every `CREATE` counts: tables are made
/// seldom, and a temporary table has many spellings.
pub(super) fn alters_session(sql: &str) -> bool {
    statements(sql).iter().any(|[first, ..]| matches!(first.as_str(), "PRAGMA" | "ATTACH" | "DETACH" | "CREATE"))
}

/// The first three words of each statement. The `END` of a trigger begins none.
fn statements(sql: &str) -> Vec<[String; 3]> {
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut is_trigger = false;
    let mut rest = sql;
    loop {
        let token = Token::first(rest);
        if let Some(Token::Word(word)) = token
            && words.len() < 3
        {
            words.push(word.to_ascii_uppercase());
        }
        if matches!(token, None | Some(Token::End)) && !words.is_empty() {
            let first: [String; 3] = std::array::from_fn(|at| words.get(at).cloned().unwrap_or_default());
            let is_end_of_trigger = is_trigger && first[0] == "END";
            is_trigger = (is_trigger || (first[0] == "CREATE" && first.iter().any(|word| word == "TRIGGER")))
                && !is_end_of_trigger;
            if !is_end_of_trigger {
                found.push(first);
            }
            words.clear();
        }
        match token {
            None => return found,
            Some(token) => rest = &rest[token.len()..],
        }
    }
}

/// The tokens that tell one statement from the next, and no more.
#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    Word(&'a str),
    End,
    /// A comment, a text, a name in quotes, a blank, anything else.
    Other(usize),
}

impl<'a> Token<'a> {
    fn first(sql: &'a str) -> Option<Self> {
        let first = sql.chars().next()?;
        let until = |end: &str, from: usize| sql[from..].find(end).map_or(sql.len(), |at| from + at + end.len());
        Some(match first {
            ';' => Self::End,
            '-' if sql.starts_with("--") => Self::Other(until("\n", 2)),
            '/' if sql.starts_with("/*") => Self::Other(until("*/", 2)),
            // A doubled quote ends one text and begins another, which has the same effect.
            '\'' => Self::Other(until("'", 1)),
            '"' => Self::Other(until("\"", 1)),
            '`' => Self::Other(until("`", 1)),
            '[' => Self::Other(until("]", 1)),
            first if first.is_alphabetic() || first == '_' => {
                let end = sql.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(sql.len());
                Self::Word(&sql[..end])
            }
            first => Self::Other(first.len_utf8()),
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Word(word) => word.len(),
            Self::End => 1,
            Self::Other(len) => *len,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_or_ends_a_transaction_is_found_in_any_dress() {
        for sql in [
            "COMMIT",
            "commit transaction;",
            "  \n;; End",
            "/* quick */ BEGIN IMMEDIATE",
            "-- now\nROLLBACK",
            "INSERT INTO t VALUES ('a;b'); ROLLBACK; INSERT INTO t VALUES (2)",
            "rollback/**/transaction",
            "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; END; END",
        ] {
            assert!(ends_transaction(sql), "{sql}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_let_through() {
        for sql in [
            "SAVEPOINT a",
            "RELEASE SAVEPOINT diesel_savepoint_1",
            "ROLLBACK TO SAVEPOINT diesel_savepoint_1",
            "ROLLBACK TRANSACTION TO a",
            "INSERT INTO t VALUES ('; COMMIT')",
            "INSERT INTO \"; commit\" VALUES (1) -- ; END",
            "INSERT OR ROLLBACK INTO t VALUES (1)",
            "SELECT CASE WHEN 1 THEN 2 END",
            "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; END; SELECT 1",
            "/* unfinished",
            "'unfinished",
            "",
        ] {
            assert!(!ends_transaction(sql), "{sql}");
        }
    }

    #[test]
    fn what_outlives_a_transaction_is_noted() {
        for sql in
            ["PRAGMA query_only = ON", "SELECT 1; pragma foreign_keys", "ATTACH 'x' AS y", "CREATE TABLE temp.t (a)"]
        {
            assert!(alters_session(sql), "{sql}");
        }
        assert!(!alters_session("UPDATE pragma SET attach = 1"));
    }
}
