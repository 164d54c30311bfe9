use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::in_time;

/// Hands the two ends of a debugger's pipe to the browser, as its descriptors 3 and 4.
const WITH_PIPE: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// A page in Chromium without a window, driven by its debugger's protocol. Its scripts run.
pub(crate) struct Browser {
    _process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    count: u64,
    /// The debugger's session with the page.
    session: Value,
    _profile: TempDir,
}

impl Browser {
    /// Opens a page, and waits until it has begun to come.
    pub(crate) async fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", WITH_PIPE, "sh", "chromium", "--headless=new", "--remote-debugging-pipe", "--disable-gpu"]);
        // Chromium's own sandbox refuses root, and a container has little shared memory.
        command.args(["--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).env("HOME", profile.path());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (commands, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (answers, session) = (BufReader::new(answers), Value::Null);
        let mut browser = Self { _process: process, commands, answers, count: 0, session, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = browser.call("Target.attachToTarget", attach).await["sessionId"].take();
        let navigated = browser.call("Page.navigate", json!({ "url": url })).await;
        assert!(navigated["errorText"].is_null(), "{url}: {navigated}");
        browser
    }

    /// The value of an expression in the page. That of a promise is waited for.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", parameters).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.count += 1;
        let mut command = json!({ "id": self.count, "method": method, "params": parameters });
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        let sent = self.commands.write_all(format!("{command}\0").as_bytes()).await;
        sent.expect("`chromium` is installed, as `tests/run` does");
        loop {
            let mut message = Vec::new();
            in_time(self.answers.read_until(0, &mut message)).await.unwrap();
            assert_eq!(message.pop(), Some(0), "`chromium` ended: it is installed as `tests/run` does");
            let mut message: Value = serde_json::from_slice(&message).unwrap();
            // Events of the page come between the answers.
            if message["id"] == self.count {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }
}
