//! One type for TCP and unix sockets: open, wait until ready, and read or write without blocking.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::conn::Probe;

/// The time limit for opening a connection, over all addresses of a name.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for a probe to connect, and again for its answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Host and port; connecting tries every address of the host.
    Tcp(String, u16),
    /// Path of a unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Opens a connection.
    pub async fn open(endpoint: Endpoint) -> io::Result<Self> {
        timeout(CONNECT_TIMEOUT, Self::connect(endpoint)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn connect(endpoint: Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), port)).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Waits until the socket is readable.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await
    }

    /// Waits until the socket is writable.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await
    }

    async fn ready(&self, interest: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.ready(interest).await.map(drop),
            #[cfg(unix)]
            Self::Unix(stream) => stream.ready(interest).await.map(drop),
        }
    }

    /// Reads the available bytes; `WouldBlock` if there are none, 0 at the end of the stream.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_read(buffer),
        }
    }

    /// Writes as many bytes as the socket accepts.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }
}

/// Opens a second connection to a node whose first one is silent.
pub async fn probe(endpoint: Endpoint) -> Probe {
    let Ok(Ok(socket)) = timeout(PROBE_TIMEOUT, Socket::connect(endpoint)).await else { return Probe::Unreachable };
    match timeout(PROBE_TIMEOUT, ask(&socket)).await {
        Ok(Ok(answer)) if !answer.starts_with(b"-BUSY") => Probe::Answered,
        Ok(Err(_)) => Probe::Unreachable,
        _ => Probe::Busy,
    }
}

/// Sends PING and returns the start of the answer. Any answer counts, even an error that asks for a password.
async fn ask(socket: &Socket) -> io::Result<Vec<u8>> {
    socket.writable().await?;
    socket.try_write(b"PING\r\n")?;
    let mut buffer = [0; 512];
    loop {
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => return Ok(buffer[..n].to_vec()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
}
