use crate::{State, WorkRow};

/// The mark in place of a value.
const VALUE: char = '#';

/// The most characters of a group, which ends with a whole word.
const MAX_LENGTH: usize = 120;

/// The most characters of an error that are looked at.
const MAX_LOOKED_AT: usize = 400;

/// The most characters of a word: a longer one is a value.
const MAX_WORD_LENGTH: usize = 40;

/// The least letters of an id that has no digit in it.
const MIN_HEX_LENGTH: usize = 8;
const MIN_JUMBLE_LENGTH: usize = 10;

/// The quotation marks that open a value, with those that close it.
const QUOTES: [(char, &[char]); 7] = [
    ('"', &['"']),
    ('`', &['`']),
    ('\'', &['\'']),
    ('\u{2018}', &['\u{2019}', '\'']),
    ('\u{201C}', &['\u{201D}', '\u{201C}']),
    ('\u{201E}', &['\u{201C}', '\u{201D}']),
    ('\u{AB}', &['\u{BB}']),
];

/// The group of an error: its first line, with everything that looks like a value replaced by `#`. Errors of one group
/// are taken for the same fault. The group of a group is the group itself.
///
/// Values are words with digits, quoted parts, mail addresses, links, paths, ids, and the text behind `=`. So are words
/// that look like names: a capitalised word that does not begin the line, or two side by side. Words of scripts without
/// capitals are values as well. So a group says what happened, and not to whom. A name in small
/// letters without quotation marks is not told from the handler's own words.
pub(crate) fn error_group(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut group = beginning(line);
    loop {
        let line = without_quoted(&group);
        let line: Vec<String> = line.split_whitespace().map(without_value).collect();
        let next = shortened(&without_names(&line.join(" ")));
        // Without its neighbours another word may look like a value. Each round leaves less.
        if next == group {
            return group;
        }
        group = next;
    }
}

/// Whether work fails with an error of this group, or has died of one.
pub(crate) fn fails_with(row: &WorkRow, group: &str) -> bool {
    let has_failed = row.finished_at.is_none() || row.state == State::Discarded;
    // An older version of the program writes no group.
    let of_error = || row.last_error.as_deref().map(error_group);
    has_failed && row.error_group.clone().or_else(of_error).as_deref() == Some(group)
}

/// The beginning of a line that ends between two words, with blanks in place of control characters.
fn beginning(line: &str) -> String {
    let is_control = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut start: String = line.chars().take(MAX_LOOKED_AT).map(is_control).collect();
    if line.chars().count() > MAX_LOOKED_AT {
        // The rest of a word that is cut might not be known for a value any more.
        start.truncate(start.rfind(char::is_whitespace).unwrap_or(0));
    }
    start
}

/// The line without its quoted parts. A quotation that does not end reaches to the end of the line.
fn without_quoted(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        // An apostrophe within a word opens nothing.
        let is_within = kept.ends_with(|former: char| former.is_alphanumeric() || former == VALUE);
        let quote = QUOTES.iter().find(|(opening, _)| *opening == letter);
        let Some((_, closing)) = quote.filter(|(mark, _)| !(is_within && is_apostrophe(*mark))) else {
            kept.push(letter);
            continue;
        };
        while let Some(quoted) = letters.next() {
            let is_followed = letters.peek().is_some_and(|next| next.is_alphanumeric());
            match quoted {
                '\\' => drop(letters.next()),
                mark if closing.contains(&mark) && !(is_followed && is_apostrophe(mark)) => break,
                _ => {}
            }
        }
        kept.push(VALUE);
    }
    kept
}

fn is_apostrophe(mark: char) -> bool {
    matches!(mark, '\'' | '\u{2018}' | '\u{2019}')
}

/// A word as it is, or the mark of a value in it. Punctuation around it stays.
fn without_value(word: &str) -> String {
    let is_punctuation = |letter: char| !letter.is_alphanumeric() && letter != '/';
    let core = word.trim_matches(is_punctuation);
    let is_path = core.starts_with('/') || (core.contains('/') && core.contains('.'));
    let is_address = core.contains('@') || core.contains("://") || core.contains("www.");
    let is_value = is_path || is_address || core.contains(char::is_numeric) || core.chars().count() > MAX_WORD_LENGTH;
    if is_value {
        return word.replacen(core, &VALUE.to_string(), 1);
    }
    match word.split_once('=') {
        Some((name, value)) if !value.is_empty() => format!("{name}={VALUE}"),
        _ => word.to_owned(),
    }
}

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// In small letters, or one letter.
    Plain,
    /// `Ann`.
    Capitalised,
    /// `NotFound`.
    Joined,
    /// `HTTP`.
    Capitals,
    /// Neither a word nor a name.
    Value,
}

