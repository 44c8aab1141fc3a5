//! How many threads a group job may use, of itself and of the linker.
//!
//! Cargo runs a job for each token of its jobserver, and rustc takes further ones for its
//! threads. A job has one token for itself. Where it used more threads than that, it would take
//! the processors from the compilers beside it, so each thread beyond the first takes a token
//! that is free, and gives it back.

use std::thread::available_parallelism;

use jobserver::Client;

use super::tokens::{Token, Tokens};

/// From where threads are taken.
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

    /// Like [`Threads::new`], for so many processors instead of those that the system has.
    pub fn with_processors(client: Option<Client>, processors: usize) -> Threads {
        Threads {
            processors,
            tokens: client.map(Tokens::of),
        }
    }

    /// Takes threads for work that so many could share, as many as are free now.
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
    /// How many threads the work may use: at least one, its own.
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
