use fastrand::Rng;
use mojito_schema::Field;

/// Parts of a text: plain ones, escapes, characters of each length, and those that parsers disagree about.
const PIECES: [&str; 22] = [
    "a",
    "Zoë",
    "😀",
    " ",
    "/",
    "\u{7f}",
    "\u{2028}",
    "\u{fffd}",
    r"\n",
    r"\/",
    r"\\",
    r#"\""#,
    r"\u0041",
    r"\u00e9",
    r"\u0000",
    r"\ud83d\ude00",
    r"\uD83D",
    r"\ude00",
    r"\ud83dx",
    r"\ud83d\u0041",
    r"\ud83d\n",
    r"\udbff\udfff",
];

/// Numbers of every form of the grammar, small and large.
const NUMBERS: [&str; 20] = [
    "0",
    "-0",
    "-0.0",
    "4.212",
    "5",
    "100",
    "0.1",
    "1E5",
    "1e+5",
    "12.50e-3",
    "1e400",
    "-1e400",
    "1e-400",
    "9007199254740993",
    "9223372036854775808",
    "-9223372036854775809",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "5e-324",
    "0.1000000000000000055511151231257827021181583404541015625",
];

/// Values that no grammar has, or that parsers have a limit for.
const NO_VALUES: [&str; 24] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "007",
    "1.",
    ".5",
    "+1",
    "-",
    "1e",
    "1e+",
    "0x10",
    "1_000",
    "--1",
    "1.2.3",
    "tru",
    "nul",
    "True",
    "undefined",
    "'a'",
    "[1,]",
    "[,1]",
    r#"{"a":1,}"#,
    r#"{a:1}"#,
];

/// Bytes that are put where they do not belong.
const INTRUDERS: [&[u8]; 30] = [
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xed\xb0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc3",
    b"\x00",
    b"\x01",
    b"\x1f",
    b"\x7f",
    b"\x0b",
    b"\x0c",
    b"\xc2\xa0",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"/* c */",
    b"// c\n",
    b"#",
    b"'",
    b"\"",
    b"\\",
    b",",
    b":",
    b"{",
    b"}",
    b"[",
    b"]",
    b"NaN",
    b"-Infinity",
    b"\\u12",
];

/// Bytes behind the end of the body.
const TAILS: [&[u8]; 12] =
    [b" ", b"\r\n", b"x", b"{}", b",", b"\x00", b"]", b"}", b"// c", b"\x0c", b"\xc2\xa0", b"\xef\xbb\xbf"];

/// Makes bodies by the grammar of RFC 8259, and bends most of them.
pub(super) struct Bodies(Rng);

impl Bodies {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    pub(super) fn next(&mut self) -> Vec<u8> {
        let mut body = self.result().into_bytes();
        for _ in 0..self.0.usize(..3) {
            self.bend(&mut body);
        }
        body
    }

