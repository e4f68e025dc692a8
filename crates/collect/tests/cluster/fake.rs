//! A server that answers as a test says, to see what becomes of answers that no real one gives on demand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// One request.
pub(crate) struct Asked {
    /// Method and path with its query.
    pub(crate) line: String,
    /// How many requests with the same path (without its query) came before.
    pub(crate) before: usize,
}

/// One answer.
pub(crate) enum Reply {
    /// A status and a body.
    Json(u16, Value),
    /// A body as it is, with status 200.
    Text(String),
    /// The same with a header.
    With(u16, &'static str, Value),
    /// The first half of a body, and then the end of the connection.
    Half(Value),
    /// No answer: the connection ends.
    Nothing,
    /// No answer: the connection stays.
    Silence,
}

/// What the API says of a failure.
pub(crate) fn failure(code: u16, reason: &str) -> Reply {
    Reply::Json(
        code,
        json!({ "kind": "Status", "apiVersion": "v1", "reason": reason, "message": reason, "code": code }),
    )
}

/// A page of a list.
pub(crate) fn page(kind: &str, names: &[&str], more: &str) -> Reply {
    let items: Vec<Value> = names.iter().map(|name| json!({ "metadata": { "name": name } })).collect();
    Reply::Json(200, json!({ "kind": format!("{kind}List"), "metadata": { "continue": more }, "items": items }))
}

/// A server.
pub(crate) struct Fake {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
}

impl Fake {
    /// Starts it. To what `answer` has no word for, it answers as a server without anything.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &log, &*answer));
            }
        });
        Self { port, asked, folder: tempfile::tempdir().unwrap() }
    }

    /// The requests so far, those of reviews and of the version left out.
    pub(crate) fn asked(&self) -> Vec<String> {
        let all = self.asked.lock().unwrap();
        all.iter().filter(|line| !line.contains("selfsubject") && !line.contains("/version")).cloned().collect()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.path().join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{ "name": "fake", "cluster": { "server": format!("http://127.0.0.1:{}", self.port) } }],
            "contexts": [{ "name": "fake", "context": { "cluster": "fake", "user": "" } }], "users": [],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<String>>, answer: &dyn Fn(&Asked) -> Option<Reply>) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) == 0 || header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let _ = reader.take(length).read_to_end(&mut Vec::new());
    let line = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let path = |line: &str| line.split('?').next().unwrap_or_default().to_owned();
    let before = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|other| path(other) == path(&line)).count();
        log.push(line.clone());
        before
    };
    let reply = answer(&Asked { line: line.clone(), before }).unwrap_or_else(|| nothing(&line));
    let (status, header, body) = match reply {
        Reply::Json(status, body) => (status, "", body.to_string()),
        Reply::With(status, header, body) => (status, header, body.to_string()),
        Reply::Text(body) => (200, "", body),
        Reply::Half(body) => {
            let body = body.to_string();
            let _ = write!(
                &mut &*stream,
                "HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n{}",
                body.len(),
                &body[..body.len() / 2]
            );
            return;
        }
        Reply::Nothing => return,
        Reply::Silence => return std::thread::sleep(Duration::from_mins(1)),
    };
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let length = body.len();
    let _ = write!(
        &mut &*stream,
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\n{header}content-length: {length}\r\n\r\n{body}"
    );
}

/// What a server answers that holds nothing.
fn nothing(line: &str) -> Reply {
    let (method, path) = line.split_once(' ').unwrap();
    let path = path.split('?').next().unwrap();
    if path == "/version" {
        return Reply::Json(200, json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.3" }));
    }
    match evidence::object_kind(path) {
        Some(kind) if method == "GET" => page(kind.kind, &[], ""),
        _ => failure(404, "NotFound"),
    }
}
