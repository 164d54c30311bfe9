use std::io::Write as _;
use std::ops::Range;

use mojito_simulator::{Event, Life, Lives};

/// How many texts there are. A prime, so that they meet each connection in another order.
const TEMPLATES: usize = 251;

/// How long a body may be.
const SIZE: Range<usize> = 2_000..4_000;

/// Where the id stands in every body: `{"id":"…`.
const ID: Range<usize> = 7..43;

/// Unique bodies of 2 to 4 kB, as the vendor sends them: results of the simulator's, and another id in each.
pub(crate) struct Bodies {
    seed: u64,
    templates: Vec<Vec<u8>>,
}

impl Bodies {
    pub fn new(seed: u64) -> Self {
        let lives = Lives::new(seed).iter();
        Self { seed, templates: lives.filter_map(|life| template(&life)).take(TEMPLATES).collect() }
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
        let templates = TEMPLATES as u64;
        &self.templates[usize::try_from(number % templates).expect("a few hundred")]
    }
}

/// SplitMix64: no two numbers become the same.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The last delivery of a life, where it is a result in the form and of the size that is measured.
fn template(life: &Life) -> Option<Vec<u8>> {
    let last = life.deliveries().last()?;
    let has_id = last.body().get(ID) == Some(last.result_id.as_bytes());
    (last.event == Event::Result && has_id && SIZE.contains(&last.body().len())).then(|| last.body().to_vec())
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
            assert!(SIZE.contains(&body.len()), "{}", body.len());
            let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(read["id"].as_str().unwrap().as_bytes(), bodies.id(number));
            ids.insert(bodies.id(number));
        }

        assert_eq!(ids.len(), 10_000);
    }
}
