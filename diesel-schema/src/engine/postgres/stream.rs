use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::watchdog::Watchdog;

/// An encrypted socket.
pub(super) type Encrypted = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// The stream of the driver's messages, above any encryption. It fails where the server falls silent.
pub(super) struct Stream {
    way: Way,
    watchdog: Watchdog,
}

enum Way {
    Plain(Socket),
    Encrypted(Box<Encrypted>),
}

/// Does the same on a plain and on an encrypted socket.
macro_rules! on_way {
    ($stream:expr, |$way:ident| $body:expr) => {
        match &mut $stream.way {
            Way::Plain(socket) => {
                let $way = Pin::new(socket);
                $body
            }
            Way::Encrypted(stream) => {
                let $way = Pin::new(&mut **stream);
                $body
            }
        }
    };
}

impl Stream {
    pub fn plain(socket: Socket, limit: Duration) -> Self {
        Self { way: Way::Plain(socket), watchdog: Watchdog::new(limit) }
    }

    pub fn encrypted(stream: Encrypted, limit: Duration) -> Self {
        Self { way: Way::Encrypted(Box::new(stream)), watchdog: Watchdog::new(limit) }
    }

    /// The outcome, or an error where the server has been silent for too long.
    fn watched<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match self.watchdog.poll_silence(cx) {
            Poll::Ready(()) => {
                let text = "the server fell silent over a statement";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
            }
            Poll::Pending => outcome,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = on_way!(self, |way| way.poll_read(cx, buf));
        self.watchdog.received(&buf.filled()[before..]);
        self.watched(cx, outcome)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = on_way!(self, |way| way.poll_write(cx, buf));
        if let Poll::Ready(Ok(written)) = outcome {
            self.watchdog.sent(&buf[..written]);
        }
        self.watched(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = on_way!(self, |way| way.poll_flush(cx));
        self.watched(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_way!(self, |way| way.poll_shutdown(cx))
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.way {
            Way::Plain(_) => ChannelBinding::none(),
            Way::Encrypted(stream) => stream.channel_binding(),
        }
    }
}
