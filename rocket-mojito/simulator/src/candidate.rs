use crate::random::Random;

const FIRST_NAMES: [&str; 16] = [
    "Ada", "Bela", "Chidi", "Dilek", "Émile", "Farah", "Goran", "Hana", "Ines", "Jörg", "Kofi", "Łucja", "Mei", "Noor",
    "Oskar", "Priya",
];

const LAST_NAMES: [&str; 8] =
    ["Example", "Invented", "Mustermann", "Nobody", "Placeholder", "Sample", "Specimen", "Test-Person"];

/// Words of a report. Some are not ASCII, and some need an escape in JSON.
const WORDS: [&str; 26] = [
    "the",
    "candidate",
    "answered",
    "clearly",
    "and",
    "with",
    "precise",
    "examples",
    "from",
    "former",
    "projects",
    "they",
    "know",
    "how",
    "to",
    "lead",
    "a",
    "team",
    "under",
    "pressure",
    "naïve",
    "\"why\"",
    "curious",
    "calm,",
    "日本語",
    "✓",
];

/// A person who does not exist.
pub(crate) struct Candidate {
    pub name: String,
    pub email: String,
    pub phone: Option<String>,
    pub external_id: Option<String>,
    pub profile_id: Option<String>,
    pub profile_interview_id: String,
}

impl Candidate {
    /// The candidate of this number. Names are plainly invented, addresses are below `example.org`, and phone numbers
    /// are of the range that is kept for fiction.
    pub fn new(random: &mut Random, number: u64) -> Self {
        let (first, last) = (random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES));
        Self {
            name: format!("{first} {last}"),
            email: format!("candidate.{number}@example.org"),
            phone: random.percent(60).then(|| format!("+1 202 555 01{:02}", number % 100)),
            external_id: random.percent(80).then(|| format!("ats-{number}")),
            profile_id: random.percent(50).then(|| random.uuid()),
            profile_interview_id: random.uuid(),
        }
    }
}

/// A text of so many bytes or a few more.
pub(crate) fn text(random: &mut Random, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        if !text.is_empty() {
            text.push(if random.percent(8) { '\n' } else { ' ' });
        }
        text.push_str(random.pick(&WORDS));
    }
    text
}
