//! Whether the time of a comparison tells how near a secret was: the method of dudect, with Welch's t.
//!
//! Wrong secrets of each kind are presented in random order, and the times of two kinds are compared. Noise of the
//! machine falls on all kinds alike, so it widens the spread and shifts no mean. It can hide a difference and make
//! none. The verdict is the median over independent runs. A difference that is there shows in every run; one that
//! chance made in a run does not show in most.

use std::hint::black_box;
use std::time::Instant;

use fastrand::Rng;
use rocket::http::{Header, HeaderMap};
use rocket_mojito::internals::Gate;
use rocket_mojito::{SecretConfig, Timestamp};

use crate::harness::{Signer, hex, rounds, seed};

/// Beyond this, two kinds of times differ: what dudect takes for proof.
const PROOF: f64 = 4.5;

/// Independent runs. The verdict is their median.
const RUNS: usize = 5;

/// Long, so that a comparison that stops early saves something. A letter more or less costs SHA-256 no block more.
const LENGTH: usize = 1_004;

const HEADER: &str = "X-Mojito-Secret";

/// Kinds of wrong secrets.
const KINDS: [&str; 3] = ["wrong first byte", "wrong last byte", "wrong length"];

fn secret() -> String {
    "0123456789abcdef".chars().cycle().take(LENGTH).collect()
}

/// How many copies there are of each wrong secret: where the one lies that is presented then tells little of its kind.
const COPIES: usize = 64;

/// Wrong secrets of each kind.
fn wrong_secrets() -> Vec<[String; 3]> {
    (0..COPIES).map(|_| wrong_secrets_of(&secret())).collect()
}

fn wrong_secrets_of(secret: &str) -> [String; 3] {
    [format!("x{}", &secret[1..]), format!("{}x", &secret[..LENGTH - 1]), secret[..LENGTH - 1].to_owned()]
}

fn headers(name: &'static str, value: &str) -> HeaderMap<'static> {
    let mut headers = HeaderMap::new();
    headers.add(Header::new(name, value.to_owned()));
    headers
}

/// Measures `compare` on inputs of each kind, in random order. The making of an input leaves traces in the machine that
/// would tell of its kind too. So another one, of any kind, is made and compared in between.
fn measure<I, const N: usize>(
    samples: u32,
    random: &mut Rng,
    make: impl Fn(usize, usize) -> I,
    compare: impl Fn(&I) -> bool,
) -> [Vec<f64>; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..samples {
        let kind = random.usize(0..N);
        let input = make(random.usize(0..COPIES), kind);
        let between = make(random.usize(0..COPIES), random.usize(0..N));
        black_box(compare(black_box(&between)));
        let start = Instant::now();
        let fits = black_box(compare(black_box(&input)));
        let nanos = start.elapsed().as_nanos();
        assert!(!fits, "every input is wrong");
        times[kind].push(nanos as f64);
    }
    times
}

/// The largest |t| over several crops: what takes longest is mostly the machine's doing. The crop is the same for both.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    let mut all = [a, b].concat();
    all.sort_by(f64::total_cmp);
    let crops = [50, 75, 90, 99, 100].map(|percent| all[(all.len() - 1) * percent / 100]);
    let below = |times: &[f64], most: f64| times.iter().copied().filter(|time| *time <= most).collect::<Vec<_>>();
    crops.map(|most| welch(&below(a, most), &below(b, most)).abs()).into_iter().fold(0.0, f64::max)
}

/// Welch's t; 0 where there is nothing to be compared.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let moments = |times: &[f64]| {
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((mean_a, error_a), (mean_b, error_b)) = (moments(a), moments(b));
    let error = (error_a + error_b).sqrt();
    if error > 0.0 { (mean_a - mean_b) / error } else { 0.0 }
}

/// The median difference between each two kinds, printed.
#[expect(clippy::print_stdout, reason = "the figures are what whoever doubts the verdict wants to see")]
fn verdicts<const N: usize>(
    what: &str,
    kinds: [&str; N],
    run: impl Fn(&mut Rng) -> [Vec<f64>; N],
) -> Vec<(String, f64)> {
    let mut random = Rng::with_seed(seed());
    let runs: Vec<[Vec<f64>; N]> = (0..RUNS).map(|_| run(&mut random)).collect();
    let mut verdicts = Vec::new();
    for first in 0..N {
        for second in first + 1..N {
            let mut found: Vec<f64> = runs.iter().map(|times| difference(&times[first], &times[second])).collect();
            found.sort_by(f64::total_cmp);
            let pair = format!("{} against {}", kinds[first], kinds[second]);
            println!("{what}: {pair}: |t| of {RUNS} runs {found:.1?}, samples {:?}", runs[0].each_ref().map(Vec::len));
            verdicts.push((pair, found[RUNS / 2]));
        }
    }
    verdicts
}

