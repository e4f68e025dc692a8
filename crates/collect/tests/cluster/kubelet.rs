//! A kubelet's port as far as the API server's proxy needs it, with a certificate that nobody checks, as is usual.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A kubelet.
pub(crate) struct Kubelet {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

/// An address of this machine that is not for itself alone: an API server's proxy goes to no other. None: it has none.
fn address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: the system only chooses from where it would be.
    socket.connect("198.51.100.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

impl Kubelet {
    /// Starts it. Each path is answered by a status and a body.
    pub(crate) fn start(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Option<Self> {
        Self::start_at(address()?, answer)
    }

    /// Starts it at an address. Logs are also fetched from where the server's proxy does not go.
    pub(crate) fn start_at(address: IpAddr, answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Option<Self> {
        let listener = TcpListener::bind((address, 0)).ok()?;
        let port = listener.local_addr().unwrap().port();
        let key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec!["kubelet".to_owned()]).unwrap().self_signed(&key).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.der().clone()], key).unwrap();
        let config = Arc::new(config);
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &config, &log, &answer);
            }
        });
        Some(Self { address, port, asked })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    log: &Mutex<Vec<String>>,
    answer: &dyn Fn(&str) -> (u16, String),
) {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
        header.clear();
    }
    let line = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (status, body) = answer(&line);
    log.lock().unwrap().push(line);
    let length = body.len();
    let mut stream = reader.into_inner();
    let _ = write!(stream, "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
