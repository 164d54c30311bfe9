use super::Case;
use super::case::{STAGING, body};
use crate::harness::{AUTH, BASE, SECRET, request};

const HEADER: &str = AUTH.0;

/// Who may deliver: one header, once, with exactly the secret.
pub(super) fn cases() -> Vec<Case> {
    [wrong(), repeated(), spelled_otherwise(), not_ascii()].concat()
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

/// Whoever stands between may have judged by the other one.
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

/// Rocket drops such a header as if it had not been sent.
fn not_ascii() -> Vec<Case> {
    let secret = SECRET.as_bytes();
    let values: [&[&[u8]]; 4] = [&[secret, "é".as_bytes()], &[b"\xFF", secret], &[b"\xA0", secret], &[secret, b"\x80"]];
    let with = |value: Vec<u8>| {
        let request = request("POST", BASE, &[(HEADER, "%")], &body());
        let at = request.iter().position(|byte| *byte == b'%').unwrap();
        [&request[..at], &value, &request[at + 1..]].concat()
    };
    values.map(|parts| Case::refused("H11", with(parts.concat()), 401)).into()
}

fn refused(row: &'static str, headers: &[(&str, &str)]) -> Case {
    Case::refused(row, request("POST", BASE, headers, &body()), 401)
}
