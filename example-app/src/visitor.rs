use rocket::http::Status;
use rocket::http::uri::Host;
use rocket::request::{FromRequest, Outcome, Request};

use crate::access::Access;

/// A visitor who may see the pages. Every route with candidates takes this guard first.
///
/// | status | cause |
/// | --- | --- |
/// | `401` | there is a password, and the request does not have it, or has it twice |
/// | `421` | there is none, and the request names another host than this machine: a page of another site whose name points here, or a proxy in front of a desk that everybody could read |
pub(crate) struct Visitor(());

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Visitor {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let Some(access) = request.rocket().state::<Access>() else {
            return Outcome::Error((Status::InternalServerError, ()));
        };
        let mut presented = request.headers().get("Authorization");
        let authorization = presented.next().filter(|_| presented.next().is_none());
        if !access.admits(authorization) {
            return Outcome::Error((Status::Unauthorized, ()));
        }
        let is_for_here = match request.host() {
            Some(host) => is_this_machine(host),
            // A script may leave out the header `Host`, a browser does not.
            None => !request.headers().contains("Host"),
        };
        if matches!(access, Access::Open) && !is_for_here {
            return Outcome::Error((Status::MisdirectedRequest, ()));
        }
        Outcome::Success(Self(()))
    }
}

fn is_this_machine(host: &Host<'_>) -> bool {
    let name = host.domain().as_str();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_goes_by_few_names() {
        let is_here = |host: &'static str| is_this_machine(&Host::parse(host).unwrap());

        for host in ["localhost", "LocalHost:8000", "127.0.0.1:8000", "[::1]:8000"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["desk.example.com", "127.0.0.1.example.com", "192.0.2.7:8000", "localhost.example.com"] {
            assert!(!is_here(host), "{host}");
        }
    }
}
