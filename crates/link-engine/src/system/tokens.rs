//! Taking tokens of a jobserver without waiting for them.
//!
//! A jobserver is a pipe with a byte for each token (GNU make manual, "POSIX Jobserver
//! Interaction"). Reading from it waits if there is none. `Client::try_acquire` does not wait. But
//! jobserver 0.1.34 refuses it (`Unsupported`) for a pipe that the client made itself, as Cargo
//! does: the mode of reading belongs to the open pipe, which other processes share. Linux can open
//! the pipe anew by the name of its descriptor, with a mode of its own.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::Arc;

use jobserver::{Acquired, Client};

/// The tokens of a jobserver.
#[derive(Debug, Clone)]
pub(crate) enum Tokens {
    /// Of a client that can take them without waiting, or none.
    Client(Client),
    /// Of a pipe that was opened anew.
    Pipe(Arc<Pipe>),
}

/// A token, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) enum Token {
    Client {
        _acquired: Acquired,
    },
    Pipe {
        /// The byte that was read, which goes back as it is.
        byte: u8,
        pipe: Arc<Pipe>,
    },
}

/// The two ends of a jobserver's pipe. Reading from it does not wait.
#[derive(Debug)]
pub(crate) struct Pipe {
    read: File,
    write: File,
}

impl Tokens {
    pub(crate) fn of(client: Client) -> Tokens {
        let may_wait = client
            .try_acquire()
            .is_err_and(|error| error.kind() == ErrorKind::Unsupported);
        match Pipe::of(&client).filter(|_| may_wait) {
            Some(pipe) => Tokens::Pipe(Arc::new(pipe)),
            None => Tokens::Client(client),
        }
    }

    /// Takes a token if one is free.
    pub(crate) fn take(&self) -> Option<Token> {
        match self {
            Tokens::Client(client) => {
                let _acquired = client.try_acquire().ok()??;
                Some(Token::Client { _acquired })
            }
            Tokens::Pipe(pipe) => {
                let mut byte = [0];
                (&pipe.read).read_exact(&mut byte).ok()?;
                Some(Token::Pipe {
                    byte: byte[0],
                    pipe: pipe.clone(),
                })
            }
        }
    }
}

impl Pipe {
    /// Opens the pipe of a client anew. `None` if the system gives the same open pipe once more, or
    /// if the client has a named one.
    fn of(client: &Client) -> Option<Pipe> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        // A client shows its descriptors only to processes that it is to serve.
        let mut told = Command::new("");
        client.configure(&mut told);
        let mut variables = told.get_envs();
        let options = variables.find_map(|(_, value)| value)?.to_str()?;
        let descriptors = options.split("--jobserver-auth=").nth(1)?;
        let (read, write) = descriptors.split_once(',')?;
        let path = |descriptor: &str| {
            let number: u32 = descriptor.trim().parse().ok()?;
            Some(format!("/dev/fd/{number}"))
        };
        let open = |options: &mut OpenOptions, descriptor| options.open(path(descriptor)?).ok();
        let mut reading = OpenOptions::new();
        reading.read(true).custom_flags(libc::O_NONBLOCK);
        Some(Pipe {
            read: open(&mut reading, read)?,
            write: open(OpenOptions::new().write(true), write)?,
        })
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Token::Pipe { byte, pipe } = self {
            // If this fails, no process reads from the pipe any more.
            let _ = (&pipe.write).write_all(&[*byte]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_pipe_itself_goes_on_waiting() {
        let client = Client::new(1).unwrap();
        let tokens = Tokens::of(client.clone());
        assert!(matches!(tokens, Tokens::Pipe(_)));
        let token = tokens.take().unwrap();
        assert!(tokens.take().is_none());
        // The client waits for a token that is taken, and gets it when it is given back.
        let waiting = thread::spawn(move || client.acquire().map(drop));
        thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        drop(token);
        waiting.join().unwrap().unwrap();
        assert!(tokens.take().is_some());
    }
}
