use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A signature as a sender presented it: 32 bytes, not verified yet.
pub(super) type Tag = [u8; 32];

/// Reads hexadecimal digits, of either case.
pub(super) fn from_hex(text: &str) -> Option<Tag> {
    let digits = text.as_bytes();
    let mut tag = Tag::default();
    if digits.len() != 2 * tag.len() {
        return None;
    }
    for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(tag)
}

/// Reads base64 in its one canonical form: the standard alphabet, padded, without trailing text.
pub(super) fn from_base64(text: &str) -> Option<Tag> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_in_either_case_and_nothing_else_is() {
        let lower = "00ff".repeat(16);

        assert_eq!(from_hex(&lower), from_hex(&lower.to_uppercase()));
        assert_eq!(from_hex(&lower).unwrap()[..2], [0, 255]);
        for wrong in ["", "00", &lower[1..], &format!("{lower}0"), &format!("{lower}00"), &lower.replace('f', "g")] {
            assert_eq!(from_hex(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn base64_is_read_in_its_canonical_form_alone() {
        // 0xFB and 0xFF yield the two letters in which the alphabets differ.
        let right = STANDARD.encode([[0xFB; 16], [0xFF; 16]].concat());
        let wrong = [
            right.trim_end_matches('=').to_owned(),
            right.replace('+', "-").replace('/', "_"),
            format!("{right}="),
            format!("{right}A"),
            format!(" {right}"),
            format!("{}\n", right),
            // The last letter before the padding carries bits that belong to no byte.
            right.replace("8=", "9="),
            STANDARD.encode([0; 31]),
            STANDARD.encode([0; 33]),
            String::new(),
        ];

        assert!(from_base64(&right).is_some());
        for wrong in wrong {
            assert_eq!(from_base64(&wrong), None, "{wrong:?}");
        }
    }
}
