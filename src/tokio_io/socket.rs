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

use crate::conn::ProbeRequest;

/// The time limit for opening a connection, over all addresses of a name.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a probe may take to connect and to be answered.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

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

/// Makes a second connection to a node whose first is silent. Returns what it was answered, if it was.
pub async fn probe(endpoint: Endpoint, request: ProbeRequest) -> Option<Vec<u8>> {
    timeout(PROBE_TIMEOUT, ask(endpoint, &request)).await.ok()?.ok()
}

async fn ask(endpoint: Endpoint, request: &ProbeRequest) -> io::Result<Vec<u8>> {
    let socket = Socket::connect(endpoint).await?;
    socket.writable().await?;
    if socket.try_write(&request.bytes)? < request.bytes.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while request.is_answered(&answer).is_none() {
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(answer)
}
