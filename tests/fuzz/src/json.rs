/// What a scan of JSON finds: written from RFC 8259 alone, with a stack of its own, so that it can be compared.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Scan<'a> {
    /// Where the whole is an object: its members, each key and value as they stand.
    pub(crate) members: Option<Vec<(&'a str, &'a str)>>,
    /// How deep it is nested; 0 for a bare value.
    pub(crate) depth: usize,
}

/// Scans a text. None where it is not JSON.
pub(crate) fn scan(text: &str) -> Option<Scan<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut scan = Scan::default();
    let mut stack = Vec::new();
    let mut key = None;
    scanner.skip_space();
    if scanner.peek() == Some(b'{') {
        scan.members = Some(Vec::new());
    }
    // Each round reads one value, from its key on, and closes what ends with it.
    loop {
        if stack.last() == Some(&b'}') {
            let name = scanner.string()?;
            scanner.skip_space();
            scanner.take(b':')?;
            scanner.skip_space();
            if stack.len() == 1 {
                key = Some((name, scanner.at));
            }
        }
        let opened = match scanner.peek()? {
            b'{' => Some(b'}'),
            b'[' => Some(b']'),
            _ => None,
        };
        if let Some(end) = opened {
            scanner.at += 1;
            stack.push(end);
            scan.depth = scan.depth.max(stack.len());
            scanner.skip_space();
            if scanner.peek()? != end {
                continue;
            }
        } else {
            scanner.scalar()?;
        }
        // A value has ended, or an empty list or object is about to.
        let mut is_empty = opened.is_some();
        loop {
            if !is_empty {
                if stack.len() == 1
                    && let (Some((name, from)), Some(members)) = (key.take(), &mut scan.members)
                {
                    members.push((name, &text[from..scanner.at]));
                }
                scanner.skip_space();
                if stack.is_empty() {
                    return (scanner.at == text.len()).then_some(scan);
                }
                if scanner.peek()? == b',' {
                    scanner.at += 1;
                    scanner.skip_space();
                    break;
                }
            }
            is_empty = false;
            scanner.take(stack.pop()?)?;
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn scalar(&mut self) -> Option<()> {
        for word in ["true", "false", "null"] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Some(());
            }
        }
        if self.peek()? == b'"' {
            return self.string().map(drop);
        }
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(())
    }

    /// A string, quotes and all.
    fn string(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.take(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(&self.text[from..self.at]);
                }
                b'\\' => {
                    self.at += 1;
                    let escape = self.peek()?;
                    self.at += 1;
                    match escape {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 4;
                        }
                        _ => return None,
                    }
                }
                0..=0x1F => return None,
                _ => self.at += 1,
            }
        }
    }
}

/// The text of a string, with U+FFFD for NUL and for each lone surrogate, and whether there was any of them.
pub(crate) fn decode(string: &str) -> (String, bool) {
    let mut units = Vec::new();
    let mut characters = string[1..string.len() - 1].chars();
    while let Some(character) = characters.next() {
        let decoded = match character {
            '\\' => match characters.next().expect("a whole escape") {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits: String = characters.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).expect("four digits"));
                    continue;
                }
                other => other,
            },
            other => other,
        };
        units.extend_from_slice(decoded.encode_utf16(&mut [0; 2]));
    }
    let mut is_replaced = false;
    let replaced = char::decode_utf16(units).map(|unit| match unit {
        Ok('\0') | Err(_) => {
            is_replaced = true;
            char::REPLACEMENT_CHARACTER
        }
        Ok(character) => character,
    });
    let text = replaced.collect();
    (text, is_replaced)
}
