use std::borrow::Cow;
use std::collections::BTreeSet;

use mojito_schema::{Field, Person, Snapshot};
use serde::de::IgnoredAny;

use super::tokens::{Token, Tokens, decoded};

/// The relation of a stored text to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// Nothing.
    Nothing,
    /// It holds the person's id or address, but in a place where that names nobody.
    Elsewhere,
    /// It is about the person.
    Person,
}

/// Decides whether a stored text is about a person: the one rule for bodies and states.
///
/// | | is about the person | may hold the person elsewhere |
/// | --- | --- | --- |
/// | an id | as a text or a number in a field of its name, at any depth | as a word anywhere |
/// | a mail address, in JSON | as a whole text, whatever its name and depth | in a longer text, or as a name |
/// | a mail address, in a text that is no JSON | at word boundaries | in a longer word |
///
/// Blanks around a value do not count, nor does the case of an address. The second of two members of one name is no
/// better than the first.
pub(super) enum Matcher {
    /// The values of a field.
    Ids { field: &'static str, values: BTreeSet<String> },
    /// A mail address, in small letters.
    Address(String),
}

impl Matcher {
    /// `None` where the value names nobody: it is blank, or no mail address.
    pub fn new(person: &Person) -> Option<Self> {
        let value = trimmed(person.value());
        match person {
            Person::Email(_) => {
                let (local, domain) = value.rsplit_once('@')?;
                (!local.is_empty() && !domain.is_empty()).then(|| Self::Address(in_small_letters(value)))
            }
            _ => (!value.is_empty()).then(|| Self::Ids { field: person.kind(), values: [value.to_owned()].into() }),
        }
    }

    /// A matcher for every text about these results.
    pub fn for_results(ids: impl IntoIterator<Item = String>) -> Self {
        let values = ids.into_iter().map(|id| trimmed(&id).to_owned()).filter(|id| !id.is_empty());
        Self::Ids { field: Field::Id.as_str(), values: values.collect() }
    }

    /// Looks for the person in a body.
    pub fn look(&self, body: &[u8]) -> Holds {
        let text = String::from_utf8_lossy(body);
        // Byte order marks, and the NULs that UTF-16 adds to ASCII.
        let is_bent = text.contains(['\0', '\u{feff}']);
        let text = if is_bent { Cow::Owned(text.replace(['\0', '\u{feff}'], "")) } else { text };
        let found = self.look_at_tokens(&text);
        if found == Holds::Person || serde_json::from_str::<IgnoredAny>(&text).is_ok() {
            return found;
        }
        // The text as it stands, and with its escapes resolved: the `n` of `\n` is no part of the word behind it.
        let found = found.max(self.look_at_words(&text));
        match decoded(&text) {
            Cow::Borrowed(_) => found,
            Cow::Owned(resolved) => found.max(self.look_at_words(&resolved)),
        }
    }

    /// Looks for the person in the columns of a result.
    pub fn look_at_state(&self, result_id: &str, state: &Snapshot) -> Holds {
        let columns = [
            (Field::Id, Some(result_id)),
            (Field::InterviewId, state.interview_id.as_deref()),
            (Field::QuestionSetId, state.question_set_id.as_deref()),
            (Field::Status, state.status.as_deref()),
            (Field::InterviewStatus, state.interview_status.as_deref()),
            (Field::ProcessingStatus, state.processing_status.as_deref()),
            (Field::ProfileInterviewId, state.profile_interview_id.as_deref()),
            (Field::ProfileId, state.profile_id.as_deref()),
            (Field::CandidateExternalId, state.candidate_external_id.as_deref()),
            (Field::CandidateName, state.candidate_name.as_deref()),
            (Field::CandidateEmail, state.candidate_email.as_deref()),
            (Field::CandidatePhoneNumber, state.candidate_phone_number.as_deref()),
            (Field::AiAnalysis, state.ai_analysis.as_deref()),
            (Field::AiAnalysisRecruiter, state.ai_analysis_recruiter.as_deref()),
            (Field::PdfExportUrl, state.pdf_export_url.as_deref()),
            (Field::Reason, state.reason.as_deref()),
        ];
        let in_json = [&state.ai_analysis_recruiter_why_hire, &state.ai_analysis_recruiter_why_not_hire];
        let in_json = in_json.into_iter().flatten().chain([&state.extra]);
        let texts =
            columns.into_iter().filter_map(|(field, text)| Some(self.look_at_text(self.names(field.as_str()), text?)));
        texts.chain(in_json.map(|json| self.look_at_tokens(json))).max().unwrap_or(Holds::Nothing)
    }

