//! The fuzz targets' checks, on the saved corpus and on seeds made of the corpus of bad input. No fuzzer is needed.
//!
//! With `MOJITO_FUZZ_SEEDS` set to a folder the seeds are written there, for `tests/fuzz/run`.

use std::path::PathBuf;

use mojito_schema::Field;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::checkout::Checkout;
use crate::corpus;
use crate::fuzz;
use crate::harness::{rounds, seed};

/// A fuzz target, and its part in the tests.
struct Target {
    name: &'static str,
    check: fn(&[u8]),
    seeds: Vec<Vec<u8>>,
}

impl Target {
    /// Checks every seed and every saved input.
    fn replay(&self) {
        self.save_seeds();
        let saved = self.saved();
        assert!(!self.seeds.is_empty());
        for (number, seed) in self.seeds.iter().enumerate() {
            self.check(&format!("seed {number}"), seed);
        }
        for path in &saved {
            self.check(&path.display().to_string(), &std::fs::read(path).unwrap());
        }
        assert!(!saved.is_empty(), "nothing is saved for {}", self.name);
    }

    #[expect(clippy::print_stdout, reason = "whoever sees the check fail needs the input's name")]
    fn check(&self, input: &str, bytes: &[u8]) {
        let check = std::panic::AssertUnwindSafe(|| (self.check)(bytes));
        if let Err(panic) = std::panic::catch_unwind(check) {
            println!("{}: {input}", self.name);
            std::panic::resume_unwind(panic);
        }
    }

    fn saved(&self) -> Vec<PathBuf> {
        let folder = Checkout::root().join("tests/fuzz/corpus").join(self.name);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn save_seeds(&self) {
        let Some(folder) = std::env::var_os("MOJITO_FUZZ_SEEDS") else { return };
        let folder = PathBuf::from(folder).join(self.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in self.seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed).unwrap();
        }
    }
}

/// A fuzzer learns nothing from a large input that it does not from a small one of the kind.
const LARGEST_SEED: usize = 4096;

// Shows F93.
#[test]
fn authentication() {
    let values =
        ["test-secret-0123456789abcdef", "old-secret-0123456789abcdefg", "", "wrong", "other-secret-0123456789abcdef"];
    let names = ["X-Mojito-Secret", "x-mojito-secret", "X-Other", "Authorization"];
    let lines: Vec<String> = names.iter().flat_map(|name| values.map(|value| format!("{name}: {value}\n"))).collect();
    let pairs = lines.iter().flat_map(|one| lines.iter().map(move |other| format!("{one}{other}").into_bytes()));
    let seeds = lines.iter().map(|line| line.clone().into_bytes()).chain(pairs).collect();

    Target { name: "authentication", check: fuzz::authentication, seeds }.replay();
}

// Shows F93.
#[test]
fn signatures() {
    let standard =
        |signature: &str| format!("webhook-id: msg_1\nwebhook-timestamp: <0>\nwebhook-signature: {signature}\n");
    let many = format!("{} v1,<2>", vec!["v1,AAAA"; 15].join(" "));
    let too_many = format!("v1,AAAA {many}");
    let requests = [
        (0, standard("v1,<2>")),
        (0, standard("v1a,AAAA v1,AAAA v1,<2>")),
        (0, standard(&many)),
        (0, standard(&too_many)),
        (0, standard("v2,<2>")),
        (0, standard("v1,<1>")),
        (0, standard("v1,<2>").replace("<0>", "1699999700")),
        (0, standard("v1,<2>").replace("<0>", "1699999699")),
        (0, standard("v1,<2>").replace("<0>", "1700000300")),
        (0, standard("v1,<2>").replace("<0>", "1700000301")),
        (0, standard("v1,<2>").replace("<0>", "+1700000000")),
        (0, standard("v1,<2>").replace("msg_1", "msg.1")),
        (0, standard("v1,<2>").repeat(2)),
        (1, "Stripe-Signature: t=<0>,v1=<1>,v0=<1>\n".to_owned()),
        (1, "stripe-signature: t=<0>,v1=00,v1=<1>\n".to_owned()),
        (1, "Stripe-Signature: t=<0>,t=<0>,v1=<1>\n".to_owned()),
        (1, "Stripe-Signature: t=1,v1=<1>\n".to_owned()),
        (1, "Stripe-Signature: v1=<3>\n".to_owned()),
        (2, "X-Hub-Signature-256: sha256=<1>\n".to_owned()),
        (2, "X-Hub-Signature: sha1=<1>\nX-Hub-Signature-256: <1>\n".to_owned()),
        (3, "X-Signature: v1=<1>\nX-Time: <0>\n".to_owned()),
        (3, "X-Signature: v1=<3>\nX-Time: <0>\n".to_owned()),
        (3, "X-Signature: v1=<1>\n".to_owned()),
    ];
    let seed = |(scheme, head): (u8, String)| [&[scheme][..], head.as_bytes(), b"\n\n{\"id\":\"r-1\"}"].concat();

    Target { name: "signatures", check: fuzz::signatures, seeds: requests.map(seed).into() }.replay();
}

