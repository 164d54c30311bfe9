//! Processes that tell each other of work, by a server that may lose their connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use shuttle::future::spawn;
use shuttle::sync::Mutex;

use super::relay::Relay;
use crate::store::Wakeup;
use crate::sync::{mpsc, watch};
use crate::{Lost, Notify, QueryResult, chance, step};

/// Hands each notification to every connection.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Connections>>);

#[derive(Default)]
struct Connections {
    opened: usize,
    listening: BTreeMap<usize, mpsc::UnboundedSender<String>>,
}

impl Server {
    fn open(&self) -> Connection {
        let (sender, notifications) = mpsc::unbounded_channel();
        let mut connections = self.0.lock().expect("nobody panics");
        connections.opened += 1;
        let number = connections.opened;
        connections.listening.insert(number, sender);
        Connection { server: self.clone(), number, notifications }
    }

    /// Ends one connection, if there is any.
    fn lose_one(&self) {
        let mut connections = self.0.lock().expect("nobody panics");
        let count = u32::try_from(connections.listening.len()).expect("there are few");
        if count > 0 {
            let index = chance(count) as usize;
            let number = *connections.listening.keys().nth(index).expect("it is one of them");
            connections.listening.remove(&number);
        }
    }
}

struct Connection {
    server: Server,
    number: usize,
    notifications: mpsc::UnboundedReceiver<String>,
}

impl Notify for Connection {
    async fn notify(&mut self, from: &str) -> QueryResult<()> {
        let connections = self.server.0.lock().expect("nobody panics");
        if !connections.listening.contains_key(&self.number) {
            return Err(Lost);
        }
        for listener in connections.listening.values() {
            let _ = listener.send(from.to_owned());
        }
        Ok(())
    }

    async fn notified(&mut self) -> QueryResult<String> {
        self.notifications.recv().await.ok_or(Lost)
    }
}

/// Two processes that record some work each, and lose so many connections at any moment. Both see all work, without a
/// poll, a probe or another recording.
pub async fn told(pieces: usize, losses: usize) {
    let (server, recorded) = (Server::default(), Arc::new(Mutex::new(0)));
    let wakeups = [Wakeup::new(), Wakeup::new()];
    let (stop, stopped) = watch::channel(false);
    let relays = wakeups.clone().map(|wakeup| {
        let (server, mut stopped) = (server.clone(), stopped.clone());
        spawn(async move {
            while !*stopped.borrow_and_update() {
                tokio::select! {
                    _ = stopped.changed() => {}
                    () = Relay { connection: server.open(), wakeup: &wakeup }.run() => {}
                }
            }
        })
    });
    let executors = wakeups.clone().map(|wakeup| {
        let (recorded, mut told) = (Arc::clone(&recorded), wakeup.listen());
        spawn(async move {
            loop {
                told.borrow_and_update();
                if *recorded.lock().expect("nobody panics") == 2 * pieces {
                    return;
                }
                told.changed().await.expect("the process lives");
            }
        })
    });
    let recorders = wakeups.map(|wakeup| {
        let recorded = Arc::clone(&recorded);
        spawn(async move {
            for _ in 0..pieces {
                *recorded.lock().expect("nobody panics") += 1;
                wakeup.notify();
            }
        })
    });
    let thief = spawn(async move {
        for _ in 0..losses {
            (0..chance(20)).for_each(|_| step());
            server.lose_one();
        }
    });
    for task in recorders.into_iter().chain(executors) {
        task.await.expect("nobody panics");
    }
    thief.await.expect("nobody panics");
    stop.send_replace(true);
    for relay in relays {
        relay.await.expect("nobody panics");
    }
}
