use super::Case;
use super::case::body;
use crate::harness::{AUTH, BASE, chunked, head};

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

/// Requests that could make a proxy and us disagree about where one ends. Hyper refuses most of them before anybody is
/// asked; then that is pinned.
pub(super) fn cases() -> Vec<Case> {
    [lengths(), both(), chunks(), codings(), heads(), chunks_that_are_strange_and_good()].concat()
}

fn with(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    [&head("POST", BASE, &[&[AUTH], headers].concat()), body].concat()
}

fn lengths() -> Vec<Case> {
    let whole = body();
    let length = whole.len().to_string();
    let length = length.as_str();
    let plus = format!("+{length}");
    let twice = with(&[("Content-Length", length), ("Content-Length", length)], &whole);
    let mut cases = vec![Case::taken("H25", twice, whole.clone())];
    let different = with(&[("Content-Length", length), ("Content-Length", "2")], &whole);
    cases.push(Case::pinned("H25", different, 400));
    let list = format!("{length}, {length}");
    for wrong in [plus.as_str(), "-1", "100000000000000000000000", "0x20", "", &list] {
        cases.push(Case::pinned("H25", with(&[("Content-Length", wrong)], &whole), 400));
    }
    cases
}

/// Rocket drops the length where there are chunks, so nobody can see that there were both. The chunks count.
fn both() -> Vec<Case> {
    let (one, two) = (body(), body());
    let framed = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
    let first = with(&[("Content-Length", "4"), CHUNKED], &framed(&one));
    let last = with(&[CHUNKED, ("Content-Length", "100")], &framed(&two));
    vec![Case::taken("H26", first, one), Case::taken("H26", last, two)]
}

/// A body whose chunks are broken is cut, and never taken for a whole one.
fn chunks() -> Vec<Case> {
    let whole = body();
    let length = whole.len();
    let after = |size: &str, rest: &[u8]| with(&[CHUNKED], &[size.as_bytes(), rest].concat());
    let bad = [
        after("zz\r\n", &whole),
        after("\r\n", &whole),
        after("-5\r\n", &whole),
        after("ffffffffffffffffffff\r\n", &whole),
        after("10000000000000000\r\n", &whole),
        after(&format!("{length:x}\r\n"), &[&whole[..], b"xx0\r\n\r\n"].concat()),
        after(&format!("{length:x};{}\r\n", "a".repeat(64 << 10)), &[&whole[..], b"\r\n0\r\n\r\n"].concat()),
        after(&format!("{length:x}\r\n"), &[&whole[..], b"\r\n5\r\n{}"].concat()),
        after(&format!("{length:x}\r\n"), &[&whole[..], b"\r\nzz\r\n"].concat()),
    ];
    let mut cases: Vec<Case> = bad.map(|bytes| Case::refused("H27", bytes, 400).closes()).into();
    // Without its last chunk, cut within the first 14 bytes and behind them.
    for part in [&whole[..5], &whole[..14], &whole] {
        cases.push(Case::refused("H27", chunked(BASE, &[AUTH], &[part], false), 400).closes());
    }
    cases
}

fn chunks_that_are_strange_and_good() -> Vec<Case> {
    let (in_singles, extended) = (body(), body());
    let singles: Vec<&[u8]> = in_singles.chunks(1).collect();
    let size = format!("{:X};a=b\r\n", extended.len());
    let framed = [size.as_bytes(), &extended, b"\r\n000\r\nTrailer: x\r\n\r\n"].concat();
    vec![
        Case::taken("H27", chunked(BASE, &[AUTH], &singles, true), in_singles.clone()),
        Case::taken("H27", with(&[CHUNKED], &framed), extended),
    ]
}

fn codings() -> Vec<Case> {
    let framed = b"2\r\n{}\r\n0\r\n\r\n";
    let coding = |value: &str| with(&[("Transfer-Encoding", value)], framed);
    let spaced = with(&[], framed);
    let spaced = String::from_utf8(spaced).unwrap().replacen("\r\n\r\n", "\r\nTransfer-Encoding : chunked\r\n\r\n", 1);
    let old = String::from_utf8(coding("chunked")).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut cases: Vec<Case> = ["chunked, identity", "xchunked", "identity", "gzip"]
        .map(|value| Case::pinned("H28", coding(value), 400))
        .into();
    cases.push(Case::pinned("H28", spaced, 400));
    cases.push(Case::pinned("H28", old, 400));
    cases
}

fn heads() -> Vec<Case> {
    let whole = body();
    let length = whole.len();
    let lines = |lines: &str| {
        let head = format!("POST {BASE} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
        [head.as_bytes(), &whole].concat()
    };
    let plain = format!("{}: {}\r\nContent-Length: {length}\r\n", AUTH.0, AUTH.1);
    let bare = lines(&plain);
    let bare: Vec<u8> = bare.into_iter().filter(|byte| *byte != b'\r').collect();
    vec![
        Case::pinned("H29", lines(&format!("X-Folded: a\r\n b\r\n{plain}")), 400),
        Case::pinned("H29", lines(&format!("X-Bare: a\rb\r\n{plain}")), 400),
        Case::pinned("H29", lines(&format!("X-Nul: a\0b\r\n{plain}")), 400),
        Case::pinned("H29", lines(&format!("X Name: a\r\n{plain}")), 400),
        Case::pinned("H29", lines(&format!(": a\r\n{plain}")), 400),
        Case::taken("H30", bare, whole),
    ]
}
