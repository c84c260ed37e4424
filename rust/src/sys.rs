//! Every `unsafe` of the crate except for vector instructions (`vaes.rs`), each with its reason.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
#[cfg(feature = "python")]
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::epoll::Event;
use rustix::io::Errno;

/// Takes over a descriptor given as a number; None for a negative number.
///
/// The caller gives it up, as Python's `socket.detach()` does: nobody else may use or close it from now on.
#[cfg(feature = "python")]
pub fn own_fd(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: it isn't negative, and `detach` left no other owner (the contract above; relay/native.py keeps it).
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits for events as `epoll::wait` does, but to the nanosecond. Fails with NOSYS before Linux 5.11.
pub fn epoll_pwait2(
    epoll: BorrowedFd<'_>,
    events: &mut Vec<Event>,
    timeout: Option<Duration>,
) -> rustix::io::Result<()> {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    events.clear();
    let space = events.spare_capacity_mut();
    // SAFETY: the kernel writes at most as many events as there is space for, which are plain data of its own layout,
    // and reads one timespec, or none, which outlives the call. No signal mask is given.
    let count = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            space.as_mut_ptr(),
            space.len(),
            timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
            std::ptr::null::<libc::sigset_t>(),
            0usize,
        )
    };
    let Ok(count) = usize::try_from(count) else {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO));
    };
    // SAFETY: the kernel has written so many.
    unsafe { events.set_len(count) };
    Ok(())
}

/// Lets the kernel receive more while part of a record waits unread.
///
/// A few unread bytes can keep much of its buffer: all segments that were joined when they arrived. With the 128 KiB that
/// it begins with, the window could stay closed, and what we wait for would never come. It grows for a low-water mark, to
/// twice as much, doesn't shrink again, and stays free to grow: setting its size would end that.
pub fn make_room(fd: BorrowedFd<'_>) {
    const ROOM_BYTES: libc::c_int = 256 * 1024;
    for low_water_bytes in [ROOM_BYTES, 1] {
        let length = std::mem::size_of_val(&low_water_bytes) as libc::socklen_t;
        // SAFETY: the option is one int, and `low_water_bytes` is one that outlives the call.
        unsafe {
            let value = std::ptr::from_ref(&low_water_bytes).cast();
            libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, value, length);
        }
    }
}

/// Sets the shortest time for which the kernel keeps a connection that is closed, and whose peer hasn't ended its side.
pub fn be_forgotten_soon(fd: BorrowedFd<'_>) {
    let seconds: libc::c_int = 1;
    let length = std::mem::size_of_val(&seconds) as libc::socklen_t;
    // SAFETY: the option is one int, and `seconds` is one that outlives the call. A socket that isn't TCP refuses.
    unsafe {
        let value = std::ptr::from_ref(&seconds).cast();
        libc::setsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_LINGER2, value, length);
    }
}

/// Counts the bytes that our kernel has received and nobody has read.
pub fn unread_bytes(fd: BorrowedFd<'_>) -> usize {
    count_bytes(fd, libc::FIONREAD).unwrap_or(0)
}

/// Counts the bytes that our kernel took and the peer's kernel hasn't acknowledged.
pub fn unacknowledged_bytes(fd: BorrowedFd<'_>) -> usize {
    count_bytes(fd, libc::TIOCOUTQ).unwrap_or(0)
}

/// Counts the bytes that our kernel took and hasn't sent even once; of a Unix socket, those that the peer hasn't read.
pub fn unsent_bytes(fd: BorrowedFd<'_>) -> usize {
    const SIOCOUTQNSD: libc::Ioctl = 0x894B;
    count_bytes(fd, SIOCOUTQNSD).unwrap_or_else(|| unacknowledged_bytes(fd))
}

/// Whether the urgent byte comes next in the stream.
pub fn is_at_urgent_byte(fd: BorrowedFd<'_>) -> bool {
    const SIOCATMARK: libc::Ioctl = 0x8905;
    read_int(fd, SIOCATMARK).is_some_and(|answer| answer != 0)
}

fn count_bytes(fd: BorrowedFd<'_>, request: libc::Ioctl) -> Option<usize> {
    read_int(fd, request).map(|count| usize::try_from(count).unwrap_or(0))
}

fn read_int(fd: BorrowedFd<'_>, request: libc::Ioctl) -> Option<libc::c_int> {
    let mut answer: libc::c_int = 0;
    // SAFETY: these requests write one int, and `answer` is one that outlives the call.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), request, &mut answer) };
    (status == 0).then_some(answer)
}

/// Limits how much data the kernel holds unsent for a peer; a lower limit stays. What it has taken, we can't take back.
pub fn limit_unsent_bytes(fd: BorrowedFd<'_>, limit: libc::c_int) {
    let mut now: libc::c_int = 0;
    let mut length = std::mem::size_of_val(&limit) as libc::socklen_t;
    // SAFETY: the option is one int, and `now` and `limit` are ints that outlive the calls. A socket that isn't TCP
    // refuses; 0 means that there is no limit.
    unsafe {
        let value = std::ptr::from_mut(&mut now).cast();
        libc::getsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, value, &raw mut length);
        if !(1..=limit).contains(&now) {
            let value = std::ptr::from_ref(&limit).cast();
            libc::setsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, value, length);
        }
    };
}

/// Runs `spawn` with all signals blocked, so that the threads it starts never run a signal handler of the host.
pub fn with_signals_blocked<T>(spawn: impl FnOnce() -> T) -> io::Result<T> {
    // SAFETY: both sets are plain data, which sigfillset and pthread_sigmask fill before anyone reads them.
    let (status, before) = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        (libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before), before)
    };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status));
    }
    let result = spawn();
    // SAFETY: `before` was filled by the call above, in this thread.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    Ok(result)
}
