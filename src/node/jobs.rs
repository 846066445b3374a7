//! Work of the cache on other threads: started by the thread of JavaScript, which is called when something is done.

use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;

use napi::bindgen_prelude::Env;

use super::bell::Bell;
use super::environment;
use super::errors::{defect, Result};
use super::values::{Maker, Values};
use crate::cache::packing::{Finished, Job};
use crate::tokio_io::pool::Pool;
use crate::tokio_io::wire::Bell as _;

thread_local! {
    /// The pool of this environment.
    static POOL: RefCell<Option<Rc<Pool>>> = const { RefCell::new(None) };
}

fn pool(env: Env) -> Result<Rc<Pool>> {
    environment::once(env, &POOL, "the pool of threads for compression", Pool::new)
}

/// Has a thread of the pool do this. Returns whether there is one.
fn begin(pool: &Pool, job: Arc<Job>, results: Sender<Finished>, bell: Bell) -> bool {
    let work = move || {
        let finished = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|_| job.failed());
        // Nobody waits for it if the cache is gone.
        let _ = results.send(finished);
        bell.ring();
    };
    // tokio panics if the system has no thread.
    catch_unwind(AssertUnwindSafe(|| pool.run(work))).is_ok()
}

/// The jobs of one cache.
pub struct Jobs {
    sender: Sender<Finished>,
    receiver: Receiver<Finished>,
    running: usize,
    bell: Option<Bell>,
}

impl Jobs {
    pub fn new() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver, running: 0, bell: None }
    }

    /// Has these done. `call` is called when there are results; until all are here, the process stays alive. A job for which there is no thread is done
    /// here.
    pub fn start(&mut self, env: Env, call: Option<&Maker>, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        self.running += jobs.len();
        let means = self.means(env, call);
        for job in jobs.into_iter().map(Arc::new) {
            let is_begun = means.as_ref().is_ok_and(|(bell, pool)| begin(pool, Arc::clone(&job), self.sender.clone(), bell.share()));
            if !is_begun {
                // The receiver is here.
                let _ = self.sender.send(job.run());
            }
        }
    }

    /// What other threads need, made at the first job.
    fn means(&mut self, env: Env, call: Option<&Maker>) -> Result<(Bell, Rc<Pool>)> {
        let pool = pool(env)?;
        if self.bell.is_none() {
            let call = call.ok_or_else(|| defect("nobody is to be called"))?;
            let values = Values::plain(env);
            self.bell = Some(Bell::new(env, &values.returned(call.function()), &values.returned(values.text(b"hawser compression")))?);
        }
        let bell = self.bell.as_ref().ok_or_else(|| defect("nobody can be called"))?;
        bell.hold(env, true);
        Ok((bell.share(), pool))
    }

    /// How many jobs are not done.
    pub fn running(&self) -> u32 {
        self.running as u32
    }

    /// Takes the results that are here.
    pub fn take(&mut self, env: Env) -> Vec<Finished> {
        let done: Vec<Finished> = self.receiver.try_iter().collect();
        self.count(env, &done);
        done
    }

    /// Waits for all results.
    pub fn wait(&mut self, env: Env) -> Vec<Finished> {
        let done: Vec<Finished> = self.receiver.iter().take(self.running).collect();
        self.count(env, &done);
        done
    }

    fn count(&mut self, env: Env, done: &[Finished]) {
        self.running -= done.len();
        if let Some(bell) = self.bell.as_ref().filter(|_| self.running == 0) {
            bell.hold(env, false);
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        if let Some(bell) = &self.bell {
            bell.close();
        }
    }
}