impl Shape {
    fn of(word: &str) -> Self {
        let letters: Vec<char> = word.chars().filter(|letter| letter.is_alphabetic()).collect();
        let mut pairs = word.chars().zip(word.chars().skip(1));
        let joints = pairs.by_ref().filter(|(one, next)| one.is_lowercase() && next.is_uppercase()).count();
        let is_jumble = letters.len() >= MIN_JUMBLE_LENGTH && letters.len() < 4 * (joints + 1);
        let is_hex = letters.len() >= MIN_HEX_LENGTH && letters.iter().all(char::is_ascii_hexdigit);
        let has_case = letters.iter().all(|letter| letter.is_lowercase() || letter.is_uppercase());
        match letters.as_slice() {
            _ if is_jumble || is_hex || !has_case => Self::Value,
            [first, rest @ ..] if first.is_uppercase() && rest.iter().any(|letter| letter.is_lowercase()) => {
                if joints == 0 { Self::Capitalised } else { Self::Joined }
            }
            [first, _, ..] if first.is_uppercase() => Self::Capitals,
            _ => Self::Plain,
        }
    }
}

/// The line without the words that look like names.
fn without_names(line: &str) -> String {
    let words = words(line);
    let shapes: Vec<Shape> = words.iter().map(|(from, until)| Shape::of(&line[*from..*until])).collect();
    let is_beside = |left: usize, right: usize| {
        let may_be_name = |index: usize| shapes.get(index).is_some_and(|shape| !matches!(shape, Shape::Plain));
        may_be_name(left) && may_be_name(right) && line[words[left].1..words[right].0] == *" "
    };
    let (mut kept, mut end, mut run) = (String::with_capacity(line.len()), 0, 0);
    while run < words.len() {
        // Words that stand side by side and may all be parts of one name.
        let mut last = run;
        while is_beside(last, last + 1) {
            last += 1;
        }
        let has_name = shapes[run..=last].contains(&Shape::Capitalised);
        let is_alone_at_start = run == 0 && last == 0 && shapes[0] == Shape::Capitalised;
        for index in run..=last {
            let (from, until) = words[index];
            let is_value = shapes[index] == Shape::Value || (has_name && !is_alone_at_start);
            kept.push_str(&line[end..from]);
            if is_value {
                kept.push(VALUE);
            } else {
                kept.push_str(&line[from..until]);
            }
            end = until;
        }
        run = last + 1;
    }
    kept.push_str(&line[end..]);
    kept
}

/// Where the words of a line begin and end.
fn words(line: &str) -> Vec<(usize, usize)> {
    let is_of_word = |letter: char| letter.is_alphabetic() || matches!(letter, '-' | '_') || is_apostrophe(letter);
    let mut words = Vec::new();
    let mut begun = None;
    for (index, letter) in line.char_indices().chain([(line.len(), ' ')]) {
        match begun {
            None if is_of_word(letter) => begun = Some(index),
            Some(from) if !is_of_word(letter) => {
                words.push((from, index));
                begun = None;
            }
            _ => {}
        }
    }
    words
}

