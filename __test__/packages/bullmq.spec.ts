import { application, file, withServer } from './programs';

const context = withServer();

/** Every program closes everything that it opened. */
const app = (bullmq: string, form: string, body: string): Promise<unknown> =>
  application(
    context.server,
    `
    const { Queue, Worker, QueueEvents, FlowProducer, Job } = require('${bullmq}');
    const open = [];
    const made = (thing) => { open.push(thing); thing.on('error', (error) => { if (!thing.closing) console.error('error event:', error); }); return thing; };
    const shared = ${form === 'a client' ? 'client({ maxRetriesPerRequest: null })' : 'undefined'};
    const connection = shared ?? { host: '127.0.0.1', port };
    const queue = (name = 'q', options) => made(new Queue(name, { connection, ...options }));
    const events = (name = 'q') => made(new QueueEvents(name, { connection }));
    const worker = (processor, options, name = 'q') => made(new Worker(name, processor, { connection, ...options }));
    const flow = () => made(new FlowProducer({ connection }));
    const happened = (emitter, event, count = 1) => new Promise((resolve) => { const seen = []; emitter.on(event, (...args) => { seen.push(args); if (seen.length === count) resolve(seen); }); });
    ${body}
    await Promise.all(open.map((thing) => thing.close()));`,
  );

