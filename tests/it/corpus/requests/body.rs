use mojito_schema::Standing;

use super::Case;
use super::case::{Expected, LIMIT, body};
use crate::harness::{AUTH, BASE, chunked, head, request};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// How long a body is, and is said to be.
pub(super) fn cases() -> Vec<Case> {
    [empty(), around_the_limit(), cut(), stalled(), longer_than_declared()].concat()
}

fn empty() -> Vec<Case> {
    vec![
        Case::refused("H17", head("POST", BASE, &[AUTH]), 400),
        Case::refused("H17", [head("POST", BASE, &[AUTH]), body()].concat(), 400).then(Expected::Pinned(400)),
        Case::refused("H18", request("POST", BASE, &[AUTH], b""), 400),
        Case::refused("H18", request("POST", BASE, &[AUTH, JSON], b""), 400),
        Case::refused("H18", chunked(BASE, &[AUTH], &[], true), 400),
        Case::refused("H18", chunked(BASE, &[AUTH, JSON], &[], true), 400),
    ]
}

fn around_the_limit() -> Vec<Case> {
    let padded = |length| {
        let mut body = body();
        body.resize(length, b' ');
        body
    };
    let mut cases = Vec::new();
    // Of what is declared too long, nothing but Rocket's own first 14 bytes is waited for.
    for length in [LIMIT + 1, 1 << 20, 4_000_000_000, usize::MAX / 4] {
        let head = head("POST", BASE, &[AUTH, ("Content-Length", &length.to_string())]);
        cases.push(Case::refused("H19", [head, vec![b' '; 14]].concat(), 413));
    }
    for length in [LIMIT - 1, LIMIT] {
        let (declared, in_chunks) = (padded(length), padded(length));
        cases.push(Case::taken("H20", request("POST", BASE, &[AUTH], &declared), declared));
        let (one, two) = in_chunks.split_at(700);
        cases.push(Case::taken("H20", chunked(BASE, &[AUTH], &[one, two], true), in_chunks.clone()));
    }
    cases.push(Case::refused("H20", request("POST", BASE, &[AUTH], &padded(LIMIT + 1)), 413));
    let longer = padded(LIMIT + 1);
    cases.push(Case::refused("H21", chunked(BASE, &[AUTH], &[&longer[..LIMIT], &longer[LIMIT..]], false), 413));
    cases.push(Case::refused("H21", chunked(BASE, &[AUTH], &[&longer, &longer], true), 413));
    let singles: Vec<&[u8]> = longer.chunks(1).collect();
    cases.push(Case::refused("H21", chunked(BASE, &[AUTH], &singles, false), 413));
    cases
}

/// Cut anywhere: within the first 14 bytes, which Rocket reads itself, and where the part alone would be good JSON.
fn cut() -> Vec<Case> {
    let whole = body();
    let mut cases = Vec::new();
    for length in [0, 1, 2, 13, 14, 15, 30, whole.len() - 1] {
        cases.push(cut_after(&whole[..length], whole.len()));
    }
    for good in [&b"{}"[..], b"{\"id\":\"r\"}", b"{\"id\":\"r-1\",\"status\":\"active\"}"] {
        cases.push(cut_after(good, good.len() + 1));
    }
    cases
}

fn cut_after(beginning: &[u8], declared: usize) -> Case {
    let head = head("POST", BASE, &[AUTH, ("Content-Length", &declared.to_string())]);
    Case::refused("H22", [&head, beginning].concat(), 400).closes()
}

fn stalled() -> Vec<Case> {
    let whole = body();
    let head = head("POST", BASE, &[AUTH, ("Content-Length", &whole.len().to_string())]);
    let stalled = [
        [&head, &whole[..whole.len() - 1]].concat(),
        [&head, &whole[..14]].concat(),
        chunked(BASE, &[AUTH], &[&whole], false),
    ];
    stalled.map(|bytes| Case::refused("H23", bytes, 408).then(Expected::Closed)).into()
}

/// The declared length is the body; the bytes behind it are another request, and none of ours.
fn longer_than_declared() -> Vec<Case> {
    let whole = body();
    let declared = |length: usize| head("POST", BASE, &[AUTH, ("Content-Length", &length.to_string())]);
    let part = &whole[..20];
    vec![
        Case::new("H24", [declared(20), whole.clone()].concat(), Expected::Taken(part.into(), Standing::Quarantined))
            .then(Expected::Pinned(400)),
        Case::taken("H24", [&declared(whole.len()), &whole[..], b"{\"id\":\"r-1\"}"].concat(), whole.clone())
            .then(Expected::Pinned(400)),
    ]
}
