//! Sockets by their numbers, which Node gives: another handle of one, and what the system says about a connection's bytes. `TCP_USER_TIMEOUT` would have the kernel end a connection by itself, but it also
//! ends one whose other side acknowledges everything and has no room for more: a client that keeps writing to a busy server.
//! So the kernel is only asked.

use crate::tokio_io::wire::Plug;

#[cfg(target_os = "linux")]
pub use linux::ask;

/// Nothing is known where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn ask(_fd: i32) -> crate::conn::Transport {
    crate::conn::Transport::Unknown
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "Node gives a number, and no crate with a safe interface asks for TCP_INFO")]
mod linux {
    use std::mem::size_of_val;
    use std::time::Duration;

    use crate::conn::Transport;

    /// `struct tcp_info` up to the last word that is of interest. The first two words are eight bytes; the rest is as it is here.
    const WORDS: usize = 15;
    const UNACKNOWLEDGED: usize = 6;
    const LAST_ACKNOWLEDGEMENT_MS: usize = 14;

    /// Asks about the socket `fd`. What is none, or none of TCP, is unknown.
    pub fn ask(fd: i32) -> Transport {
        let mut info = [0_u32; WORDS];
        let size = size_of_val(&info) as libc::socklen_t;
        let mut length = size;
        // SAFETY: the kernel writes at most `length` bytes to `info`; a number that is no socket is refused.
        let status = unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &raw mut length) };
        if status != 0 || length < size {
            return Transport::Unknown;
        }
        if info[UNACKNOWLEDGED] == 0 {
            return Transport::Delivered;
        }
        Transport::Waiting { last_acknowledgement: Duration::from_millis(info[LAST_ACKNOWLEDGEMENT_MS].into()) }
    }
}

/// Another handle of the socket `fd`, for the socket thread; Node's own stays as it is.
#[cfg(unix)]
#[allow(unsafe_code, reason = "Node gives a number")]
pub fn duplicate(fd: i32, is_unix: bool) -> std::io::Result<Plug> {
    use std::os::fd::BorrowedFd;

    if fd < 0 {
        return Err(std::io::ErrorKind::NotConnected.into());
    }
    // SAFETY: the number is not negative, and it is used during this call only, in which Node does not close it. The kernel refuses what
    // is no open file.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?;
    Ok(if is_unix { Plug::Unix(socket.into()) } else { Plug::Tcp(socket.into()) })
}

/// Elsewhere Node's sockets have no numbers.
#[cfg(not(unix))]
pub fn duplicate(_fd: i32, _is_unix: bool) -> std::io::Result<Plug> {
    Err(std::io::ErrorKind::Unsupported.into())
}
