use anyhow::Context as _;

/// What a system answered.
pub(super) struct Answer {
    pub status: u16,
    /// The id of the delivery, where it names one.
    pub delivery: Option<i64>,
}

impl Answer {
    /// The answer in these bytes, if it is all there.
    ///
    /// # Errors
    ///
    /// When it is not HTTP as the systems speak it.
    pub fn read(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let (head, body) = (std::str::from_utf8(&bytes[..head])?, std::str::from_utf8(&bytes[head + 4..])?);
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        if body.len() < length.context("an answer without a length")?? {
            return Ok(None);
        }
        let status = head.get(9..12).context("an answer without a status")?.parse()?;
        let delivery = body.strip_prefix(r#"{"delivery":""#).and_then(|rest| rest.split_once('"'));
        Ok(Some(Self { status, delivery: delivery.and_then(|(id, _)| id.parse().ok()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"delivery\":\"42\"}";

        let answer = Answer::read(bytes).unwrap().unwrap();

        assert_eq!((answer.status, answer.delivery), (200, Some(42)));
        assert!(Answer::read(&bytes[..bytes.len() - 1]).unwrap().is_none());
        assert!(Answer::read(&bytes[..20]).unwrap().is_none());
    }

    #[test]
    fn a_refusal_names_no_delivery() {
        let bytes = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 23\r\n\r\n{\"error\":\"unavailable\"}";

        let answer = Answer::read(bytes).unwrap().unwrap();

        assert_eq!((answer.status, answer.delivery), (503, None));
    }
}
