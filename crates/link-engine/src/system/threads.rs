//! The number of threads that a group job may use, itself and for the linker.
//!
//! Cargo runs a job for each token of its jobserver, and rustc takes further ones for its
//! threads. A job has one token for itself. If it used more threads than that, it would take
//! processors from the compilers beside it. So for each thread beyond the first, the job takes a
//! free token, and gives it back.

use std::thread::available_parallelism;

use jobserver::Client;

use super::tokens::{Token, Tokens};

/// The source of threads.
#[derive(Debug, Clone)]
pub struct Threads {
    processors: usize,
    tokens: Option<Tokens>,
}

impl Threads {
    /// Threads for which tokens of this jobserver are free, at most one for each processor.
    /// Without a jobserver, one for each processor.
    pub fn new(client: Option<Client>) -> Threads {
        let processors = available_parallelism().map_or(1, usize::from);
        Threads::with_processors(client, processors)
    }

    /// Like [`Threads::new`], with this number of processors.
    pub fn with_processors(client: Option<Client>, processors: usize) -> Threads {
        Threads {
            processors,
            tokens: client.map(Tokens::of),
        }
    }

    /// Takes as many threads as are free now, for work that up to so many could share.
    pub fn take(&self, up_to: usize) -> Taken {
        let others = up_to.min(self.processors).saturating_sub(1);
        let mut tokens = Vec::new();
        let others = match &self.tokens {
            Some(free) => {
                tokens.extend((0..others).map_while(|_| free.take()));
                tokens.len()
            }
            None => others,
        };
        Taken {
            threads: 1 + others,
            _tokens: tokens,
        }
    }
}

/// Threads that were taken. They are given back when this is dropped.
#[derive(Debug)]
pub struct Taken {
    threads: usize,
    _tokens: Vec<Token>,
}

impl Taken {
    /// The number of threads that the work may use: at least one, its own.
    pub fn threads(&self) -> usize {
        self.threads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(tokens: usize) -> Client {
        Client::new(tokens).unwrap()
    }

    #[test]
    fn without_a_jobserver_processors_are_the_limit() {
        let threads = Threads::with_processors(None, 4);
        for (up_to, expected) in [(0, 1), (1, 1), (3, 3), (9, 4)] {
            assert_eq!(threads.take(up_to).threads(), expected);
        }
        assert_eq!(Threads::with_processors(None, 0).take(2).threads(), 1);
        assert!(Threads::new(None).take(1000).threads() >= 1);
    }

    #[test]
    fn threads_beyond_the_first_are_tokens() {
        let client = client(3);
        let threads = Threads::with_processors(Some(client.clone()), 8);
        let first = threads.take(3);
        assert_eq!(first.threads(), 3);
        assert_eq!(client.available().unwrap(), 1);
        let second = threads.take(8);
        assert_eq!(second.threads(), 2);
        assert_eq!(threads.take(8).threads(), 1);
        drop(first);
        assert_eq!(client.available().unwrap(), 2);
        drop(second);
        assert_eq!(client.available().unwrap(), 3);
        assert_eq!(threads.take(1).threads(), 1);
        assert_eq!(
            Threads::with_processors(Some(client), 2).take(8).threads(),
            2
        );
    }
}
