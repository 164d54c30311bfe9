use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::harness::{AUTH, BASE, Connection, Database, Process, request, rounds};

/// How many bodies come at once.
const BODIES: usize = 64;

/// The limit on bodies.
const LIMIT: usize = 1 << 20;

/// The most memory that the host may take, in KiB.
const MOST_MEMORY: i64 = 192 << 10;

/// A kind of body that is far more in memory than on the wire, in a careless program.
struct Shape {
    name: &'static str,
    /// The texts before the repeated part, between two of it, and behind it.
    begin: &'static str,
    unit: String,
    end: &'static str,
}

impl Shape {
    /// A body as large as it may be, like no other.
    fn body(&self, number: usize) -> Vec<u8> {
        let begin = self.begin.replace("<id>", &format!("r-{number}"));
        let count = (LIMIT - begin.len() - self.end.len()) / self.unit.len();
        let mut body = [begin.as_bytes(), self.unit.repeat(count).as_bytes(), self.end.as_bytes()].concat();
        assert!(body.len() > LIMIT - 2_048, "{}: {} bytes", self.name, body.len());
        body.resize(LIMIT, b' ');
        body
    }
}

macro_rules! usable {
    ($members:literal) => {
        concat!(r#"{"id":"<id>","status":"active","#, $members)
    };
}

/// Every shape, or those that cost the most.
fn shapes() -> Vec<Shape> {
    let shape = |name, begin, unit: &str, end| Shape { name, begin, unit: unit.to_owned(), end };
    let long_text = format!(r#","{}""#, "a".repeat(1_100));
    let long_member = format!(r#","":"{}""#, "a".repeat(1_100));
    let mut shapes = vec![
        shape("similar keys", usable!(r#""score":null"#), r#","ID":0"#, "}"),
        shape("as many keys as may be", usable!(r#""score":null"#), &long_member, "}"),
        shape("an enveloped text", r#"{"table":"t","record":{"id":"<id>","status":"","x":""#, "a", r#""}}"#),
        shape("short texts", usable!(r#""ai_analysis_recruiter_why_hire":["""#), r#","a""#, "]}"),
        shape("control characters", usable!(r#""ai_analysis_recruiter_why_hire":""#), r"\u0001", r#""}"#),
        shape("a number", usable!(r#""score":0."#), "1", "}"),
        shape("one key again and again", usable!(r#""score":null"#), r#","":0"#, "}"),
        shape("enveloped keys", r#"{"table":"t","record":{"id":"<id>","status":"""#, r#","":0"#, "}}"),
        shape("empty texts", usable!(r#""ai_analysis_recruiter_why_not_hire":["""#), r#","""#, "]}"),
        shape("as many texts as may be", usable!(r#""ai_analysis_recruiter_why_hire":["""#), &long_text, "]}"),
        shape("escaped texts", usable!(r#""ai_analysis_recruiter_why_hire":["""#), r#","\u0000""#, "]}"),
        shape("no texts", usable!(r#""ai_analysis_recruiter_why_hire":[0"#), ",{}", "]}"),
        shape("lone surrogates", usable!(r#""ai_analysis":""#), r"\ud800", r#""}"#),
        shape("numbers", usable!(r#""x":[0"#), ",0", "]}"),
        shape("a key", usable!(r#"""#), "a", r#"":0}"#),
        shape("brackets", usable!(r#""reason":"#), "[", ""),
        shape("quotes", "", r#"""#, ""),
    ];
    shapes.truncate(rounds(6, 17) as usize);
    shapes
}

/// Posts a body until it is taken: who finds no room is asked to come again.
async fn deliver(address: std::net::SocketAddr, body: Vec<u8>) {
    let request = request("POST", &format!("{BASE}/interview_result"), &[AUTH], &body);
    loop {
        let mut connection = Connection::open(address).await;
        connection.try_send(&request).await;
        match connection.answer().await.map(|answer| answer.status) {
            Some(200) => return,
            Some(503) => tokio::time::sleep(Duration::from_millis(200)).await,
            other => panic!("answered {other:?}"),
        }
    }
}

// Shows M14.
/// Bodies of the largest size cost what they weigh, with any content.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_any_shape_cost_a_few_times_what_they_weigh() {
    for shape in shapes() {
        let database = Arc::new(Database::with_effects());
        let mut process = Process::builder(&database).start().await;
        let address = process.ready().await.expect("it listens");

        let mut clients: JoinSet<()> = (0..BODIES).map(|number| deliver(address, shape.body(number))).collect();
        while let Some(delivered) = clients.join_next().await {
            delivered.expect("every body is taken");
        }

        let memory = process.memory();
        let stored = database.size();
        let sent = (BODIES * LIMIT) as u64;
        println!("{BODIES} bodies of {}: {memory}, {} KiB stored", shape.name, stored >> 10);
        assert!(memory.peak < MOST_MEMORY, "{}: {memory}", shape.name);
        assert!(stored < 3 * sent, "{}: {stored} bytes for {sent}", shape.name);
    }
}
