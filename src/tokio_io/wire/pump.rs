//! Moves bytes between a socket and its exchange. It never waits in one direction while the other one can move.

use std::future::Future;
use std::io;
use std::pin::{pin, Pin};
use std::task::{ready, Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::exchange::{Exchange, Order};

/// A socket, with TLS or without.
pub trait Io: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// One read has room for as much.
const READ: usize = 1 << 16;
/// So much at once goes to the caller, so that it works on it while more arrives.
const PORTION: usize = 1 << 18;
/// After so many portions other sockets have their turn.
const PORTIONS: usize = 4;
/// An empty buffer is kept up to this size.
const KEEP: usize = 1 << 18;

/// How a round of reading ended.
#[derive(PartialEq, Eq)]
enum Left {
    /// Nothing more has arrived.
    Nothing,
    /// More may have arrived.
    More,
    /// The caller has to take what arrived.
    Full,
    /// The other side will send nothing more.
    End,
}

/// A future that is over when the connection is.
pub struct Pump<'a> {
    stream: Pin<Box<dyn Io>>,
    exchange: &'a Exchange,
    incoming: Vec<u8>,
    /// Bytes to write, and how many of them are written.
    outgoing: Vec<u8>,
    at: usize,
    is_flushed: bool,
    is_shut: bool,
}

impl<'a> Pump<'a> {
    /// Serves this stream.
    pub fn new(stream: Pin<Box<dyn Io>>, exchange: &'a Exchange) -> Self {
        Self { stream, exchange, incoming: Vec::new(), outgoing: Vec::new(), at: 0, is_flushed: true, is_shut: false }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.at == self.outgoing.len() {
                self.outgoing.clear();
                self.outgoing.shrink_to(KEEP);
                self.at = 0;
            }
            let seen = self.exchange.orders(&mut self.outgoing);
            let written = self.write(cx, seen.0);
            if seen.0 == Order::Drop {
                return Poll::Ready(Ok(()));
            }
            let left = self.read(cx);
            // What has arrived before the other side hung up counts.
            written?;
            let left = left?;
            self.exchange.looked(seen.1);
            match left {
                Left::End => return Poll::Ready(Ok(())),
                Left::More => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Left::Nothing | Left::Full => {}
            }
            if self.exchange.park(cx.waker(), seen, self.at == self.outgoing.len(), left == Left::Full) {
                return Poll::Pending;
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, order: Order) -> io::Result<()> {
        match self.poll_write(cx, order) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Ok(()),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, order: Order) -> Poll<io::Result<()>> {
        while self.at < self.outgoing.len() {
            let n = ready!(self.stream.as_mut().poll_write(cx, &self.outgoing[self.at..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.at += n;
            self.is_flushed = false;
            self.exchange.wrote(n);
        }
        if !self.is_flushed {
            ready!(self.stream.as_mut().poll_flush(cx))?;
            self.is_flushed = true;
        }
        if order == Order::End && !self.is_shut {
            ready!(self.stream.as_mut().poll_shutdown(cx))?;
            self.is_shut = true;
        }
        Poll::Ready(Ok(()))
    }

    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<Left> {
        for _ in 0..PORTIONS {
            if self.exchange.is_full() {
                return Ok(Left::Full);
            }
            let left = self.read_portion(cx);
            self.exchange.deliver(&mut self.incoming);
            match left? {
                Left::More => {}
                left => return Ok(left),
            }
        }
        Ok(Left::More)
    }

    fn read_portion(&mut self, cx: &mut Context<'_>) -> io::Result<Left> {
        while self.incoming.len() < PORTION {
            if self.incoming.capacity() - self.incoming.len() < READ / 4 {
                self.incoming.reserve(READ);
            }
            match pin!(self.stream.read_buf(&mut self.incoming)).poll(cx) {
                Poll::Ready(Ok(0)) => return Ok(Left::End),
                Poll::Ready(Ok(_)) => {}
                // A server that ends TLS without saying goodbye; replies say where they end.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Left::End),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(Left::Nothing),
            }
        }
        Ok(Left::More)
    }
}

impl Future for Pump<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.advance(cx)
    }
}
