use super::SignatureError;

/// The tolerance for the time of a signature, in seconds in either direction.
const TOLERANCE: u64 = 300;

/// Reads a Unix time in seconds, in its one canonical form: digits, without a leading zero.
pub(super) fn read(text: &str) -> Result<i64, SignatureError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if !is_plain {
        return Err(SignatureError::Malformed);
    }
    // An empty text, or one too long for the type, ends here.
    text.parse().map_err(|_| SignatureError::Malformed)
}

/// Whether a delivery with this time of signing can have been sent just now.
pub(super) fn is_fresh(sent_at: i64, now: i64) -> bool {
    now.abs_diff(sent_at) <= TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_seconds_are_a_time() {
        let wrong = [
            "",
            "0",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1.0",
            "1e9",
            "NaN",
            "0x1",
            "١",
            "9223372036854775808",
            "99999999999999999999",
            &"1".repeat(30),
        ];

        assert_eq!(read("1614265330"), Ok(1_614_265_330));
        assert_eq!(read("9223372036854775807"), Ok(i64::MAX));
        for wrong in wrong {
            assert_eq!(read(wrong), Err(SignatureError::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn the_window_is_300_seconds_in_either_direction() {
        let now = 1_614_265_330;

        for (offset, expected) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            assert_eq!(is_fresh(now + offset, now), expected, "{offset} s");
        }
        assert!(!is_fresh(i64::MAX, i64::MIN));
    }
}