describe.each([
  ['bullmq5', 'options'],
  ['bullmq5', 'a client'],
  ['bullmq6', 'options'],
  ['bullmq6', 'a client'],
])('%s, given %s', (bullmq, form) => {
  test('runs its jobs: results, failures with retries, priorities, counts', async () => {
    const result = await app(
      bullmq,
      form,
      `
      const { connect } = Redis.prototype;
      let connected = 0;
      Redis.prototype.connect = function (...args) { connected++; return connect.apply(this, args); };
      const q = queue();
      await q.waitUntilReady();
      await q.addBulk([3, 1, 2].map((priority) => ({ name: 'ranked', data: { n: priority, text: 'h\\u00e9\\u{1F600}' }, opts: { priority } })));
      await q.add('flaky', { n: 4 }, { attempts: 3, backoff: { type: 'fixed', delay: 10 }, priority: 9 });
      await q.add('broken', { n: 5 }, { priority: 10 });
      const order = [];
      const w = worker(async (job) => {
        order.push(job.data.n);
        if (job.name === 'flaky' && job.attemptsMade < 2) throw new Error('again');
        if (job.name === 'broken') throw new Error('for good');
        return { twice: job.data.n * 2, text: job.data.text };
      });
      const broken = happened(w, 'failed', 3);
      const done = await happened(w, 'completed', 4);
      await broken;
      const failed = await q.getFailed();
      report({
        isHawser: typeof Redis.RedisManager === 'function' && connected > 0,
        order, counts: await q.getJobCounts('completed', 'failed', 'wait', 'active', 'delayed'),
        values: done.map(([job]) => job.returnvalue), failed: failed.map((job) => [job.failedReason, job.attemptsMade]),
      });`,
    );
    const { order, ...rest } = result as { order: number[] };
    expect(order.slice(0, 3)).toEqual([1, 2, 3]);
    expect(order.slice(3).sort()).toEqual([4, 4, 4, 5]);
    expect(rest).toEqual({
      isHawser: true,
      counts: { completed: 4, failed: 1, wait: 0, active: 0, delayed: 0 },
      values: [{ twice: 2, text: 'hé😀' }, { twice: 4, text: 'hé😀' }, { twice: 6, text: 'hé😀' }, { twice: 8 }],
      failed: [['for good', 1]],
    });
  });

  test('runs delayed jobs in time and schedulers repeatedly', async () => {
    const result = await app(
      bullmq,
      form,
      `
      const q = queue();
      const added = Date.now();
      const seen = [];
      await q.add('late', {}, { delay: 300 });
      await q.add('soon', {}, { delay: 100 });
      await q.upsertJobScheduler('beat', { every: 150, limit: 3 }, { name: 'beat', data: { n: 1 } });
      await q.upsertJobScheduler('never', { pattern: '0 0 1 1 *', tz: 'UTC' }, { name: 'never' });
      const w = worker(async (job) => { seen.push([job.name, Date.now() - added]); });
      await until(() => seen.length >= 5);
      const schedulers = await q.getJobSchedulers();
      report({
        once: seen.filter(([name]) => name !== 'beat').map(([name]) => name),
        early: seen.filter(([name, ms]) => ms < { soon: 100, late: 300, beat: 0 }[name]),
        beats: seen.filter(([name]) => name === 'beat').length,
        schedulers: schedulers.map(({ key }) => key).filter((key) => key === 'never'),
        removed: [await q.removeJobScheduler('never'), await q.removeJobScheduler('never')],
      });`,
    );
    expect(result).toEqual({ once: ['soon', 'late'], early: [], beats: 3, schedulers: ['never'], removed: [true, false] });
  });

  test('runs a flow: the children first, and the parent gets their values', async () => {
    const result = await app(
      bullmq,
      form,
      `
      const e = events();
      await e.waitUntilReady();
      const w = worker(async (job) => {
        if (job.name !== 'sum') return job.data.n;
        return Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0);
      }, { concurrency: 5 });
      const f = flow();
      const trees = await f.addBulk([1, 10].map((n) => ({
        name: 'sum', queueName: 'q', children: [
          { name: 'leaf', queueName: 'q', data: { n } },
          { name: 'sum', queueName: 'q', children: [{ name: 'leaf', queueName: 'q', data: { n } }, { name: 'leaf', queueName: 'q', data: { n: 100 } }] },
        ],
      })));
      const values = await Promise.all(trees.map(({ job }) => job.waitUntilFinished(e, 10000)));
      const tree = await f.getFlow({ id: trees[0].job.id, queueName: 'q' });
      report({ values, children: tree.children.length, counts: await queue().getJobCounts('completed', 'waiting-children') });`,
    );
    expect(result).toEqual({ values: [102, 120], children: 2, counts: { completed: 10, 'waiting-children': 0 } });
  });

  test('reports by QueueEvents', async () => {
    const result = await app(
      bullmq,
      form,
      `
      const e = events();
      // It reads the events after its first XREAD.
      const admin = client();
      await until(async () => String(await admin.client('LIST')).includes('cmd=xread'));
      const seen = [];
      for (const name of ['waiting', 'active', 'progress', 'completed', 'failed', 'drained', 'delayed', 'removed']) e.on(name, ({ data, returnvalue, failedReason }) => seen.push([name, data ?? returnvalue ?? failedReason ?? null]));
      const q = queue();
      const w = worker(async (job) => { await job.updateProgress({ half: true }); if (job.name === 'bad') throw new Error('why not'); return [job.name]; });
      const good = await q.add('good', {});
      const value = await good.waitUntilFinished(e, 10000);
      const bad = await q.add('bad', {});
      const reason = await bad.waitUntilFinished(e, 10000).catch((error) => error.message);
      await bad.remove();
      await until(() => seen.some(([name]) => name === 'removed'));
      report({ value, reason, seen: seen.filter(([name]) => name !== 'drained') });`,
    );
    const progress = ['progress', { half: true }];
    expect(result).toEqual({
      value: ['good'],
      reason: 'why not',
      seen: [
        ...[['waiting', null], ['active', null], progress, ['completed', ['good']]],
        ...[['waiting', null], ['active', null], progress, ['failed', 'why not'], ['removed', null]],
      ],
    });
  });

  test.each([
    ['fork', false],
    ['thread', true],
  ])('runs a sandboxed processor in a %s', async (where, useWorkerThreads) => {
    const result = await app(
      bullmq,
      form,
      `
      const q = queue();
      const w = worker(${file('processors/shout.js')}, { useWorkerThreads: ${useWorkerThreads}, concurrency: 2 });
      const progress = [];
      w.on('progress', (job, value) => progress.push(value));
      const all = Promise.all([happened(w, 'completed', 3), happened(w, 'failed')]);
      await q.addBulk(['a', 'b', '', 'c'].map((text) => ({ name: 'shout', data: { text, port } })));
      const [completed, [[failed]]] = await all;
      const redis = shared ?? client();
      report({
        values: completed.map(([job]) => job.returnvalue).sort(), reason: failed.failedReason, progress,
        where: await redis.mget('shout:1', 'shout:4'), logs: (await q.getJobLogs('1')).logs,
      });`,
    );
    expect(result).toEqual({ values: ['A', 'B', 'C'], reason: 'nothing to shout', progress: [50, 50, 50, 50], where: [where, where], logs: ['shouting'] });
  });

  test('continues after its connections were cut, and closes a blocked worker at once', async () => {
    const result = await app(
      bullmq,
      form,
      `
      const q = queue();
      const e = events();
      await e.waitUntilReady();
      const w = worker(async (job) => job.data.n + 1);
      for (const thing of [q, e, w]) { thing.removeAllListeners('error'); thing.on('error', () => {}); }
      const admin = client();
      const values = [];
      for (let n = 0; n < 3; n++) {
        values.push(await (await q.add('job', { n })).waitUntilFinished(e, 10000));
        await until(async () => String(await admin.client('LIST')).includes('cmd=bzpopmin'));
        await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      }
      values.push(await (await q.add('job', { n: 3 })).waitUntilFinished(e, 10000));
      await until(async () => String(await admin.client('LIST')).includes('cmd=bzpopmin'));
      const before = Date.now();
      await w.close();
      report({ values, wasQuick: Date.now() - before < 2000 });`,
    );
    expect(result).toEqual({ values: [1, 2, 3, 4], wasQuick: true });
  });

  test('pauses, limits its rate, and removes jobs', async () => {
    const result = await app(
      bullmq,
      form,
      `
      const q = queue();
      await q.pause();
      await q.addBulk(Array.from({ length: 6 }, (_, n) => ({ name: 'n', data: { n } })));
      const times = [];
      const w = worker(async () => { times.push(Date.now()); }, { limiter: { max: 2, duration: 150 } });
      await w.waitUntilReady();
      const paused = [await q.isPaused(), times.length];
      const done = happened(w, 'completed', 6);
      await q.resume();
      await done;
      const spread = times.at(-1) - times[0];
      const cleaned = (await q.clean(0, 100, 'completed')).length;
      await q.add('late', {}, { delay: 100000 });
      await q.obliterate({ force: true });
      const left = await (shared ?? client()).keys('bull:q:*');
      report({ paused, isLimited: spread >= 200, cleaned, left: left.filter((key) => !/stalled|events|marker|limiter|meta/.test(key)) });`,
    );
    expect(result).toEqual({ paused: [true, 0], isLimited: true, cleaned: 6, left: [] });
  });
});

test('ES modules of bullmq5 and bullmq6 get the same client', async () => {
  const result = await application(
    context.server,
    `
    const seen = [];
    for (const name of ['bullmq5', 'bullmq6']) {
      const { Queue, Worker } = await import(name);
      const connection = client({ maxRetriesPerRequest: null });
      const q = new Queue(name, { connection });
      const w = new Worker(name, async (job) => job.data, { connection });
      await q.add('job', name);
      seen.push(await new Promise((resolve) => w.on('completed', (job) => resolve(job.returnvalue))));
      await w.close();
      await q.close();
    }
    report(seen);`,
  );
  expect(result).toEqual(['bullmq5', 'bullmq6']);
});
