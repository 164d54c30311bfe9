//! Comments of the product and of its tests: short sentences, whose subject is a noun of the code or of the database.

use crate::checkout::{Checkout, File};

const MAX_WORDS: usize = 25;

/// Words that stand for a noun which a stranger would have to guess.
const NO_SUBJECTS: [&str; 7] = ["What", "Who", "Whoever", "Whatever", "Whose", "That which", "Those who"];

/// The paragraphs and list items of a file's comments. Tables, headings and code stand for themselves.
fn paragraphs(file: &File) -> Vec<String> {
    let (mut paragraphs, mut is_code) = (vec![String::new()], false);
    for line in file.text.lines().map(str::trim_start) {
        let text = line.strip_prefix("//").map(|text| text.trim_start_matches(['/', '!']).trim());
        let Some(text) = text else {
            is_code = false;
            paragraphs.push(String::new());
            continue;
        };
        let is_fence = text.starts_with("```");
        is_code ^= is_fence;
        let is_prose = !is_code && !is_fence && !text.is_empty() && !text.starts_with(['|', '#']);
        let is_item = text.starts_with("- ") || text.starts_with(|letter: char| letter.is_ascii_digit());
        if !is_prose || is_item {
            paragraphs.push(String::new());
        }
        if is_prose {
            let paragraph = paragraphs.last_mut().unwrap();
            paragraph.push(' ');
            paragraph.push_str(text.trim_start_matches("- "));
        }
    }
    paragraphs
}

/// The text with each quoted span as one word, and without the targets of links.
fn plain(paragraph: &str) -> String {
    let quoted = paragraph.split('`').enumerate();
    let text: String = quoted.map(|(index, part)| if index % 2 == 1 { "quoted" } else { part }).collect();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, link)) = rest.split_once("](") {
        plain.push_str(before);
        rest = link.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

fn sentences(paragraph: &str) -> Vec<String> {
    let mut sentences = vec![Vec::new()];
    for word in plain(paragraph).split_whitespace() {
        sentences.last_mut().unwrap().push(word.to_owned());
        if word.trim_end_matches([')', '"']).ends_with(['.', '!', '?']) {
            sentences.push(Vec::new());
        }
    }
    sentences.iter().filter(|words| !words.is_empty()).map(|words| words.join(" ")).collect()
}

/// The sentences in the comments of a file that a stranger would stumble over.
fn stumbles(file: &File) -> Vec<String> {
    let is_long = |sentence: &str| {
        sentence.split(' ').filter(|word| word.contains(|letter: char| letter.is_alphanumeric())).count() > MAX_WORDS
    };
    let has_no_subject = |sentence: &str| {
        NO_SUBJECTS.iter().any(|word| sentence.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))
    };
    let sentences = paragraphs(file).into_iter().flat_map(|paragraph| sentences(&paragraph));
    let bad = sentences.filter(|sentence| is_long(sentence) || has_no_subject(sentence));
    bad.map(|sentence| format!("{}: {sentence}", file.path)).collect()
}

#[test]
fn comments_are_short_sentences_with_a_noun_for_a_subject() {
    let folders = [
        "diesel-schema/src",
        "rocket-mojito/simulator/src",
        "rocket-mojito/src",
        "example-app/src",
        "tests/it",
        "tests/fault-host",
    ];
    let sources = folders.map(Checkout::files);

    let found: Vec<String> = sources.iter().flatten().filter(|file| file.is_rust()).flat_map(stumbles).collect();

    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_sentence_that_is_too_long_or_has_no_noun_is_found() {
    let count = |text: &str| stumbles(&File::new("src/a.rs", text)).len();
    let words = |count: usize| format!("/// {}.\n", vec!["word"; count].join(" "));

    assert_eq!(count(&words(MAX_WORDS)), 0);
    assert_eq!(count(&words(MAX_WORDS + 1)), 1);
    assert_eq!(count("/// What was committed is durable.\n//! Who waits is told.\n"), 2);
    assert_eq!(count("/// A lease lapses. What lapses is\n/// rescued.\nfn a() {}"), 1);
    assert_eq!(count("/// ```\n/// // What is code.\n/// ```\n/// | What | is a table |\n"), 0);
    assert_eq!(count(&format!("/// A [link](Self::{}) and `{}`.\n", "x".repeat(9), "many words ".repeat(30))), 0);
}