    fn names(&self, name: &str) -> bool {
        matches!(self, Self::Ids { field, .. } if *field == name)
    }

    fn look_at_tokens(&self, text: &str) -> Holds {
        let mut found = Holds::Nothing;
        // For each open array or object: whether its values without a name of their own are in the field.
        let mut open = Vec::new();
        let mut is_named = false;
        for token in Tokens::new(text) {
            let is_in_field = std::mem::take(&mut is_named) || open.last().is_some_and(|is_in_field| *is_in_field);
            let holds = match token {
                Token::Name(name) => {
                    is_named = self.names(&name);
                    self.look_at_text(false, &name).min(Holds::Elsewhere)
                }
                Token::Text(text) => self.look_at_text(is_in_field, &text),
                Token::Bare(word) => self.look_at_number(is_in_field, word),
                Token::Array => {
                    open.push(is_in_field);
                    continue;
                }
                Token::Object => {
                    open.push(false);
                    continue;
                }
                Token::End => {
                    open.pop();
                    continue;
                }
            };
            found = found.max(holds);
            if found == Holds::Person {
                break;
            }
        }
        found
    }

    fn look_at_text(&self, is_in_field: bool, text: &str) -> Holds {
        match self {
            Self::Ids { values, .. } if is_in_field && values.contains(trimmed(text)) => Holds::Person,
            Self::Ids { values, .. } if values.iter().any(|value| has_word(text, value)) => Holds::Elsewhere,
            Self::Address(address) if text.contains('@') => {
                let text = in_small_letters(text);
                if trimmed(&text) == address {
                    Holds::Person
                } else if text.contains(address) {
                    Holds::Elsewhere
                } else {
                    Holds::Nothing
                }
            }
            _ => Holds::Nothing,
        }
    }

    fn look_at_number(&self, is_in_field: bool, word: &str) -> Holds {
        let Self::Ids { values, .. } = self else { return Holds::Nothing };
        let is_number = word.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-');
        let is_value = is_number && (values.contains(word) || whole(word).is_some_and(|whole| values.contains(&whole)));
        match (is_value, is_in_field) {
            (true, true) => Holds::Person,
            (true, false) => Holds::Elsewhere,
            (false, _) => Holds::Nothing,
        }
    }

    /// Looks for the person in a text that is no JSON.
    fn look_at_words(&self, text: &str) -> Holds {
        match self {
            Self::Ids { field, values } => {
                let is_named = places(text, field).any(|at| {
                    is_bounded(text, at, field) && {
                        let value = text[at + field.len()..].trim_start_matches(is_between);
                        values.iter().any(|id| value.starts_with(id.as_str()) && is_bounded(value, 0, id))
                    }
                });
                if is_named {
                    Holds::Person
                } else if values.iter().any(|value| has_word(text, value)) {
                    Holds::Elsewhere
                } else {
                    Holds::Nothing
                }
            }
            Self::Address(address) => {
                let text = in_small_letters(text);
                if places(&text, address).any(|at| is_bounded(&text, at, address)) {
                    Holds::Person
                } else if text.contains(address) {
                    Holds::Elsewhere
                } else {
                    Holds::Nothing
                }
            }
        }
    }
}

/// The text without the invisible characters around it.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '\u{feff}')
}

/// The text in small letters, letter by letter: no small letter depends on its place, as that of a final sigma does.
fn in_small_letters(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// A whole number as it is written without a fraction or an exponent.
fn whole(number: &str) -> Option<String> {
    // Doubles tell all whole numbers apart up to here.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = number.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < EXACT).then(|| format!("{number:.0}"))
}

/// The places of a word in a text, also inside longer words.
fn places<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at)
}

/// Whether a word stands in a text by itself.
fn has_word(text: &str, word: &str) -> bool {
    places(text, word).any(|at| {
        let before = text[..at].chars().next_back();
        let behind = text[at + word.len()..].chars().next();
        [before, behind].into_iter().flatten().all(|letter| !letter.is_ascii_alphanumeric())
    })
}

/// Whether an address, an id or a name begins and ends where `word` does. `ann@example.com` does not stand in
/// `jo-ann@example.com`, nor in `ann@example.com.au`, but does at the end of a sentence.
fn is_bounded(text: &str, at: usize, word: &str) -> bool {
    let mut before = text[..at].chars().rev();
    let begins = match before.next() {
        None => true,
        Some('\'') => !before.next().is_some_and(char::is_alphanumeric),
        Some(letter) => !(letter.is_alphanumeric() || "._%+-@".contains(letter)),
    };
    let mut behind = text[at + word.len()..].chars();
    let ends = match behind.next() {
        None => true,
        Some('.') => !behind.next().is_some_and(char::is_alphanumeric),
        Some(letter) => !(letter.is_alphanumeric() || "_-@".contains(letter)),
    };
    begins && ends
}

