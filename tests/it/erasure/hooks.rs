use diesel_async::SimpleAsyncConnection;
use rocket_mojito::{HandlerResult, Kept, KeptBecause, MojitoHandler, Person};

use super::{ErasureFixture, anna};
use crate::harness::{Body, Store, TestBackend, on_each_backend};

on_each_backend!(
    the_tables_of_the_host_forget_with_the_results,
    a_result_that_a_handler_cannot_forget_is_kept_and_stands_in_the_receipt,
    a_count_calls_no_handler,
);

/// Forgets what a table of the host's says of a result, then does what the result is called after.
struct Forgetful;

#[rocket::async_trait]
impl<B: TestBackend> MojitoHandler<B> for Forgetful {
    fn name(&self) -> String {
        "Forgetful".to_owned()
    }

    async fn erased(&self, endpoint: &str, result_id: &str, tx: &mut B::Connection) -> HandlerResult {
        tx.batch_execute(&format!("DELETE FROM notes WHERE key = '{endpoint}/{result_id}'")).await?;
        match result_id {
            "fails" => Err("canary".into()),
            "panics" => panic!("as the test says"),
            "hangs" => std::future::pending().await,
            "swallows" => {
                let _ = tx.batch_execute("SELECT nothing FROM nowhere").await;
                Ok(())
            }
            "ends" => {
                tx.batch_execute("ROLLBACK").await?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A host whose table has a note of each of these results, which are all about one person.
async fn fixture<B: TestBackend>(results: &[&str]) -> ErasureFixture<B> {
    let mut store = Store::<B>::open().await;
    store.run("CREATE TABLE notes (key VARCHAR(100) NOT NULL PRIMARY KEY)").await;
    let fixture = ErasureFixture::<B>::over(store, |fairing| fairing.handler(Forgetful)).await;
    for result in results {
        fixture.post(Body::result(result).with("candidate_email", "ann@example.com").bytes()).await;
    }
    let mut fixture = fixture;
    for result in results {
        fixture.store.run(&format!("INSERT INTO notes VALUES ('default/{result}')")).await;
    }
    fixture.store.drained().await;
    fixture
}

async fn notes<B: TestBackend>(fixture: &mut ErasureFixture<B>) -> Vec<String> {
    fixture.store.texts("SELECT key AS value FROM notes ORDER BY key").await
}

fn ann() -> Person {
    Person::Email("ann@example.com".to_owned())
}

async fn the_tables_of_the_host_forget_with_the_results<B: TestBackend>() {
    let mut fixture = fixture::<B>(&["a", "b"]).await;
    fixture.store.run("INSERT INTO notes VALUES ('default/other')").await;

    let erased = fixture.inbox().erase(ann(), anna()).await.unwrap();

    assert_eq!((erased.results, erased.kept), (2, vec![]));
    assert_eq!(notes(&mut fixture).await, ["default/other"]);
    fixture.server.stop().await;
}

async fn a_result_that_a_handler_cannot_forget_is_kept_and_stands_in_the_receipt<B: TestBackend>() {
    let mut results = vec!["a", "fails", "hangs", "panics", "ends", "z"];
    // SQLite does not mind what it has refused.
    if B::NAME == "Postgres" {
        results.push("swallows");
    }
    let mut fixture = fixture::<B>(&results).await;

    let erased = fixture.inbox().erase(ann(), anna()).await.unwrap();

    let kept = |kept: &Kept| (kept.result_id.clone(), kept.cause);
    let mut causes: Vec<_> = erased.kept.iter().map(kept).collect();
    causes.sort_by(|a, b| a.0.cmp(&b.0));
    // SQLite refuses to end a transaction that is lent.
    let ends = if B::NAME == "Postgres" { KeptBecause::NotCommitted } else { KeptBecause::Failed };
    let mut expected = vec![
        ("ends".to_owned(), ends),
        ("fails".to_owned(), KeptBecause::Failed),
        ("hangs".to_owned(), KeptBecause::TimedOut),
        ("panics".to_owned(), KeptBecause::Panicked),
    ];
    if B::NAME == "Postgres" {
        expected.push(("swallows".to_owned(), KeptBecause::NotCommitted));
    }
    assert_eq!(causes, expected);
    assert!(!format!("{erased:?}").contains("hangs"), "which result it is stays out of logs");
    assert_eq!(erased.results, 2);
    let left = fixture.store.results().await.into_iter().filter(|row| row.erased_at.is_none()).map(|row| row.id);
    assert_eq!(left.collect::<Vec<_>>(), expected.iter().map(|kept| kept.0.clone()).collect::<Vec<_>>());
    let noted: Vec<String> = expected.iter().map(|kept| format!("default/{}", kept.0)).collect();
    assert_eq!(notes(&mut fixture).await, noted);
    assert_eq!(fixture.with_body().await.len(), expected.len());
    fixture.server.stop().await;
}

async fn a_count_calls_no_handler<B: TestBackend>() {
    let mut fixture = fixture::<B>(&["a", "fails"]).await;

    let counted = fixture.inbox().count_erasure(&ann()).await.unwrap();

    assert_eq!((counted.results, counted.kept), (2, vec![]));
    assert_eq!(notes(&mut fixture).await.len(), 2);
    fixture.server.stop().await;
}
