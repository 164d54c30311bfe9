use std::sync::OnceLock;

use rocket::http::{Header, HeaderMap};
use rocket_mojito::SecretConfig;
use rocket_mojito::internals::Gate;

/// Id, header and value of every secret that is valid.
const SECRETS: [(&str, &str, &str); 3] = [
    ("new", "X-Mojito-Secret", "test-secret-0123456789abcdef"),
    ("old", "X-Mojito-Secret", "old-secret-0123456789abcdefg"),
    ("other", "X-Other", "other-secret-0123456789abcdef"),
];

/// Headers, a line each, `name: value`: accepted just where one of the headers that hold secrets holds one, to the
/// byte, and none of them stands twice.
pub fn authentication(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in &lines {
        headers.add(Header::new((*name).to_owned(), (*value).to_owned()));
    }

    let found = gate().authenticate(&headers).map_err(|rejection| rejection.code());

    assert_eq!(found, expected(&lines).ok_or("unauthorized").map(Some));
}

fn gate() -> &'static Gate {
    static GATE: OnceLock<Gate> = OnceLock::new();
    GATE.get_or_init(|| {
        let secrets = SECRETS.map(|(id, header, value)| SecretConfig::header(id, header, value));
        Gate::try_new(secrets).expect("sound secrets")
    })
}

fn expected(lines: &[(&str, &str)]) -> Option<&'static str> {
    let values = |header: &str| -> Vec<&str> {
        lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case(header)).map(|(_, value)| *value).collect()
    };
    let is_ambiguous = SECRETS.iter().any(|(_, header, _)| values(header).len() > 1);
    let matching = SECRETS.iter().rev().find(|(_, header, secret)| values(header) == [*secret]);
    matching.filter(|_| !is_ambiguous).map(|(id, _, _)| *id)
}
