//! The calls that a connection makes on a socket. Tests use scripts in place of sockets.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::{readv, Errno, Result};
use rustix::net::sockopt::{set_socket_linger, set_tcp_nodelay, socket_error};
use rustix::net::{recv, send, shutdown, RecvFlags, SendFlags, Shutdown};

use crate::sys;

/// A connected, non-blocking socket.
pub trait Io {
    /// Receives once; 0 is the peer's end of stream.
    fn recv(&self, buffer: &mut [u8]) -> Result<usize>;
    /// Receives once into several buffers, one after the other.
    fn recv_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize>;
    /// Sends as much as there is room for.
    fn send(&self, bytes: &[u8]) -> Result<usize>;
    /// Sends as `send` does; more follows at once, and shares the last segment.
    fn send_before_more(&self, bytes: &[u8]) -> Result<usize>;
    /// Sends a byte as an urgent one.
    fn send_urgent(&self, byte: u8) -> Result<usize>;
    /// Receives the urgent byte, wherever in the stream it is. It keeps its place.
    fn recv_urgent(&self) -> Result<u8>;
    /// Whether the urgent byte, received or not, comes next in the stream.
    fn is_at_urgent_byte(&self) -> bool;
    /// Ends our side: a FIN after everything that was sent.
    fn shut_down_writing(&self) -> Result<()>;
    /// Counts the received bytes that nobody has read.
    fn unread_bytes(&self) -> usize;
    /// Counts the sent bytes that the peer's kernel hasn't acknowledged.
    fn unacknowledged_bytes(&self) -> usize;
    /// Counts the bytes that our kernel took and hasn't sent even once.
    fn unsent_bytes(&self) -> usize;
    /// Takes the socket's pending error, if there is one.
    fn take_error(&self) -> Option<Errno>;
    /// Sets the socket options for relaying.
    fn tune(&self, unsent_limit_bytes: Option<i32>);
    /// Lets more be received while part of a record waits unread.
    fn make_room(&self);
    /// Makes closing send a RST.
    fn reset_on_close(&self);
    /// Makes the kernel forget the connection about a second after closing, and not a minute (tcp_fin_timeout), if only
    /// our side has ended. It sends nothing then.
    fn be_forgotten_soon(&self);
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

    fn send_before_more(&self, bytes: &[u8]) -> Result<usize> {
        send(self, bytes, SendFlags::NOSIGNAL | SendFlags::MORE)
    }

    fn send_urgent(&self, byte: u8) -> Result<usize> {
        send(self, &[byte], SendFlags::NOSIGNAL | SendFlags::OOB)
    }

    fn recv_urgent(&self) -> Result<u8> {
        let mut byte = [0];
        recv(self, &mut byte, RecvFlags::OOB).map(|_| byte[0])
    }

    fn is_at_urgent_byte(&self) -> bool {
        sys::is_at_urgent_byte(self.as_fd())
    }

    fn shut_down_writing(&self) -> Result<()> {
        shutdown(self, Shutdown::Write)
    }

    fn unread_bytes(&self) -> usize {
        sys::unread_bytes(self.as_fd())
    }

    fn unacknowledged_bytes(&self) -> usize {
        sys::unacknowledged_bytes(self.as_fd())
    }

    fn unsent_bytes(&self) -> usize {
        sys::unsent_bytes(self.as_fd())
    }

    fn take_error(&self) -> Option<Errno> {
        socket_error(self).ok()?.err()
    }

    fn tune(&self, unsent_limit_bytes: Option<i32>) {
        // A socket that isn't TCP has neither option, and doesn't need it.
        let _ = set_tcp_nodelay(self, true);
        if let Some(limit) = unsent_limit_bytes {
            sys::limit_unsent_bytes(self.as_fd(), limit);
        }
    }

    fn make_room(&self) {
        sys::make_room(self.as_fd());
    }

    fn reset_on_close(&self) {
        // A socket that isn't TCP doesn't have this option, and needs none.
        let _ = set_socket_linger(self, Some(Duration::ZERO));
    }

    fn be_forgotten_soon(&self) {
        sys::be_forgotten_soon(self.as_fd());
    }
}
