use super::Case;
use super::case::{Expected, STAGING, body};
use crate::harness::{AUTH, BASE, request};
use crate::http::SPELLINGS;

const PATHS: [&str; 4] = ["", "/interview_result", "/interview_collected", "/interview_failed"];
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// Where a request goes, and by which method.
pub(super) fn cases() -> Vec<Case> {
    [good(), other_methods(), other_paths(), spellings(), forms()].concat()
}

fn good() -> Vec<Case> {
    PATHS.iter().map(|path| taken("H01", &format!("{BASE}{path}"), AUTH)).collect()
}

fn other_methods() -> Vec<Case> {
    let mut cases = Vec::new();
    for base in [BASE.to_owned(), format!("{BASE}/staging")] {
        for path in PATHS.map(|path| format!("{base}{path}")) {
            let refused = |method, headers: &[_]| Case::refused("H02", request(method, &path, headers, &body()), 405);
            cases.extend(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"].map(|method| refused(method, &[AUTH])));
            cases.push(refused("GET", &[]));
            let head = request("HEAD", &path, &[AUTH, ("Connection", "close")], b"");
            cases.push(Case::new("H02", head, Expected::RefusedHead(405)));
        }
    }
    let unknown = |method| Case::pinned("H03", request(method, BASE, &[AUTH], &body()), 400);
    cases.extend(["FOO", "post", "PROPFIND", "MKCOL", "REPORT", "SEARCH", "QUERY", "Post"].map(unknown));
    cases
}

fn other_paths() -> Vec<Case> {
    let paths = [
        "/",
        "/webhooks",
        "/webhooks/jobmojito/unknown",
        "/webhooks/jobmojito/nobody/interview_result",
        "/webhooks/jobmojito/interview_result/interview_result",
        "/webhooks/jobmojito/default/interview_result",
        "/webhooks/jobmojito/Interview_Result",
        "/webhooks/jobmojito/interview_result%2F",
        "/webhooks/jobmojito%2Finterview_result",
        "/webhooks/jobmojito/../jobmojito",
        "/webhooks/jobmojito/interview_result;a=b",
    ];
    paths.map(|path| Case::pinned("H04", request("POST", path, &[AUTH], &body()), 404)).into()
}

/// Other spellings that Rocket routes like the plain one: none goes round the secret.
fn spellings() -> Vec<Case> {
    let mut cases = Vec::new();
    for (path, endpoint, _) in SPELLINGS {
        let secret = if endpoint == "staging" { STAGING } else { AUTH };
        let others = if secret == AUTH { STAGING } else { AUTH };
        cases.push(taken("H05", path, secret));
        cases.push(Case::refused("H05", request("POST", path, &[], &body()), 401));
        cases.push(Case::refused("H05", request("POST", path, &[others], &body()), 401));
    }
    cases
}

/// Rocket lets a form name another method than the request. It must not be a way in.
fn forms() -> Vec<Case> {
    let forms = [
        ("POST", "_method=put&id=r-1", 405),
        ("POST", "_method=get&id=r-1", 405),
        ("POST", "_method=post&id=r-1", 415),
        ("PUT", "_method=post&id=r-1", 405),
    ];
    let case = |(method, form, status): (&str, &str, u16)| {
        Case::refused("H06", request(method, BASE, &[AUTH, FORM], form.as_bytes()), status)
    };
    forms.map(case).into()
}

fn taken(row: &'static str, path: &str, secret: (&str, &str)) -> Case {
    let body = body();
    Case::taken(row, request("POST", path, &[secret], &body), body)
}
