//! What a connection does with a socket. Tests put scripts in the place of sockets.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::{readv, Errno, Result};
use rustix::net::sockopt::{set_socket_linger, set_tcp_nodelay, socket_error};
use rustix::net::{recv, send, shutdown, RecvFlags, SendFlags, Shutdown};

use crate::sys;

/// A connected, non-blocking socket.
pub trait Io {
    /// Receives once; 0 is the peer's end.
    fn recv(&self, buffer: &mut [u8]) -> Result<usize>;
    /// Receives once into several buffers, one behind the other.
    fn recv_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize>;
    /// Sends as much as there is room for.
    fn send(&self, bytes: &[u8]) -> Result<usize>;
    /// Ends this side: a FIN behind everything that was sent.
    fn shut_down_writing(&self) -> Result<()>;
    /// Counts the bytes that were sent and that the peer's kernel hasn't acknowledged.
    fn unacknowledged_bytes(&self) -> usize;
    /// Takes the error that waits on the socket, if one does.
    fn take_error(&self) -> Option<Errno>;
    /// Sets what a relayed socket needs.
    fn tune(&self);
    /// Has closing send a RST.
    fn reset_on_close(&self);
}

impl Io for OwnedFd {
    fn recv(&self, buffer: &mut [u8]) -> Result<usize> {
        recv(self, buffer, RecvFlags::empty()).map(|(count, _)| count)
    }

    fn recv_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        readv(self, buffers)
    }

    fn send(&self, bytes: &[u8]) -> Result<usize> {
        send(self, bytes, SendFlags::NOSIGNAL)
    }

    fn shut_down_writing(&self) -> Result<()> {
        shutdown(self, Shutdown::Write)
    }

    fn unacknowledged_bytes(&self) -> usize {
        sys::unacknowledged_bytes(self.as_fd())
    }

    fn take_error(&self) -> Option<Errno> {
        socket_error(self).ok()?.err()
    }

    fn tune(&self) {
        // A socket that isn't TCP has no such option, and doesn't need it.
        let _ = set_tcp_nodelay(self, true);
    }

    fn reset_on_close(&self) {
        // A socket that isn't TCP has no such option, and nothing to lose.
        let _ = set_socket_linger(self, Some(Duration::ZERO));
    }
}
