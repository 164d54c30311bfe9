use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mojito_simulator::{Event, Mark, Plan, Receiver, Report, Simulation, Stored};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{plan, target};
use crate::harness::seed;

/// A promise that a receiver breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// It acknowledges each fifth delivery, and stores it nowhere.
    Loses,
    /// It stores each copy.
    Doubles,
    /// The first delivery of a result stays its state.
    TakesTheOldest,
    /// It drops bytes that it has seen before, whatever came since.
    DropsChangesBack,
    /// It answers 200 before the body is whole.
    AcknowledgesCutBodies,
}

/// A receiver that keeps its rows in memory.
#[derive(Clone)]
struct Careless {
    flaw: Flaw,
    rows: Arc<Mutex<Vec<Row>>>,
}

#[derive(Clone, PartialEq)]
struct Row {
    result_id: String,
    event: Event,
    body: Vec<u8>,
}

impl Careless {
    async fn start(flaw: Flaw) -> (Self, SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self { flaw, rows: Arc::default() };
        let accepting = receiver.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = accepting.clone();
                tokio::spawn(async move { receiver.answer(stream).await });
            }
        });
        (receiver, address, server)
    }

    /// Answers one request, and closes the connection. None where the sender has gone.
    async fn answer(self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        stream.read_line(&mut first).await.ok()?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            if line.trim().is_empty() {
                break;
            }
            let line = line.to_lowercase();
            length = line.strip_prefix("content-length:").map_or(Ok(length), |text| text.trim().parse()).ok()?;
        }
        let mut body = Vec::new();
        (&mut stream).take(length).read_to_end(&mut body).await.ok()?;
        let is_whole = body.len() as u64 == length;
        if is_whole {
            let event = Event::from_text(first.split(' ').nth(1)?.rsplit('/').next()?)?;
            self.store(event, body);
        }
        let is_taken = is_whole || self.flaw == Flaw::AcknowledgesCutBodies;
        let status = if is_taken { "200 OK" } else { "400 Bad Request" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()
    }

    fn store(&self, event: Event, body: Vec<u8>) {
        let read: Value = serde_json::from_slice(&body).unwrap();
        let id = read["id"].as_str().or(read["record"]["id"].as_str()).unwrap();
        let row = Row { result_id: id.to_owned(), event, body };
        let mut rows = self.rows.lock().unwrap();
        let newest = rows.iter().rfind(|other| other.result_id == row.result_id);
        let is_known = match self.flaw {
            Flaw::Doubles => false,
            Flaw::DropsChangesBack => rows.contains(&row),
            _ => newest == Some(&row),
        };
        let is_lost =
            self.flaw == Flaw::Loses && row.body.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 5 == 0;
        if !is_known && !is_lost {
            rows.push(row);
        }
    }
}

impl Receiver for Careless {
    type Error = Infallible;

    async fn stored(&self, result_id: &str) -> Result<Stored, Infallible> {
        let rows = self.rows.lock().unwrap();
        let own = rows.iter().filter(|row| row.result_id == result_id);
        let deliveries: Vec<Mark> = own.map(|row| Mark::of_body(row.event, &row.body)).collect();
        let newest = match self.flaw {
            Flaw::TakesTheOldest => deliveries.first(),
            _ => deliveries.last(),
        };
        Ok(Stored { newest: newest.copied(), deliveries })
    }
}

/// The kinds of fault that the report names.
async fn faults(flaw: Flaw, plan: Plan) -> BTreeSet<&'static str> {
    let (receiver, address, server) = Careless::start(flaw).await;
    let simulation = Simulation::new(plan, target(address));
    simulation.run().await;
    server.abort();
    let report = Report::check(&simulation.ledger(), &receiver).await.unwrap();
    assert_eq!(report.given_up, 0, "{flaw:?}");
    report.faults.iter().map(|fault| fault.kind.as_str()).collect()
}

// Shows O28.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_breaks_a_promise_is_named_by_the_report() {
    // In order: a collected delivery that is overtaken would be one more fault of a receiver without that rule.
    let plan = Plan::new(3).candidates(60).lost(20).cut(20);

    assert_eq!(faults(Flaw::None, plan.clone()).await, BTreeSet::new());
    assert_eq!(faults(Flaw::Loses, plan.clone()).await, BTreeSet::from(["lost", "outdated"]));
    assert_eq!(faults(Flaw::Doubles, plan.clone()).await, BTreeSet::from(["doubled"]));
    assert_eq!(faults(Flaw::TakesTheOldest, plan.clone()).await, BTreeSet::from(["outdated"]));
    assert_eq!(faults(Flaw::DropsChangesBack, plan.clone()).await, BTreeSet::from(["outdated"]));
    assert_eq!(faults(Flaw::AcknowledgesCutBodies, plan).await, BTreeSet::from(["cut_acknowledged"]));
}

/// A late collected delivery must not replace a result. This receiver lets it, and nothing else is wrong with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_lets_a_late_delivery_replace_a_result_is_named_by_the_report() {
    let plan = plan(seed()).candidates(150).together(0).reordered(60);

    assert_eq!(faults(Flaw::None, plan).await, BTreeSet::from(["outdated"]));
}