/// The first words of a line that fit into a group. Values side by side are one.
fn shortened(line: &str) -> String {
    let mut group = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if let Some(rest) = word.strip_prefix(VALUE).filter(|_| group == "#" || group.ends_with(" #")) {
            group.push_str(rest);
            continue;
        }
        if group.chars().count() + word.chars().count() >= MAX_LENGTH {
            break;
        }
        if !group.is_empty() {
            group.push(' ');
        }
        group.push_str(word);
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_group_says_what_happened_and_not_to_whom() {
        for (error, group) in [
            ("", ""),
            ("\n  no printer  \nat desk 4", "no printer"),
            ("connection to 10.0.0.1:5432 refused", "connection to # refused"),
            ("Connection refused (os error 111)", "Connection refused (os error #)"),
            ("error sending request: operation timed out", "error sending request: operation timed out"),
            ("no result res_4711, 3 of 5 tries", "no result #, # of # tries"),
            ("job 123e4567-e89b-12d3-a456-426614174000 is gone", "job # is gone"),
            ("commit deadbeefcafe is gone", "commit # is gone"),
            ("key sQmTzKqWvRxY is unknown", "key # is unknown"),
            ("unknown status \"ann's own\", code=weird", "unknown status #, code=#"),
            ("no such field `ann` in 'the body' of \u{201C}it\u{201D}", "no such field # in # of #"),
            ("it can't be done: the handlers' queue is full", "it can't be done: the handlers' queue is full"),
            ("a quotation \"that does not end", "a quotation #"),
            ("a mark \"of \\\"ann\\\" within\" it", "a mark # it"),
            ("mail to ann.smith@example.com bounced", "mail to # bounced"),
            ("mail to <ann@example.com> bounced", "mail to <#> bounced"),
            ("GET https://files.example.com/report?of=ann failed", "GET # failed"),
            ("cannot read /srv/ann/desk.toml: no such file", "cannot read #: no such file"),
            ("cannot read /srv/ann: no such file", "cannot read #: no such file"),
            ("cannot read ann/desk.toml: no such file", "cannot read #: no such file"),
            ("no read/write in desk.open", "no read/write in desk.open"),
            ("GET https://desk failed", "GET # failed"),
            ("see www.desk for more", "see # for more"),
            ("status= unknown", "status= unknown"),
            ("it was NotFoundAtAll", "it was #"),
            ("it was NotFoundInTables", "it was NotFoundInTables"),
            ("Connection of Ann refused", "Connection of # refused"),
            ("no desk, Ann is gone", "no desk, # is gone"),
            ("no phone of Ann SMITH", "no phone of #"),
            ("no phone of Ann Smith", "no phone of #"),
            ("Ann Smith has no phone", "# has no phone"),
            ("no phone of Ann-Marie O'Neil-SMITH, nor of Bo", "no phone of #, nor of #"),
            ("candidate 李雷 has no phone", "candidate # has no phone"),
            ("DatabaseError(UniqueViolation)", "DatabaseError(UniqueViolation)"),
            ("HTTP POST failed", "HTTP POST failed"),
            ("a\u{1b}[31mred\u{0} b", "a [# b"),
        ] {
            assert_eq!(error_group(error), group, "{error:?}");
        }
    }

    #[test]
    fn work_fails_with_its_group_or_the_group_of_its_error_until_it_succeeds() {
        let row = |state: State, last_error: Option<&str>, error_group: Option<&str>| WorkRow {
            delivery_id: 1,
            handler: "HiringDesk".to_owned(),
            first_delivery_id: 1,
            state,
            attempt: 1,
            max_attempts: 20,
            due_at: None,
            lease_until: None,
            epoch: 0,
            last_error: last_error.map(str::to_owned),
            finished_at: matches!(state, State::Discarded | State::Completed).then(Timestamp::now),
            is_first: true,
            started_at: None,
            has_attempts: true,
            dismissed_at: None,
            error_group: error_group.map(str::to_owned),
        };
        let (text, group) = (Some("no printer 7"), Some("no printer #"));

        assert!(fails_with(&row(State::Retryable, text, group), "no printer #"));
        assert!(fails_with(&row(State::Discarded, text, group), "no printer #"));
        assert!(fails_with(&row(State::Discarded, text, None), "no printer #"));
        assert!(!fails_with(&row(State::Completed, text, group), "no printer #"));
        assert!(!fails_with(&row(State::Retryable, text, group), "no paper"));
        assert!(!fails_with(&row(State::Pending, None, None), "no printer #"));
    }

    #[test]
    fn a_group_is_short_and_ends_with_a_word() {
        let long = error_group(&"word ".repeat(500));
        let endless = error_group(&"x".repeat(5_000));

        assert_eq!((long.len(), long.ends_with("word")), (119, true));
        assert_eq!(endless, "");
    }

    #[test]
    fn a_word_or_a_line_may_be_as_long_as_its_bound() {
        let word = |letters: usize| error_group(&format!("no {}", "x".repeat(letters)));
        let line = |letters: usize| error_group(&format!("\"{}\" end", "x".repeat(letters - 6)));

        assert_eq!((word(40), word(41)), (format!("no {}", "x".repeat(40)), "no #".to_owned()));
        assert_eq!((&*line(400), &*line(401)), ("# end", "#"));
    }

    #[test]
    fn the_group_of_a_group_is_itself() {
        const PARTS: [&str; 28] = [
            "Ann", "smith", "O'Neil", "'", "\"", "`", "#", "=", "42", "a1", " ", " ", " ", ", ", ": ", "(", ")",
            "NotFound", "HTTP", "A", "\u{201C}", "\u{2019}", "李", "x@y", "/etc", "deadbeef", "-", "\\",
        ];
        let mut state: u64 = 7;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        for _ in 0..10_000 {
            let text: String = (0..next() % 60).map(|_| PARTS[next() % PARTS.len()]).collect();

            let group = error_group(&text);

            assert_eq!(error_group(&group), group, "{text:?}");
        }
    }
}