    /// An object that has an id and a status in most cases, beside members of any kind.
    fn result(&mut self) -> String {
        let mut members = Vec::new();
        if self.0.u8(..20) > 0 {
            members.push(format!(r#""id":"r-{}""#, self.0.u8(..)));
        }
        if self.0.u8(..20) > 0 {
            members.push(r#""status":"active""#.to_owned());
        }
        for _ in 0..self.0.usize(..7) {
            members.push(self.member());
        }
        self.0.shuffle(&mut members);
        let space = self.space();
        format!("{space}{{{space}{}{space}}}{space}", members.join(","))
    }

    fn member(&mut self) -> String {
        let (name, space) = (self.name(), self.space());
        format!("{space}{name}{space}:{space}{}", self.value(4))
    }

    /// A name: of a field in most cases, sometimes spelled with an escape or in capitals.
    fn name(&mut self) -> String {
        let field = Field::ALL[self.0.usize(..Field::ALL.len())].as_str();
        match self.0.u8(..8) {
            0 => self.text(),
            1 => format!(r#""{}""#, field.to_uppercase()),
            2 => format!(r#""\u{:04x}{}""#, field.as_bytes()[0], &field[1..]),
            3 => format!(r#""x{}""#, self.0.u8(..4)),
            _ => format!(r#""{field}""#),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        match self.0.u8(..12) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => "false".to_owned(),
            3..=5 => self.number(),
            6 if depth > 0 => {
                let items: Vec<String> = (0..self.0.usize(..4)).map(|_| self.value(depth - 1)).collect();
                format!("[{}{}]", self.space(), items.join(","))
            }
            7 if depth > 0 => {
                let value = |bodies: &mut Self| format!("{}:{}", bodies.text(), bodies.value(depth - 1));
                let members: Vec<String> = (0..self.0.usize(..4)).map(|_| value(self)).collect();
                format!("{{{}{}}}", self.space(), members.join(","))
            }
            8 => {
                let items: Vec<String> = (0..self.0.usize(..4)).map(|_| self.text()).collect();
                format!("[{}]", items.join(","))
            }
            _ => self.text(),
        }
    }

    fn text(&mut self) -> String {
        let pieces: String = (0..self.0.usize(..6)).map(|_| self.choice(&PIECES)).collect();
        format!("\"{pieces}\"")
    }

    fn number(&mut self) -> String {
        if self.0.bool() {
            return self.choice(&NUMBERS).to_owned();
        }
        let mut digits = |most: usize| -> String { (0..self.0.usize(1..=most)).map(|_| self.0.digit(10)).collect() };
        let (whole, fraction, exponent) = (digits(25), digits(25), digits(3));
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        match self.0.u8(..6) {
            0 => whole.to_owned(),
            1 => format!("-{whole}"),
            2 => format!("{whole}.{fraction}"),
            3 => format!("-{whole}.{fraction}E-{exponent}"),
            4 => format!("{whole}e{exponent}"),
            _ => format!("0.{fraction}"),
        }
    }

    fn space(&mut self) -> &'static str {
        self.choice(&["", "", "", "", " ", "\n", "\r\n\t"])
    }

    fn choice<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.0.usize(..all.len())]
    }

    /// Breaks a rule of the grammar, or goes to the limit of a parser.
    fn bend(&mut self, body: &mut Vec<u8>) {
        let at = self.0.usize(..=body.len());
        let present = at.min(body.len().saturating_sub(1));
        match self.0.u8(..14) {
            0 => drop(body.splice(..0, *b"\xef\xbb\xbf")),
            1 | 2 => body.extend_from_slice(self.choice(&TAILS)),
            3..=5 => drop(body.splice(at..at, self.choice(&INTRUDERS).iter().copied())),
            6 if !body.is_empty() => drop(body.remove(present)),
            7 if !body.is_empty() => body[present] = self.0.u8(..),
            8 => body.truncate(at),
            9 => {
                let (name, value) = (self.name(), self.choice(&NO_VALUES));
                put_first(body, &format!("{name}:{value},"));
            }
            10 | 11 => {
                let name = self.name();
                let (one, other) = (self.value(2), self.value(2));
                put_first(body, &format!("{name}:{one},{name}:{other},"));
            }
            12 => {
                let (name, value) = (self.name(), self.extreme());
                put_first(body, &format!("{name}:{value},"));
            }
            _ => self.recode(body),
        }
    }

    /// A value that is too long, too deep or too large for somebody.
    fn extreme(&mut self) -> String {
        let depth = self.choice(&[62, 63, 64, 126, 127, 128, 198, 199, 200, 400]);
        match self.0.u8(..6) {
            0 | 1 => format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
            2 => format!("{}0{}", r#"{"a":"#.repeat(depth), "}".repeat(depth)),
            3 => {
                self.choice(&["1", "9", "0.", "1e"]).to_owned()
                    + &"9".repeat(self.choice(&[18, 308, 309, 400, 4_299, 4_301]))
            }
            4 => format!(
                "0,{}\"last\":0",
                (0..self.choice(&[990, 1_010])).map(|n| format!("\"m{n}\":0,")).collect::<String>()
            ),
            _ => format!("[{}]", vec![r#""t""#; self.choice(&[1_000, 1_001])].join(",")),
        }
    }

    /// Writes the body in another encoding, if it is a text.
    fn recode(&mut self, body: &mut Vec<u8>) {
        let Ok(text) = std::str::from_utf8(body) else { return };
        let units = text.encode_utf16();
        *body = match self.0.u8(..3) {
            0 => units.flat_map(u16::to_le_bytes).collect(),
            1 => units.flat_map(u16::to_be_bytes).collect(),
            _ => text.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect(),
        };
    }
}

/// Puts members before all others.
fn put_first(body: &mut Vec<u8>, members: &str) {
    if let Some(at) = body.iter().position(|byte| *byte == b'{') {
        body.splice(at + 1..=at, members.bytes());
    }
}