// Shows F93.
#[test]
fn parsing() {
    let bodies = corpus::bodies().into_iter().filter(|body| body.len() < LARGEST_SEED);
    let seeds = bodies.zip((0..4).cycle()).map(|(body, path)| [vec![path], body].concat()).collect();

    Target { name: "parsing", check: fuzz::parsing, seeds }.replay();
}

/// Bodies that are mostly what they should be, with a few things in them that are not.
#[test]
fn whatever_is_odd_in_a_body_it_is_read_as_the_rfc_has_it() {
    let known = Field::ALL.iter().map(|field| field.as_str()).collect::<Vec<_>>().join("|");
    let name = format!(r#"{known}|{known}|{known}|\\u0069d|score\\u0000|Score|[a-z]{{0,3}}"#);
    let text = r#"([ -!#-\[\]-~]{0,9}|\\[nrtbf/"\\]|\\u0000|\\ud83d|\\ude00|\\ud83d\\ude00|\\u00e9|é|😀){0,8}"#;
    let number = r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?";
    let scalar = format!(r#"null|true|false|{number}|"{text}"|"{text}"|"{text}""#);
    let list = format!(r"\[ ?({scalar})?\]|\[({scalar})(\n?, ?({scalar})){{0,3}}\]");
    let value = format!(r#"{scalar}|{list}|\{{"a":({list})\}}|\[{{63}}\]{{63}}|\[{{64}}\]{{64}}"#);
    let odd = r#"(|||||,|\x01|x)"#;
    let member = format!(r#"\n? ?"({name})" ?:[ \t]?({value})"#);
    let flat = format!(r#"\{{("id":"r-[0-9]"|{member})(|,"status":"active")(,{member}){{0,8}}{odd}\}}"#);
    let enveloped = format!(r#"\{{("id":null,)?"table":("t"|1),"record":{flat}(,{member})?\}}"#);
    let body = format!("[0-3]({flat}|{flat}|{enveloped})");
    let cases = rounds(2_000, 500_000);
    let config = Config { cases, rng_seed: RngSeed::Fixed(seed()), failure_persistence: None, ..Config::default() };

    let outcome = TestRunner::new(config).run(&prop::string::bytes_regex(&body).unwrap(), |body| {
        let check = std::panic::AssertUnwindSafe(|| fuzz::parsing(&body));
        std::panic::catch_unwind(check).map_err(|_| TestCaseError::fail("the oracle says otherwise"))
    });

    outcome.unwrap();
}

// Shows F93.
#[test]
fn standing() {
    let mut random = fastrand::Rng::with_seed(1);
    let history = |length: usize, random: &mut fastrand::Rng| (0..length).map(|_| random.u8(..)).collect();
    let seeds = (0..200).map(|number| history(2 + number % 20, &mut random)).collect();

    Target { name: "standing", check: fuzz::standing, seeds }.replay();
}

// Shows F93.
#[test]
fn server() {
    let seeds = corpus::connections().into_iter().filter(|bytes| bytes.len() < LARGEST_SEED).collect();

    Target { name: "server", check: fuzz::server, seeds }.replay();
}
