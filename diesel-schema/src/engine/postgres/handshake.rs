use std::error::Error;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::Socket;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::stream::{Encrypted, Stream};

/// Asks the server whether it can encrypt. <https://www.postgresql.org/docs/current/protocol-message-formats.html>
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Makes the stream of a connection, encrypted or not.
///
/// The driver hands its socket only to code that encrypts, so the driver is told that each connection is encrypted at
/// once. The handshake then agrees with the server on encryption, as the driver would.
#[derive(Clone)]
pub(super) struct Handshake {
    /// The encryption, where there is to be any.
    pub tls: Option<MakeRustlsConnect>,
    /// Whether a server that cannot encrypt is refused.
    pub is_required: bool,
    /// Whether encryption begins without asking the server first.
    pub is_direct: bool,
    /// How long the server may be silent.
    pub limit: Duration,
}

type Fault = Box<dyn Error + Send + Sync>;

impl MakeTlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type TlsConnect = HandshakeWith;
    type Error = Fault;

    fn make_tls_connect(&mut self, domain: &str) -> Result<HandshakeWith, Fault> {
        let with = |tls: &mut MakeRustlsConnect| MakeTlsConnect::<Socket>::make_tls_connect(tls, domain);
        let tls = self.tls.as_mut().map(with).transpose()?;
        Ok(HandshakeWith { handshake: self.clone(), tls })
    }
}

/// The handshake with one host.
pub(super) struct HandshakeWith {
    handshake: Handshake,
    tls: Option<<MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect>,
}

impl TlsConnect<Socket> for HandshakeWith {
    type Stream = Stream;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Stream, Fault>>;

    fn connect(self, mut socket: Socket) -> Self::Future {
        let Handshake { is_required, is_direct, limit, .. } = self.handshake;
        Box::pin(async move {
            let Some(tls) = self.tls else {
                return Ok(Stream::plain(socket, limit));
            };
            if !is_direct {
                socket.write_all(&SSL_REQUEST).await?;
                match socket.read_u8().await? {
                    b'S' => {}
                    _ if is_required => return Err("server does not support TLS".into()),
                    _ => return Ok(Stream::plain(socket, limit)),
                }
            }
            let encrypted: Encrypted = tls.connect(socket).await?;
            Ok(Stream::encrypted(encrypted, limit))
        })
    }
}
