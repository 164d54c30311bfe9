use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use jiter::JsonValue;
use serde_json::Value;

use super::tree::Tree;
use crate::checkout::Checkout;
use crate::harness::hex;

/// A parser that shares no code with the reading of the plugin, or little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parser {
    /// Into a `Value`. The plugin uses its tokens, and never a `Value`.
    Serde,
    Jiter,
    Python,
}

impl Parser {
    pub(super) const ALL: [Self; 3] = [Self::Serde, Self::Jiter, Self::Python];
}

/// The value, or the reason why the body is none.
pub(super) type Answer = Result<Tree, String>;

/// All parsers. Python's is in a process of its own.
pub(super) struct Parsers {
    python: Python,
}

impl Parsers {
    pub(super) fn start() -> Self {
        Self { python: Python::start() }
    }

    pub(super) fn read(&mut self, parser: Parser, body: &[u8]) -> Answer {
        match parser {
            Parser::Serde => serde_json::from_slice(body).map(of_serde).map_err(|error| error.to_string()),
            Parser::Jiter => {
                JsonValue::parse(body, false).map(|value| of_jiter(&value)).map_err(|error| error.to_string())
            }
            Parser::Python => self.python.read(body),
        }
    }
}

fn of_serde(value: Value) -> Tree {
    match value {
        Value::Null => Tree::Null,
        Value::Bool(is_true) => Tree::Bool(is_true),
        Value::Number(number) => Tree::Number(number.as_f64().expect("a number has a nearest double")),
        Value::String(text) => Tree::text(&text),
        Value::Array(items) => Tree::List(items.into_iter().map(of_serde).collect()),
        Value::Object(members) => Tree::Object(
            members.into_iter().map(|(name, value)| (name.encode_utf16().collect(), of_serde(value))).collect(),
        ),
    }
}

fn of_jiter(value: &JsonValue<'_>) -> Tree {
    match value {
        JsonValue::Null => Tree::Null,
        JsonValue::Bool(is_true) => Tree::Bool(*is_true),
        // The conversion gives the nearest double.
        JsonValue::Int(number) => Tree::Number(*number as f64),
        JsonValue::BigInt(number) => Tree::Number(number.to_string().parse().unwrap()),
        JsonValue::Float(number) => Tree::Number(*number),
        JsonValue::Str(text) => Tree::text(text),
        JsonValue::Array(items) => Tree::List(items.iter().map(of_jiter).collect()),
        JsonValue::Object(members) => {
            Tree::Object(members.iter().map(|(name, value)| (name.encode_utf16().collect(), of_jiter(value))).collect())
        }
    }
}

/// The `json` of Python's standard library, which reads one line after another.
struct Python {
    process: Child,
    bodies: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Self {
        let mut command = Command::new("python3");
        command.arg(Checkout::root().join("tests/fixtures/parse.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("`python3` is installed, as `tests/run` does");
        let (bodies, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, bodies, answers: BufReader::new(answers) }
    }

    fn read(&mut self, body: &[u8]) -> Answer {
        self.bodies.write_all(format!("{}\n", hex(body)).as_bytes()).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "Python ended at {}", body.escape_ascii());
        if let Some(reason) = answer.strip_prefix("! ") {
            return Err(reason.trim_end().to_owned());
        }
        let mut tokens = answer.split_ascii_whitespace();
        let tree = of_tokens(&mut tokens);
        assert_eq!(tokens.next(), None);
        Ok(tree)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn of_tokens<'t>(tokens: &mut impl Iterator<Item = &'t str>) -> Tree {
    let token = tokens.next().expect("a token");
    let (kind, rest) = token.split_at(1);
    match kind {
        "n" => Tree::Null,
        "b" => Tree::Bool(rest == "1"),
        "d" => Tree::Number(f64::from_bits(u64::from_str_radix(rest, 16).unwrap())),
        "t" => Tree::Text(units(rest)),
        "l" => Tree::List((0..rest.parse().unwrap()).map(|_: usize| of_tokens(tokens)).collect()),
        _ => {
            let mut member = |_: usize| {
                let name = units(&tokens.next().expect("a name")[1..]);
                (name, of_tokens(tokens))
            };
            Tree::Object((0..rest.parse().unwrap()).map(&mut member).collect())
        }
    }
}

fn units(hex: &str) -> Vec<u16> {
    let digits = hex.as_bytes().chunks(4).map(|digits| std::str::from_utf8(digits).unwrap());
    digits.map(|digits| u16::from_str_radix(digits, 16).unwrap()).collect()
}
