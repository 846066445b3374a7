//! The thread. It ends with its `Reactor`, and all its connections with it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio_rustls::client::TlsStream;
use tokio_rustls::TlsConnector;

use super::exchange::{Bell, Exchange};
use super::failure::Failure;
use super::pump::{Io, Pump};
use super::tls::{server_name, Tls};

/// A connected socket that does not block.
#[derive(Debug)]
pub enum Plug {
    /// TCP
    Tcp(std::net::TcpStream),
    /// A unix socket.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

/// A thread that serves sockets.
#[derive(Debug)]
pub struct Reactor {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reactor {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = Builder::new().name("hawser sockets".to_owned()).spawn(move || {
            // It ends, too, when the sender is gone.
            drop(runtime.block_on(stopped));
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves a socket; with `tls`, to the server of this name.
    pub fn serve(&self, plug: Plug, tls: Option<(Tls, String)>, bell: Box<dyn Bell>) -> Arc<Exchange> {
        let exchange = Arc::new(Exchange::new(bell));
        let end = End { exchange: Arc::clone(&exchange), failure: Some(Failure::defect()) };
        self.handle.spawn(serve(plug, tls, end));
        exchange
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Reports the end of a connection, whatever ends it: a panic is a defect.
struct End {
    exchange: Arc<Exchange>,
    failure: Option<Failure>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.exchange.over(self.failure.take());
    }
}

async fn serve(plug: Plug, tls: Option<(Tls, String)>, mut end: End) {
    end.failure = match run(plug, tls, &end.exchange).await {
        Ok(()) => None,
        Err(error) => Some(Failure::of(&error)),
    };
}

async fn run(plug: Plug, tls: Option<(Tls, String)>, exchange: &Exchange) -> io::Result<()> {
    let stream = match plug {
        Plug::Tcp(socket) => {
            let socket = TcpStream::from_std(socket)?;
            // Until the runtime has looked at the socket, no write goes through, and those before a `Drop` would be lost.
            socket.writable().await?;
            secure(socket, tls, exchange).await?
        }
        #[cfg(unix)]
        Plug::Unix(socket) => {
            let socket = UnixStream::from_std(socket)?;
            socket.writable().await?;
            secure(socket, tls, exchange).await?
        }
    };
    Pump::new(stream, exchange).await
}

/// The stream that carries commands, after the TLS handshake.
async fn secure<S: Io + Unpin + 'static>(socket: S, tls: Option<(Tls, String)>, exchange: &Exchange) -> io::Result<Pin<Box<dyn Io>>> {
    let Some((tls, name)) = tls else {
        exchange.opened(Vec::new());
        return Ok(Box::pin(socket));
    };
    let stream = TlsConnector::from(tls.config()).connect(server_name(&name), socket).await?;
    exchange.opened(certificates(&stream));
    Ok(Box::pin(stream))
}

fn certificates<S>(stream: &TlsStream<S>) -> Vec<Vec<u8>> {
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
}
