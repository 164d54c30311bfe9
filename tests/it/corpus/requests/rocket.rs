use super::Case;
use super::case::{Expected, body};
use crate::harness::{AUTH, BASE, head, request};

/// The decisions of hyper and Rocket before the plugin is asked, pinned as they are.
pub(super) fn cases() -> Vec<Case> {
    [large_heads(), hosts(), expectations(), other_protocols(), pipelined()].concat()
}

/// Nothing but these bounds what a head may cost: a proxy should.
fn large_heads() -> Vec<Case> {
    let many: Vec<(String, &str)> = (0..98).map(|number| (format!("X-Header-{number}"), "a")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let of_size = |size: usize| "a".repeat(size);
    let (small, large) = (of_size(100_000), of_size(500_000));
    let mut cases = Vec::new();
    for headers in [&many[..97], &[("X-Large", small.as_str())], &[("X-Large", large.as_str())]] {
        let body = body();
        cases.push(Case::taken("H31", request("POST", BASE, &[headers, &[AUTH]].concat(), &body), body));
    }
    cases.push(Case::pinned("H31", request("POST", BASE, &[&many[..], &[AUTH]].concat(), &body()), 431));
    let long = format!("{BASE}?{}", of_size(100_000));
    cases.push(Case::pinned("H31", request("POST", &long, &[AUTH], &body()), 414));
    cases
}

/// No URL is ever made of `Host`, so it may be anything.
fn hosts() -> Vec<Case> {
    let with = |target: &str, hosts: &[&str]| {
        let body = body();
        let mut bytes = format!("POST {target} HTTP/1.1\r\n{}: {}\r\n", AUTH.0, AUTH.1);
        for host in hosts {
            bytes.push_str(&format!("Host: {host}\r\n"));
        }
        bytes.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        Case::taken("H32", [bytes.as_bytes(), &body].concat(), body)
    };
    let absolute = format!("http://elsewhere.example{BASE}");
    vec![with(BASE, &[]), with(BASE, &["a", "b"]), with(BASE, &["<script>"]), with(&absolute, &["localhost"])]
}

/// A client that waits to be asked for the body is asked, and then has as long as anybody.
fn expectations() -> Vec<Case> {
    let whole = body();
    let expecting = |what, body: &[u8]| request("POST", BASE, &[AUTH, ("Expect", what)], body);
    let silent = head("POST", BASE, &[AUTH, ("Expect", "100-continue"), ("Content-Length", "100")]);
    // Rocket waits for 14 bytes before the deadline begins.
    let after_some = [&silent[..], b"{\"id\":\"r-1\",   "].concat();
    vec![
        Case::new("H33", after_some, Expected::Interim).then(Expected::Refused(408)),
        Case::new("H33", expecting("100-continue", &whole), Expected::Interim)
            .then(Expected::Taken(whole.clone(), mojito_schema::Standing::Current)),
        {
            let body = body();
            Case::taken("H33", expecting("a-miracle", &body), body)
        },
    ]
}

fn other_protocols() -> Vec<Case> {
    let upgrade = [AUTH, ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")];
    let whole = body();
    let hello: &[u8] = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n";
    vec![
        Case::taken("H34", request("POST", BASE, &upgrade, &whole), whole),
        // This build of Rocket has no HTTP/2.
        Case::new("H34", &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], Expected::Closed),
        Case::pinned("H35", hello, 400),
        Case::pinned("H35", &b"\0\0\0\0\r\n\r\n"[..], 400),
    ]
}

fn pipelined() -> Vec<Case> {
    let bodies = [body(), body(), body()];
    let requests = bodies.iter().flat_map(|body| request("POST", BASE, &[AUTH], body)).collect::<Vec<u8>>();
    let [first, second, third] = bodies;
    let taken = |body| Expected::Taken(body, mojito_schema::Standing::Current);
    vec![Case::taken("H36", requests, first).then(taken(second)).then(taken(third))]
}
