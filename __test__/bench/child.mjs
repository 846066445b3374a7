// The process of one contender in one round: takes a job from its parent, answers with what it measured, and ends.

const SECTIONS = { raw: './raw.mjs', hits: './hits.mjs', invalidate: './invalidate.mjs', surface: './surface.mjs', cluster: './cluster.mjs' };

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

/** What the contender has left open is of no interest here: its process ends. */
function end(answer) {
  process.send(answer, () => process.exit(0));
}
