use super::Case;
use super::case::{STAGING, body};
use crate::harness::{AUTH, BASE, SECRET, request};

const HEADER: &str = AUTH.0;

/// A delivery needs one header, once, with exactly the secret.
pub(super) fn cases() -> Vec<Case> {
    [wrong(), repeated(), spelled_otherwise(), not_ascii(), not_utf_8()].concat()
}

fn wrong() -> Vec<Case> {
    let (longer, upper, twice) = (format!("{SECRET}0"), SECRET.to_uppercase(), format!("{SECRET}{SECRET}"));
    let (in_two, quoted, encoded) = (SECRET.replace('-', " -"), format!("\"{SECRET}\""), SECRET.replace('-', "%2D"));
    let causes: [&[(&str, &str)]; 16] = [
        &[],
        &[(HEADER, "")],
        &[(HEADER, " \t ")],
        &[(HEADER, "wrong")],
        &[(HEADER, "wrong-secret-9876543210fedcba")],
        &[(HEADER, &SECRET[..SECRET.len() - 1])],
        &[(HEADER, &SECRET[1..])],
        &[(HEADER, &longer)],
        &[(HEADER, &upper)],
        &[(HEADER, &twice)],
        &[(HEADER, &in_two)],
        &[(HEADER, &quoted)],
        &[(HEADER, &encoded)],
        &[(HEADER, STAGING.1)],
        &[("Authorization", SECRET)],
        &[("X-Mojito-Secrets", SECRET), ("X_Mojito_Secret", SECRET)],
    ];
    causes.map(|headers| refused("H07", headers)).into()
}

/// A proxy in between may have judged by the other one.
fn repeated() -> Vec<Case> {
    let listed = ["wrong, ", "wrong,", ", "].map(|before| format!("{before}{SECRET}"));
    let mut cases: Vec<Case> = listed.iter().map(|value| refused("H09", &[(HEADER, value)])).collect();
    cases.push(refused("H09", &[(HEADER, &format!("{SECRET}, wrong"))]));
    let twice: [&[(&str, &str)]; 6] = [
        &[AUTH, AUTH],
        &[AUTH, (HEADER, "wrong")],
        &[(HEADER, "wrong"), AUTH],
        &[AUTH, ("x-mojito-secret", "")],
        &[(HEADER, ""), ("X-MOJITO-SECRET", SECRET)],
        &[AUTH, ("Accept", "*/*"), AUTH],
    ];
    cases.extend(twice.map(|headers| refused("H08", headers)));
    cases
}

/// Names of headers have no case, and spaces around a value are none of it.
fn spelled_otherwise() -> Vec<Case> {
    let paddings = [format!("  {SECRET}"), format!("{SECRET}  "), format!("\t{SECRET}\t "), format!(" \t {SECRET}")];
    let mut headers = vec![("x-mojito-secret", SECRET), ("X-MOJITO-SECRET", SECRET)];
    headers.extend(paddings.iter().map(|value| (HEADER, value.as_str())));
    let taken = |header| {
        let body = body();
        Case::taken("H10", request("POST", BASE, &[header], &body), body)
    };
    headers.into_iter().map(taken).collect()
}

fn not_ascii() -> Vec<Case> {
    let secret = SECRET.as_bytes();
    let values: [&[&[u8]]; 4] = [&[secret, "é".as_bytes()], &[b"\xFF", secret], &[b"\xA0", secret], &[secret, b"\x80"]];
    let refused = |headers: &[(&str, &[u8])]| Case::refused("H11", with_bytes(headers, &body()), 401);
    let mut cases: Vec<Case> = values.map(|parts| refused(&[(HEADER, &parts.concat())])).into();
    // A text in UTF-8 is a value like any other.
    cases.push(refused(&[(HEADER, secret), (HEADER, "é".as_bytes())]));
    cases.push(refused(&[(HEADER, b"\xFF")]));
    cases
}

/// Rocket drops a header that is not UTF-8 as if it had not been sent: nobody can see that there were two.
fn not_utf_8() -> Vec<Case> {
    let secret: (&str, &[u8]) = (HEADER, SECRET.as_bytes());
    let dropped: [(&str, &[u8]); 5] = [
        (HEADER, b"\xFF"),
        (HEADER, b"wrong\x80"),
        ("Content-Type", b"text/plain\xFF"),
        ("Content-Encoding", b"gzip\xFF"),
        ("X-Other", b"\xC0\xAF"),
    ];
    let taken = |header: (&str, &[u8])| {
        [[secret, header], [header, secret]].map(|headers| {
            let body = body();
            Case::taken("H11", with_bytes(&headers, &body), body)
        })
    };
    dropped.into_iter().flat_map(taken).collect()
}

/// A post with values of headers that need not be texts.
fn with_bytes(headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("POST {BASE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    [&bytes, &b"\r\n"[..], body].concat()
}

fn refused(row: &'static str, headers: &[(&str, &str)]) -> Case {
    Case::refused(row, request("POST", BASE, headers, &body()), 401)
}
