//! A headless Chromium, driven over its DevTools protocol through two pipes (file descriptors 3 and 4).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

/// Where it is, if it is anywhere: `METAPICTURE_CHROMIUM`, or one in PATH.
pub fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("METAPICTURE_CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: String,
    next: u64,
    /// Errors of scripts, of loading, and of the content security policy.
    pub errors: Vec<String>,
    _profile: tempfile::TempDir,
}

const LONG: Duration = Duration::from_secs(60);

impl Browser {
    pub fn start(chromium: &Path) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        // The shell moves the pipes to where Chromium looks for them.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(chromium)
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(out);
            let mut message = vec![];
            while reader.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if serde_json::from_slice(&message).is_ok_and(|value: Value| send.send(value).is_err()) {
                    break;
                }
                message.clear();
            }
        });
        let mut browser =
            Browser { child, to, from, session: String::new(), next: 0, errors: vec![], _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = browser.call("Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            browser.call(domain, json!({}));
        }
        browser
    }

    /// One call of the protocol; what the page says meanwhile is kept in `errors`.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        let end = Instant::now() + LONG;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.from.recv_timeout(left).unwrap_or_else(|_| panic!("{method}: no answer"));
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.listen(&message);
        }
    }

    fn listen(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.errors.push(params["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if params["type"] == "error" => self.errors.push(params["args"].to_string()),
            "Log.entryAdded" if params["entry"]["level"] == "error" => self.errors.push(params["entry"].to_string()),
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                if !url.starts_with("file:") && !url.starts_with("data:") && url != "about:blank" {
                    self.errors.push(format!("asked for {url}"));
                }
            }
            _ => {}
        }
    }

    /// The value of an expression.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    pub fn text(&mut self, expression: &str) -> String {
        match self.value(expression) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    pub fn number(&mut self, expression: &str) -> f64 {
        let value = self.value(expression);
        value.as_f64().unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, expression: &str) {
        let end = Instant::now() + LONG;
        while self.value(expression) != true {
            assert!(Instant::now() < end, "never: {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn resize(&mut self, width: u32, height: u32, dark: bool) {
        let params = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", params);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [scheme, still] }));
    }

    /// Opens a file and waits until it is complete; returns how long that took.
    pub fn open(&mut self, file: &Path) -> Duration {
        self.open_asking(file, "")
    }

    /// The same with a query, such as `?code=x`.
    pub fn open_asking(&mut self, file: &Path, query: &str) -> Duration {
        let url = format!("file://{}{query}", file.canonicalize().unwrap().display());
        let start = Instant::now();
        self.call("Page.navigate", json!({ "url": url }));
        self.wait("document.readyState === 'complete'");
        // And until it has been painted.
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))");
        start.elapsed()
    }

    /// A key, pressed and let go.
    pub fn key(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "ArrowLeft" => (37, ""),
            "ArrowRight" => (39, ""),
            "ArrowUp" => (38, ""),
            "ArrowDown" => (40, ""),
            // Letters and signs have the code of their capital.
            one if one.len() == 1 => (i32::from(one.as_bytes()[0].to_ascii_uppercase()), one),
            _ => panic!("{key}"),
        };
        let mut event = json!({ "type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if !text.is_empty() {
            event["type"] = json!("keyDown");
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", event);
    }

    /// The mouse, pressed at the first of some points of the window, moved through them, and let go at the last; with Shift if `modifiers` is 8.
    pub fn draw(&mut self, points: &[[f64; 2]], modifiers: u32) {
        let mut event = |kind: &str, [x, y]: [f64; 2]| {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1, "modifiers": modifiers });
            self.call("Input.dispatchMouseEvent", event);
        };
        event("mousePressed", points[0]);
        points.iter().for_each(|point| event("mouseMoved", *point));
        event("mouseReleased", points[points.len() - 1]);
    }

    /// The mouse, pressed at one point and let go at another, as shares of an element's width.
    pub fn drag(&mut self, element: &str, from: f64, to: f64) {
        self.value(&format!("document.querySelector('{element}').scrollIntoView({{block: 'center'}})"));
        let [x, y, width, height] = ["x", "y", "width", "height"]
            .map(|side| self.number(&format!("document.querySelector('{element}').getBoundingClientRect().{side}")));
        let y = y + height / 2.;
        let at = |share: f64| x + 8. + share * (width - 16.);
        for (kind, x) in [
            ("mousePressed", at(from)),
            ("mouseMoved", at((from + to) / 2.)),
            ("mouseMoved", at(to)),
            ("mouseReleased", at(to)),
        ] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// What the window shows, as PNG.
    pub fn screenshot(&mut self, to: &Path) {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = base64::prelude::BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
