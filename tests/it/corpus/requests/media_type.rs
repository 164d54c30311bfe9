use super::Case;
use super::case::body;
use crate::harness::{AUTH, BASE, request};

const TYPE: &str = "Content-Type";
const ENCODING: &str = "Content-Encoding";

type Headers<'h> = &'h [(&'h str, &'h str)];

/// Plain JSON in UTF-8, or nothing said about it; nothing is decoded, so nothing can unfold.
pub(super) fn cases() -> Vec<Case> {
    let taken: [(&str, Headers); 27] = [
        ("H13", &[]),
        ("H13", &[(TYPE, "application/json")]),
        ("H13", &[(TYPE, "Application/JSON")]),
        ("H13", &[(TYPE, "text/json")]),
        ("H13", &[(TYPE, "application/x+json")]),
        ("H13", &[(TYPE, "application/vnd.jobmojito.v2+json")]),
        ("H13", &[(TYPE, "application/problem+JSON; charset=utf-8")]),
        ("H13", &[(TYPE, "application/json;charset=UTF-8")]),
        ("H13", &[(TYPE, "application/json; Charset=\"utf-8\"")]),
        ("H13", &[(TYPE, "application/json; profile=\"a;b\"")]),
        ("H13", &[(TYPE, "application/json"), ("Accept", "text/html")]),
        ("H13", &[(TYPE, "application/json;")]),
        ("H13", &[(TYPE, "application/json ; charset=utf-8")]),
        ("H13", &[(TYPE, "application/json; charset=utf-8;")]),
        ("H13", &[(TYPE, "application/json\t;;\tcharset=\"u\\tf-8\" ;")]),
        ("H13", &[(TYPE, "application/json; profile=\"a\\\"; charset=latin1\"")]),
        ("H13", &[(TYPE, "application/json; charset=utf-8; charset=UTF-8")]),
        ("H16", &[(ENCODING, "")]),
        ("H16", &[(ENCODING, ",")]),
        ("H16", &[(ENCODING, " , \t,")]),
        ("H16", &[(ENCODING, "identity, identity")]),
        ("H16", &[(ENCODING, ",IDENTITY ,")]),
        ("H16", &[(ENCODING, ""), (ENCODING, "identity")]),
        ("H16", &[(ENCODING, "identity,"), (ENCODING, ",")]),
        ("H16", &[(ENCODING, "identity")]),
        ("H16", &[(ENCODING, "Identity")]),
        ("H16", &[(TYPE, "application/json"), (ENCODING, "identity")]),
    ];
    let refused: [(&str, Headers); 31] = [
        ("H14", &[(TYPE, "")]),
        ("H14", &[(TYPE, "json")]),
        ("H14", &[(TYPE, "*/*")]),
        ("H14", &[(TYPE, "a/b/c")]),
        ("H14", &[(TYPE, "text/plain")]),
        ("H14", &[(TYPE, "text/html")]),
        ("H14", &[(TYPE, "application/xml")]),
        ("H14", &[(TYPE, "application/jsonp")]),
        ("H14", &[(TYPE, "application/json-seq")]),
        ("H14", &[(TYPE, "application/x-ndjson")]),
        ("H14", &[(TYPE, "application/octet-stream")]),
        ("H14", &[(TYPE, "application/x-www-form-urlencoded")]),
        ("H14", &[(TYPE, "multipart/form-data; boundary=x")]),
        ("H14", &[(TYPE, "application/json, application/json")]),
        ("H14", &[(TYPE, "application/json"), (TYPE, "application/json")]),
        ("H14", &[(TYPE, "application/json"), (TYPE, "text/plain")]),
        ("H15", &[(TYPE, "application/json; charset=utf-16")]),
        ("H15", &[(TYPE, "application/json; charset=latin1")]),
        ("H15", &[(TYPE, "application/json; CHARSET=iso-8859-1")]),
        ("H15", &[(TYPE, "application/json; charset=utf-8; charset=utf-16")]),
        ("H16", &[(ENCODING, "gzip")]),
        ("H16", &[(ENCODING, "br")]),
        ("H16", &[(ENCODING, "deflate")]),
        ("H16", &[(ENCODING, "zstd")]),
        ("H14", &[(TYPE, "application/json; charset")]),
        ("H14", &[(TYPE, "application/json; charset =utf-8")]),
        ("H14", &[(TYPE, "application/json; charset=\"utf-8")]),
        ("H14", &[(TYPE, ";")]),
        ("H15", &[(TYPE, "application/json; charset=\"\"")]),
        ("H16", &[(ENCODING, "identity, gzip")]),
        ("H16", &[(ENCODING, "identity"), (ENCODING, "gzip")]),
    ];
    let taken = taken.map(|(row, headers)| {
        let body = body();
        Case::taken(row, request("POST", BASE, &[&[AUTH], headers].concat(), &body), body)
    });
    let refused = refused
        .map(|(row, headers)| Case::refused(row, request("POST", BASE, &[&[AUTH], headers].concat(), &body()), 415));
    [&taken[..], &refused].concat()
}