/// Whether a letter may stand between the name of a field and its value.
fn is_between(letter: char) -> bool {
    letter.is_whitespace() || "\"'\\:=>[".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_mail(body: impl AsRef<[u8]>) -> Holds {
        Matcher::new(&Person::Email(" Ann@Example.com ".to_owned())).unwrap().look(body.as_ref())
    }

    fn by_external_id(body: impl AsRef<[u8]>) -> Holds {
        Matcher::new(&Person::ExternalId("42".to_owned())).unwrap().look(body.as_ref())
    }

    #[test]
    fn an_address_is_one_wherever_it_stands_as_a_whole_text() {
        let bodies: [&[u8]; 14] = [
            br#"{"candidate_email":"ann@example.com"}"#,
            b"\xef\xbb\xbf{\"candidate_email\":\"ANN@example.com\"}",
            b"\xef\xbb\xbf{\"candidate_email\":\"ann\\u0040example.com\"}",
            br#"{"candidate_email":"ann@example.com","candidate_email":"bob@example.com"}"#,
            br#"{"candidate_email":"bob@example.com","candidate_email":"ann@example.com"}"#,
            br#"{"candidate_email":"bob@example.com","candidate_\u0065mail":"ann@example.com"}"#,
            br#"{"contact_email":"ann@example.com"}"#,
            br#"{"contact":[{"mail":[["  ann@example.com\t"]]}]}"#,
            br#"["ann@example.com"]"#,
            br#""ann@example.com""#,
            b"{\"e\":\"\xc2\xa0ann@example.com\\u0000\"}",
            br#"{"candidate_email":"ANN@Example.com","scor"#,
            br#"{"candidate_email":"\u0061nn@example.com","scor"#,
            br#"{"candidate_email":"ann@example.com"#,
        ];

        for body in bodies {
            assert_eq!(by_mail(body), Holds::Person, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_address_in_what_is_no_json_is_one_at_word_boundaries() {
        let utf_16: Vec<u8> = "\u{feff}{\"e\":\"ann@example.com\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bodies: [&[u8]; 9] = [
            b"ann@example.com",
            b"from: Ann <ann@example.com>.",
            b"mail=Ann@example.com&x=1",
            b"please write to ann@example.com.",
            b"ask 'ann@example.com'",
            b"\xff\xfe mailto:ann@example.com",
            br#"ple.com","note":"to\nann@example.com","x":1}"#,
            br#"{"note":"hello ann@example.com, hello","sco"#,
            &utf_16,
        ];

        for body in bodies {
            assert_eq!(by_mail(body), Holds::Person, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_address_in_a_longer_text_is_left_and_told() {
        let bodies = [
            r#"{"ai_analysis":"Ann said: write to ann@example.com"}"#,
            r#"{"candidate_email":"ann@example.com.au"}"#,
            r#"{"candidate_email":"jo-ann@example.com"}"#,
            r#"{"candidate_email":"Ann <ann@example.com>"}"#,
            r#"{"by":{"ann@example.com":5}}"#,
            "jo-ann@example.com",
            "o'ann@example.com ann@example.com.au",
        ];

        for body in bodies {
            assert_eq!(by_mail(body), Holds::Elsewhere, "{body}");
        }
        for body in [r#"{"candidate_email":"an@example.com"}"#, "not json", "", "ann @ example.com", "{}"] {
            assert_eq!(by_mail(body), Holds::Nothing, "{body}");
        }
    }

    #[test]
    fn the_case_of_other_letters_does_not_count_either() {
        let holds = |person: &str, body: &str| {
            Matcher::new(&Person::Email(person.to_owned())).unwrap().look(body.as_bytes()) == Holds::Person
        };

        assert!(holds("jörg@bücher.example", r#"{"e":"J\u00d6RG@BÜCHER.example"}"#));
        assert!(holds("ΝΙΚΟΣ@example.com", r#"{"e":"νικοσ@example.com"}"#));
        assert!(holds("Ёлка@пример.рф", "письмо: ёлка@ПРИМЕР.рф"));
        assert!(!holds("jorg@bücher.example", r#"{"e":"jörg@bücher.example"}"#));
    }

    #[test]
    fn an_id_is_one_in_a_field_of_its_name() {
        let bodies = [
            r#"{"candidate_external_id":"42"}"#,
            r#"{"candidate_external_id":42}"#,
            r#"{"candidate_external_id":42.0}"#,
            r#"{"candidate_external_id":" 42 "}"#,
            r#"{"candidate_external_id":"\u00342"}"#,
            r#"{"candidate_external_id":["7",{},["42"]]}"#,
            r#"{"candidate_external_id":"42","candidate_external_id":"7"}"#,
            r#"{"candidate_external_id":"7","candidate_external_id":"42"}"#,
            r#"{"record":{"x":[{"candidate_external_id":42}]}}"#,
            r#"{"candidate_external_id":"42","sc"#,
            r#"{"candidate_external_id":42"#,
            r#"d":"1","candidate_external_id" : "42"}"#,
            "candidate_external_id=42&score=1",
            "<candidate_external_id>42</candidate_external_id>",
            r#""{\"candidate_external_id\":\"42\"}"x"#,
        ];

        for body in bodies {
            assert_eq!(by_external_id(body), Holds::Person, "{body}");
        }
    }

    #[test]
    fn an_id_elsewhere_is_left_and_told() {
        let bodies = [
            r#"{"score":42}"#,
            r#"{"score":"42"}"#,
            r#"{"profile_id":"42"}"#,
            r#"{"ai_analysis":"She is 42, and able"}"#,
            r#"{"candidate_external_id":{"value":"42"}}"#,
            r#"{"candidate_external_id":"ats-42"}"#,
            r#"{"candidate_external_id":["7"],"x":"42"}"#,
            r#"{"candidate_external_id":"7","x":[42]}"#,
            "candidate_external_id=7&score=42",
            "candidate_external_id=42-b",
        ];

        for body in bodies {
            assert_eq!(by_external_id(body), Holds::Elsewhere, "{body}");
        }
        for body in [r#"{"candidate_external_id":"1423"}"#, r#"{"score":4.42,"x":142}"#, "1423", "{}"] {
            assert_eq!(by_external_id(body), Holds::Nothing, "{body}");
        }
    }

    #[test]
    fn an_id_is_compared_letter_by_letter() {
        let holds = |id: &str, body: &str| {
            Matcher::new(&Person::ProfileId(id.to_owned())).unwrap().look(body.as_bytes()) == Holds::Person
        };

        assert!(!holds("ats-42", r#"{"profile_id":"ATS-42"}"#));
        assert!(holds("12345678901234567890123", r#"{"profile_id":12345678901234567890123}"#));
        assert!(!holds("12345678901234567890123", r#"{"profile_id":12345678901234567890124}"#));
        assert!(!holds("null", r#"{"profile_id":null}"#));
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for person in ["", " ", "\u{a0}\t\n", "\u{feff}", "\0"] {
            assert!(Matcher::new(&Person::ExternalId(person.to_owned())).is_none(), "{person:?}");
            assert!(Matcher::new(&Person::Email(person.to_owned())).is_none(), "{person:?}");
        }
        for person in ["ann", "@", "ann@", "@example.com"] {
            assert!(Matcher::new(&Person::Email(person.to_owned())).is_none(), "{person}");
        }
    }

    #[test]
    fn the_state_of_a_result_is_looked_at_by_the_same_rule() {
        let state = |change: fn(&mut Snapshot)| {
            let mut state = Snapshot::empty();
            change(&mut state);
            state
        };
        let ann = Matcher::new(&Person::Email("ann@example.com".to_owned())).unwrap();
        let id = Matcher::new(&Person::ExternalId("42".to_owned())).unwrap();
        let result = Matcher::new(&Person::ResultId("r".to_owned())).unwrap();

        let mail = state(|state| state.candidate_email = Some("ANN@example.com".to_owned()));
        let unknown = state(|state| state.extra = r#"{"contact":{"mail":"ann@example.com"}}"#.to_owned());
        let quoted = state(|state| state.ai_analysis_recruiter_why_hire = Some(r#"["by ann@example.com"]"#.to_owned()));
        let external = state(|state| state.candidate_external_id = Some("42".to_owned()));
        let other = state(|state| state.profile_id = Some("42".to_owned()));

        assert_eq!(ann.look_at_state("r", &mail), Holds::Person);
        assert_eq!(ann.look_at_state("r", &unknown), Holds::Person);
        assert_eq!(ann.look_at_state("r", &quoted), Holds::Elsewhere);
        assert_eq!(id.look_at_state("r", &external), Holds::Person);
        assert_eq!(id.look_at_state("r", &other), Holds::Elsewhere);
        assert_eq!(
            (result.look_at_state("r", &mail), result.look_at_state("s", &mail)),
            (Holds::Person, Holds::Nothing)
        );
    }
}
