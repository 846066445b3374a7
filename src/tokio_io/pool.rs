//! Threads for work that takes a while and waits for nothing: tokio's pool for blocking tasks.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// More threads than this would only compete with the thread of the caller for the processor.
const THREADS_MAX: usize = 4;

/// The pool. Dropping it waits for the work that has begun.
pub struct Pool(Runtime);

impl Pool {
    /// A pool without threads. They start with the work and end when there has been none for a while.
    pub fn new() -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        Builder::new_current_thread().max_blocking_threads(threads).thread_name("hawser-pool").build().map(Self)
    }

    /// Has a thread do this. What waits for a thread begins in the order of the calls.
    pub fn run(&self, work: impl FnOnce() + Send + 'static) {
        drop(self.0.spawn_blocking(work));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_runs_on_other_threads_and_dropping_the_pool_waits_for_what_has_begun() {
        let pool = Pool::new().unwrap();
        let (sender, results) = mpsc::channel();
        for number in 0..100 {
            let sender = sender.clone();
            pool.run(move || sender.send((number, std::thread::current().id())).unwrap());
        }
        drop(sender);
        let mut done: Vec<i32> = results
            .iter()
            .map(|(number, thread)| {
                assert_ne!(thread, std::thread::current().id());
                number
            })
            .collect();
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
        let (begun, has_begun) = mpsc::channel();
        let (sender, results) = mpsc::channel();
        pool.run(move || {
            begun.send(()).unwrap();
            std::thread::yield_now();
            sender.send(()).unwrap();
        });
        has_begun.recv().unwrap();
        drop(pool);
        assert_eq!(results.try_recv(), Ok(()));
    }
}
