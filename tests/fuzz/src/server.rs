use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mojito_schema::Sqlite;
use rocket::fairing::AdHoc;
use rocket_mojito::{MojitoConfig, MojitoFairing, SecretConfig};

/// How many panics there were in this process. Its hook is set when the server starts.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How Rocket calls the threads that serve.
const THREAD: &str = "rocket-worker";

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Raw bytes on a connection to a host: whatever they are, nothing panics, nothing is answered 500, and the next one
/// is served.
pub fn server(input: &[u8]) {
    let (address, _) = running();
    let before = PANICS.load(Ordering::SeqCst);

    let mut connection = connect(*address);
    // Whoever has refused already may have closed the connection.
    let _ = connection.write_all(input);
    let good = next(*address);
    // By now the input has been looked at; what it has left open ends here.
    let _ = connection.shutdown(Shutdown::Write);
    let answers = read_to_end(&mut connection);

    assert_eq!(PANICS.load(Ordering::SeqCst), before, "something panicked");
    for status in statuses(&answers) {
        assert!(status < 500 || status == 503, "answered {status}");
    }
    let statuses = statuses(&good);
    assert!(statuses == [200] || statuses == [503], "the next request was answered {statuses:?}");
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answers = Vec::new();
    match stream.read_to_end(&mut answers) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("no end of the answer"),
        _ => answers,
    }
}

/// What a good request is answered.
fn next(address: SocketAddr) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(&good_request()).expect("the server listens");
    read_to_end(&mut stream)
}

/// The status of each answer. What a body could hold is none: no answer of ours has a line end in its body.
fn statuses(answers: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answers);
    let lines = text.split("HTTP/1.").skip(1);
    lines.filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect()
}

fn good_request() -> Vec<u8> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Mostly repeats: the file stays small.
    let body = format!(r#"{{"id":"after-{}","status":"active"}}"#, COUNT.fetch_add(1, Ordering::Relaxed) % 8);
    let head = "POST /webhooks/jobmojito/interview_result HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                X-Mojito-Secret: test-secret-0123456789abcdef\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The server, started on first use, and the folder that its database lies in, for as long as the process lives.
fn running() -> &'static (SocketAddr, tempfile::TempDir) {
    static SERVER: OnceLock<(SocketAddr, tempfile::TempDir)> = OnceLock::new();
    SERVER.get_or_init(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Other tests of the process may panic on purpose: on other threads.
            let is_ours = std::thread::current().name().is_some_and(|name| name.starts_with(THREAD));
            PANICS.fetch_add(is_ours.into(), Ordering::SeqCst);
            former(panic);
        }));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fuzz.db");
        let (sender, address) = std::sync::mpsc::channel();
        let serve = move || {
            // It ends with the process.
            let _ = rocket::execute(rocket(path.to_str().expect("a plain path"), sender).launch());
        };
        std::thread::Builder::new().name(format!("{THREAD}-main")).spawn(serve).expect("a thread");
        (address.recv_timeout(PATIENCE).expect("the server starts"), folder)
    })
}

fn rocket(database: &str, started: std::sync::mpsc::Sender<SocketAddr>) -> rocket::Rocket<rocket::Build> {
    let figment = rocket::figment::Figment::from(rocket::Config::default())
        .merge(("address", "127.0.0.1"))
        .merge(("port", 0))
        .merge(("workers", 2))
        .merge(("log_level", "off"))
        .merge(("shutdown.ctrlc", false))
        .merge(("shutdown.signals", Vec::<String>::new()))
        .merge(("databases.mojito.url", database));
    let secret = SecretConfig::header("test", "X-Mojito-Secret", "test-secret-0123456789abcdef");
    let config = MojitoConfig::new().secret("default", secret).body_deadline(Duration::from_secs(1));
    let tell = AdHoc::on_liftoff("tell the port", move |rocket| {
        let config = rocket.config();
        let _ = started.send(SocketAddr::new(config.address, config.port));
        Box::pin(async {})
    });
    rocket::custom(figment).attach(MojitoFairing::<Sqlite>::new(config)).attach(tell)
}
