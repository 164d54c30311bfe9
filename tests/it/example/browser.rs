use mojito_schema::Sqlite;

use super::{address, example};
use crate::harness::{Body, Browser};

/// Resolves once the page follows the desk.
const LIVE: &str = r#"new Promise((resolve) => {
    const look = () => document.getElementById("live")?.classList.contains("on") ? resolve(true) : setTimeout(look, 10);
    look();
})"#;

/// Notes what becomes of the document from here on.
const WATCH: &str = r#"
    window.isFirst = true;
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
    window.shown = (text) => new Promise((resolve) => {
        const main = document.getElementById("main");
        const look = () => main.textContent.includes(text) && resolve(main.textContent);
        new MutationObserver(look).observe(main, { childList: true, subtree: true });
        look();
    });
    true
"#;

// Shows T09.
#[tokio::test]
async fn a_page_in_a_browser_shows_what_comes_without_a_reload_and_runs_nothing_of_it() {
    const NAME: &str = r#"Ada <img src=x onerror="window.isRun = true">"#;
    let (_store, example) = example::<Sqlite>().await;
    let mut desk = example.start().await;
    let mut browser = Browser::open(&format!("http://{}/", address(&mut desk).await)).await;
    browser.evaluate(LIVE).await;
    browser.evaluate(WATCH).await;

    let ada = |body: Body| body.with("candidate_name", NAME).bytes();
    desk.post("interview_collected", &ada(Body::collected("ada"))).await.unwrap();
    let name = browser.evaluate("shown('Ada <img')").await;
    desk.post("interview_result", &ada(Body::result("ada").with("score", 4.212))).await.unwrap();
    let score = browser.evaluate("shown('4.212')").await;

    let document = "[isFirst, window.isRun ?? false, document.querySelectorAll('main img').length, violations]";
    let document = browser.evaluate(document).await;
    assert!(name.as_str().unwrap().contains(NAME), "{name}");
    assert!(score.as_str().unwrap().contains(NAME), "{score}");
    assert_eq!(document, serde_json::json!([true, false, 0, []]));
}
