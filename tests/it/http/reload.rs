//! The file of a secret is read again, without a restart.

use std::path::Path;
use std::time::{Duration, Instant};

use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket_mojito::MojitoConfig;

use crate::harness::{BASE, Body, Host, Log, found, in_time};

const OLD: &str = "old-0123456789-0123456789";
const NEW: &str = "new-0123456789-0123456789";

/// A host whose only secret stands in a file.
async fn host(file: &Path) -> Host {
    let text = format!(
        "[mojito.endpoints.default]\nsecrets = [{{ id = \"a\", header = \"X-Secret\", file = \"{}\" }}]",
        file.display()
    );
    let config = MojitoConfig::from_figment(&Figment::from(Toml::string(&text))).unwrap();
    Host::builder().config(|_| config).start().await
}

async fn status(host: &Host, secret: &str) -> u16 {
    host.post_with(BASE, &[("X-Secret", secret)], &Body::result("r").bytes()).await.status
}

/// Posts by the former secret until it is refused.
async fn refused(host: &Host, secret: &str) {
    while status(host, secret).await != 401 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

// Shows O19.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_file_has_changed_is_valid_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (file, next) = (folder.path().join("secret"), folder.path().join("next"));
    std::fs::write(&file, OLD).unwrap();
    let host = host(&file).await;

    assert_eq!((status(&host, OLD).await, status(&host, NEW).await), (200, 401));
    std::fs::write(&file, format!("{NEW}\n")).unwrap();
    in_time(refused(&host, OLD)).await;
    assert_eq!(status(&host, NEW).await, 200);
    // Another file takes its name, as it does where a cluster hands out secrets.
    std::fs::write(&next, OLD).unwrap();
    std::fs::rename(&next, &file).unwrap();
    in_time(refused(&host, NEW)).await;
    assert_eq!(status(&host, OLD).await, 200);
    host.stop().await;
}

// Shows O19.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_half_written_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, OLD).unwrap();
    let host = host(&file).await;

    // A file that never stands still for two seconds, and holds a value that would be sound.
    for number in 0..6 {
        let written = Instant::now();
        std::fs::write(&file, format!("{NEW}-{number}")).unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let status = status(&host, OLD).await;
        if written.elapsed() > Duration::from_secs(2) {
            // A machine as slow as that has let the file stand still.
            break;
        }
        assert_eq!(status, 200, "after {number}");
    }
    host.stop().await;
}

// Shows O19.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_no_secret_any_more_changes_nothing_and_says_so() {
    let log = Log::capture();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, OLD).unwrap();
    let host = host(&file).await;

    std::fs::write(&file, "too-short").unwrap();
    let error = host.inbox.reload_secrets().await.unwrap_err();
    let said = || log.lines().into_iter().find(|line| line.contains("the secrets were not read again"));
    let line = found("the line of the log", said).await;
    assert_eq!(status(&host, OLD).await, 200, "the former one holds");
    std::fs::write(&file, NEW).unwrap();
    host.inbox.reload_secrets().await.unwrap();

    assert!(error.is_config(), "{error}");
    let sentence = "secret `a` in `mojito.endpoints.default.secrets` has 9 characters, and 24 are the least";
    assert!(error.to_string().contains(sentence), "{error}");
    assert!(line.contains(sentence) && !line.contains("too-short"), "{line}");
    assert_eq!((status(&host, OLD).await, status(&host, NEW).await), (401, 200), "at once");
    host.stop().await;
}
