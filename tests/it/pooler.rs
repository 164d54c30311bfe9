//! Behind a proxy that hands each transaction to another session: nothing may rest on the session.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use mojito_schema::{Open, Opening, Postgres, Recording, Timestamp};
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::harness::deliveries::garbled;
use crate::harness::{PROXY, SCALE, ScratchDatabase, is_full};

/// PgBouncer, private to one test, between it and the server of `tests/run`. It is ended when it is dropped.
struct Bouncer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Bouncer {
    async fn start() -> Self {
        let server =
            std::env::var("MOJITO_TEST_POSTGRES").expect("run the tests with `tests/run`, which starts a server");
        let (_, server_port) =
            server.split('/').nth(2).and_then(|host| host.rsplit_once(':')).expect("a URL with a port");
        // PgBouncer cannot choose a port: another is tried where somebody else was faster.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut bouncer = Self::try_start(server_port, port);
            let url = format!("postgres://mojito@127.0.0.1:{port}/postgres?proxy=transaction");
            while bouncer.process.try_wait().unwrap().is_none() {
                if Postgres::open(&url, Open::Existing).await.is_ok() {
                    return bouncer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("`pgbouncer` does not start: install it, as `tests/run` does");
    }

    fn try_start(server_port: &str, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        // Fewer sessions than connections, each in turn: so two transactions of a connection rarely meet one session.
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port} user=mojito\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 5\nmin_pool_size = 3\nserver_round_robin = 1\nmax_client_conn = 1000\n"
        );
        fs::write(&settings, text).unwrap();
        let mut command = Command::new("pgbouncer");
        if geteuid().is_root() {
            // It refuses to run as root; the server's package has made a user for such programs.
            fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "pgbouncer"]);
        }
        command.arg("--quiet").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("`pgbouncer` is installed, as `tests/run` does");
        Self { process, port, _folder: folder }
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // `runuser` hands the signal on.
        let process = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

/// Runs tests of this very program again, behind the proxy, each at its small size. How many passed.
async fn run_again(bouncer: &Bouncer, arguments: &[&str]) -> usize {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(arguments).env(PROXY, bouncer.port.to_string()).env_remove(SCALE);
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary = printed.lines().find_map(|line| line.strip_prefix("test result: ok. ")).expect("a summary");
    summary.split(' ').next().and_then(|passed| passed.parse().ok()).expect("a count")
}

/// The tests of what rests on a session: prepared statements, settings, locks, and the transactions of handlers.
const OF_SESSIONS: [&str; 8] = [
    "conformance::attempts",
    "conformance::claim",
    "conformance::hook",
    "conformance::ids",
    "conformance::line",
    "conformance::record",
    "conformance::settle",
    "handed::postgres",
];

/// The tests of all that asks Postgres.
const ALL: [&str; 2] = ["conformance::", "postgres::"];

const LEFT_OUT: [&str; 14] = [
    "sqlite::",
    "corpus::",
    "example::",
    // Set what a session is like, in the URL.
    "line::no_two_things",
    "line::a_handler_that_sees",
    "conformance::locked",
    "conformance::pruning",
    // Keep a lock of a session, or a transaction that is begun outside of one.
    "a_handler_is_attached_after",
    "a_handler_comes_back",
    "line::nothing_is_made",
    // Nothing keeps a session behind the proxy from writing once a handler has ended its transaction.
    "a_commit_of_the_handlers_own",
    // Hold a transaction open in a session of their own, asked outside of one.
    "by_itself",
    "a_result_that_somebody_holds",
    "a_transaction_from_before",
];

/// A statement outside of a transaction would be prepared in one session and asked in another, or set there.
#[tokio::test(flavor = "multi_thread")]
async fn the_tests_of_the_store_and_of_the_plugin_pass_behind_a_proxy() {
    let bouncer = Bouncer::start().await;
    let (wanted, at_least) = if is_full() { (&ALL[..], 200) } else { (&OF_SESSIONS[..], 60) };

    let left_out = LEFT_OUT.iter().flat_map(|name| ["--skip", name]);
    let passed = run_again(&bouncer, &wanted.iter().copied().chain(left_out).collect::<Vec<_>>()).await;

    assert!(passed >= at_least, "{passed} were run");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_works_behind_a_proxy() {
    let bouncer = Bouncer::start().await;

    let passed = run_again(&bouncer, &["example::postgres::"]).await;

    assert!(passed >= 5, "{passed} were run");
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_leaves_nothing_prepared_in_the_sessions_behind_a_proxy() {
    #[derive(diesel::QueryableByName)]
    struct Left {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let (bouncer, place) = (Bouncer::start().await, ScratchDatabase::new().await);
    let direct = place.url();
    let name = direct.rsplit('/').next().and_then(|name| name.split('?').next()).expect("a URL with a database");
    let url = format!("postgres://mojito@127.0.0.1:{}/{name}?proxy=transaction", bouncer.port);
    let mut connection = Postgres::open(&url, Open::Existing).await.unwrap();
    Postgres::migrate(&mut connection).await.unwrap();
    // As many sessions as there are transactions at once: what is prepared in one may then be given up in another.
    let mut others = Vec::new();
    for _ in 0..3 {
        let mut other = Postgres::open(&url, Open::Existing).await.unwrap();
        other.batch_execute("BEGIN").await.unwrap();
        others.push(other);
    }
    for other in &mut others {
        other.batch_execute("COMMIT").await.unwrap();
    }

    for number in 0..20 {
        let batch = Arc::new(vec![garbled(&number.to_string())]);
        Postgres::record(&mut connection, batch, Timestamp::now()).await.unwrap();
    }

    // Each session in its turn. The question itself is prepared as well, while it is asked.
    for _ in 0..10 {
        let left = "SELECT count(*) FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared_statements%'";
        let asked = connection.transaction(async |c| diesel::sql_query(left).get_result::<Left>(c).await).await;
        assert_eq!(asked.unwrap().count, 0);
    }
}
