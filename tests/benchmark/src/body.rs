use std::io::Write as _;
use std::ops::Range;

use fastrand::Rng;
use serde_json::json;

/// How many texts there are. A prime, so that they meet each connection in another order.
const TEMPLATES: u64 = 251;

/// How long a body may be.
const SIZE: Range<usize> = 2_000..4_000;

/// Where the id stands in every body: `{"id":"…`.
const ID: Range<usize> = 7..43;

/// Words of a report. Nobody in it is real.
const WORDS: [&str; 24] = [
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
    "she",
    "knows",
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
];

/// Unique bodies of 2 to 4 kB, as the vendor sends them: the same text of a report, and another id in each.
pub(crate) struct Bodies {
    seed: u64,
    templates: Vec<Vec<u8>>,
}

impl Bodies {
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        Self { seed, templates: (0..TEMPLATES).map(|_| template(&mut random)).collect() }
    }

    /// The id of the body with this number: a UUID in no order, as the vendor's are.
    pub fn id(&self, number: u64) -> [u8; 36] {
        let unique = mix(self.seed.wrapping_add(number));
        let more = mix(unique);
        let mut id = [0; 36];
        write!(
            id.as_mut_slice(),
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            unique >> 32,
            (unique >> 16) & 0xffff,
            more & 0xfff,
            (more >> 12) & 0xfff,
            ((unique & 0xffff) << 32) | (more >> 32)
        )
        .expect("36 bytes");
        id
    }

    /// Writes the body with this number behind what is there.
    pub fn append(&self, number: u64, to: &mut Vec<u8>) {
        let began = to.len();
        to.extend_from_slice(self.template(number));
        to[began + ID.start..began + ID.end].copy_from_slice(&self.id(number));
    }

    /// How long the body with this number is.
    pub fn length(&self, number: u64) -> usize {
        self.template(number).len()
    }

    fn template(&self, number: u64) -> &[u8] {
        &self.templates[usize::try_from(number % TEMPLATES).expect("a few hundred")]
    }
}

/// SplitMix64: no two numbers become the same.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn template(random: &mut Rng) -> Vec<u8> {
    let person = random.u32(100_000..1_000_000);
    let mut rest = json!({
        "interview_id": uuid(random),
        "question_set_id": uuid(random),
        "status": "active",
        "interview_status": "completed",
        "processing_status": "completed",
        "profile_interview_id": uuid(random),
        "profile_id": uuid(random),
        "candidate_external_id": format!("ats-{person}"),
        "candidate_name": format!("Test Person {person}"),
        "candidate_email": format!("test.person.{person}@example.com"),
        "candidate_phone_number": format!("+1 555 {person}"),
        "score": f64::from(random.u32(0..1000)) / 100.0,
        "ai_analysis_recruiter_score": f64::from(random.u32(0..5000)) / 1000.0,
        "ai_analysis_recruiter": sentence(random, 300),
        "ai_analysis_recruiter_why_hire": [sentence(random, 80), sentence(random, 60)],
        "ai_analysis_recruiter_why_not_hire": [sentence(random, 60)],
        "recruiter_go_next_round": random.bool(),
        "pdf_export_url": format!("https://reports.example.com/{}.pdf", uuid(random)),
        "reason": "score",
        "ai_analysis": "",
    });
    let size = random.usize(SIZE);
    let empty = rest.to_string().len() + r#""id":"","#.len() + 36;
    rest["ai_analysis"] = sentence(random, size.saturating_sub(empty)).into();
    let rest = rest.to_string();
    format!(r#"{{"id":"{}",{}"#, "0".repeat(36), &rest[1..]).into_bytes()
}

/// At least so many bytes.
fn sentence(random: &mut Rng, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text += WORDS[random.usize(0..WORDS.len())];
        text.push(if random.u8(0..12) == 0 { '\n' } else { ' ' });
    }
    text
}

fn uuid(random: &mut Rng) -> String {
    let (a, b) = (random.u64(..), random.u64(..));
    format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, a & 0xffff, b & 0xfff, (b >> 12) & 0xfff, b >> 16)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_body_is_of_2_to_4_kilobytes_and_has_an_id_of_its_own() {
        let bodies = Bodies::new(1);

        let mut ids = HashSet::new();
        for number in 0..10_000 {
            let mut body = Vec::new();
            bodies.append(number, &mut body);
            assert_eq!(body.len(), bodies.length(number));
            assert!((2_000..4_400).contains(&body.len()), "{}", body.len());
            let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(read["id"].as_str().unwrap().as_bytes(), bodies.id(number));
            ids.insert(bodies.id(number));
        }

        assert_eq!(ids.len(), 10_000);
    }
}