// Shows F94.
/// A measurement cannot show the absence of a difference that it could not see. So it has as many samples as it needs,
/// on this machine and now, to see a plain comparison that follows ours.
#[test]
fn the_time_tells_nothing_of_a_wrong_secret() {
    let (secret, wrong) = (secret(), wrong_secrets());
    let gate = Gate::try_new([SecretConfig::header("a", HEADER, secret.clone())]).unwrap();
    let plain = |headers: &HeaderMap<'_>| headers.get_one(HEADER) == Some(black_box(&secret));
    let make = |copy: usize, kind: usize| headers(HEADER, &wrong[copy][kind]);
    let ours = |samples| {
        verdicts("ours", KINDS, |random| measure(samples, random, make, |headers| gate.authenticate(headers).is_ok()))
    };
    let ours_and_plain = |samples| {
        verdicts("ours and a plain one", KINDS, |random| {
            measure(samples, random, make, |headers| gate.authenticate(headers).is_ok() | plain(headers))
        })
    };

    let mut samples = rounds(20_000, 1_000_000);
    let most = samples * 32;
    while ours_and_plain(samples)[0].1 < PROOF {
        samples *= 2;
        assert!(samples <= most, "the machine is too noisy: {samples} samples do not tell a plain comparison");
    }
    let verdicts = ours(samples);

    assert!(verdicts.iter().all(|(_, found)| *found < PROOF), "{verdicts:?}");
}

// Shows F94.
#[test]
fn the_time_of_a_plain_comparison_tells_all_of_it() {
    let (secret, wrong) = (secret(), wrong_secrets());
    let samples = rounds(100_000, 1_000_000);

    let verdicts = verdicts("plain", KINDS, |random| {
        let compare = |headers: &HeaderMap<'_>| headers.get_one(HEADER) == Some(black_box(&secret));
        measure(samples, random, |copy, kind| headers(HEADER, &wrong[copy][kind]), compare)
    });

    let told = |pair: &str| verdicts.iter().any(|(other, found)| other == pair && *found > PROOF);
    assert!(told("wrong first byte against wrong last byte"), "{verdicts:?}");
    assert!(told("wrong last byte against wrong length"), "{verdicts:?}");
}

// Shows F94.
/// As above, with as many samples as show a comparison that follows ours and stops at the first byte that differs. One of
/// whole words would show nothing: `architecture::signatures_are_compared_in_constant_time` looks for that in the source.
#[test]
fn the_time_tells_nothing_of_a_wrong_signature() {
    const KEY: &str = "gateway-key-0123456789abcdef";
    const KINDS: [&str; 2] = ["an early byte", "a late byte"];
    let (header, body) = ("X-Hub-Signature-256", b"{}");
    let gate = Gate::try_new([SecretConfig::github("a", KEY)]).unwrap();
    let right = Signer::now(KEY).mac(&[body]);
    // Only bits that turn one digit into another: a letter may take another way through the reading of digits.
    let at = |index: usize| {
        let mut wrong = right;
        wrong[index] ^= 0b1;
        wrong
    };
    let is_digit = |index: &usize| hex(&right[*index..=*index]).bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let (first, last) = ((0..32).find(is_digit).unwrap(), (0..32).rfind(is_digit).unwrap());
    let (wrong, now) = ([at(first), at(last)], Timestamp::now());
    let make = |_, kind: usize| (headers(header, &format!("sha256={}", hex(&wrong[kind]))), wrong[kind]);
    let is_right = |(headers, _): &(HeaderMap<'_>, _)| gate.verify(headers, body, now).is_ok();
    let stops_early = |(_, tag): &(_, [u8; 32])| tag.iter().zip(&right).all(|(a, b)| black_box(a) == black_box(b));
    let ours = |samples| verdicts("signature", KINDS, |random| measure(samples, random, make, is_right));
    let ours_and_early = |samples| {
        let compare = |input: &_| is_right(input) | stops_early(input);
        verdicts("signature and one that stops early", KINDS, |random| measure(samples, random, make, compare))
    };

    let mut samples = rounds(20_000, 1_000_000);
    let most = samples * 32;
    while ours_and_early(samples)[0].1 < PROOF {
        samples *= 2;
        assert!(
            samples <= most,
            "the machine is too noisy: {samples} samples do not tell a comparison that stops early"
        );
    }
    let verdicts = ours(samples);

    assert!(first + 8 < last, "the two lie apart");
    assert!(verdicts.iter().all(|(_, found)| *found < PROOF), "{verdicts:?}");
}
