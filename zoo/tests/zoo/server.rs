//! A web server on this very machine, which answers as the best and as the worst ones do.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the files of these tests hold.
pub fn body() -> Vec<u8> {
    (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// How the server answers every request.
#[derive(Clone, Copy)]
pub enum Answer {
    Whole,
    /// The right length and another content.
    Altered,
    /// The right length is promised, half of it is sent.
    Truncated,
    /// No length is promised, and more is sent than the manifest says.
    Endless,
    /// Half is sent, then nothing, until the client goes away or ten seconds are over.
    Stalled,
    NotFound,
    /// To a place outside this machine.
    Redirect,
}

/// An HTTP server on a loopback port that counts its requests and stops when it is dropped.
pub struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(answer: Answer) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stopped) = (requests.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                // A client that goes away in the middle is part of the tests.
                let _ = stream.and_then(|stream| respond(stream, answer));
            }
        });
        Server { port, requests, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/weights", self.port)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn respond(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut body = body();
    let ok = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    match answer {
        Answer::Whole => stream.write_all(ok(body.len()).as_bytes())?,
        Answer::Altered => {
            stream.write_all(ok(body.len()).as_bytes())?;
            body[1000] ^= 1;
        }
        Answer::Truncated => {
            stream.write_all(ok(body.len()).as_bytes())?;
            body.truncate(body.len() / 2);
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            body.extend_from_within(..);
        }
        Answer::Stalled => {
            stream.write_all(ok(body.len()).as_bytes())?;
            stream.write_all(&body[..body.len() / 2])?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            let _ = std::io::Read::read(&mut stream, &mut [0]);
            return Ok(());
        }
        Answer::NotFound => {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
        Answer::Redirect => {
            let to = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/weights\r\nContent-Length: 0\r\n\r\n";
            return stream.write_all(to.as_bytes());
        }
    }
    stream.write_all(&body)
}
