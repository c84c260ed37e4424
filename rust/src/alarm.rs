//! A descriptor that becomes readable at a moment, to some ten microseconds: event loops wait in whole milliseconds.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::time::{
    timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
};

const AT_ONCE: Duration = Duration::from_nanos(1);

/// One alarm, which can be set again and again.
pub struct Alarm(OwnedFd);

impl Alarm {
    /// Makes one that isn't set.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?))
    }

    /// Becomes readable after so long, and not before; without a time, never. An earlier setting is forgotten.
    ///
    /// # Errors
    /// It is longer than the kernel can wait.
    pub fn set(&self, after: Option<Duration>) -> io::Result<()> {
        const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = match after {
            Some(after) => Timespec::try_from(after.max(AT_ONCE)).map_err(io::Error::other)?,
            None => NEVER,
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: NEVER, it_value: value })?;
        Ok(())
    }

    /// The descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::event::{poll, PollFd, PollFlags};

    use super::*;

    fn wait(alarm: &Alarm, most: Duration) -> bool {
        let most = Timespec::try_from(most).expect("short enough");
        poll(&mut [PollFd::from_borrowed_fd(alarm.fd(), PollFlags::IN)], Some(&most)).expect("it waits") == 1
    }

    #[test]
    fn it_is_readable_after_its_time_and_until_it_is_set_again() {
        let alarm = Alarm::new().expect("there are descriptors");
        let start = Instant::now();
        alarm.set(Some(Duration::from_secs(3600))).expect("a time");
        alarm.set(Some(Duration::from_micros(300))).expect("a time");
        assert!(wait(&alarm, Duration::from_secs(3600)));
        assert!(start.elapsed() >= Duration::from_micros(300));
        assert!(wait(&alarm, Duration::ZERO));
        alarm.set(None).expect("no time");
        assert!(!wait(&alarm, Duration::ZERO));
        alarm.set(Some(Duration::ZERO)).expect("a time");
        assert!(wait(&alarm, Duration::from_secs(3600)));
    }
}
