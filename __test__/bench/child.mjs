// The process of one contender in one round: it takes a job from its parent, answers with its measurements, and ends.

const SECTIONS = {
  raw: './raw.mjs',
  hits: './hits.mjs',
  hit_costs: './hit_costs.mjs',
  near: './near.mjs',
  invalidate: './invalidate.mjs',
  surface: './surface.mjs',
  cluster: './cluster.mjs',
  thread: './thread.mjs',
  bullmq: './bullmq.mjs',
};

process.once('message', (job) => {
  work(job).then(
    (result) => end({ result }),
    (error) => end({ error: String(error?.message ?? error) }),
  );
});

async function work(job) {
  const { perform } = await import(SECTIONS[job.section]);
  return perform(job);
}

/** Ends the process, whatever the contender has left open. */
function end(answer) {
  process.send(answer, () => process.exit(0));
}
