/** A short soak: `npm run soak` is the long one. */
import { runNode } from '../helpers/process';

test('fifteen seconds of traffic, cuts, moved slots, frozen nodes and failovers on every topology', async () => {
  const { code, stdout, stderr } = await runNode('__test__/soak/run.mjs', { args: ['--seconds', '15', '--pause', '10'], deadlineMs: 240_000 });
  expect({ code, stderr, verdict: /soak: .*/.exec(stdout.slice(-100))?.[0], stdout: code === 0 ? '' : stdout }).toEqual({ code: 0, stderr: '', verdict: 'soak: passed', stdout: '' });
  for (const place of ['standalone', 'sentinel', 'cluster']) expect(stdout).toMatch(new RegExp(`${place}: [1-9]\\d* operations, [1-9]\\d* messages`));
}, 260_000);

test('a few thousand operations of a cache with everything on', async () => {
  // Too few for the slope: caches are still filling.
  const args = ['--operations', '4000', '--samples', '8', '--only', 'standalone', '--bound', '100000'];
  const { code, stdout, stderr } = await runNode('__test__/soak/heap.mjs', { args, deadlineMs: 120_000 });
  expect({ code, stderr, stdout: code === 0 ? '' : stdout }).toEqual({ code: 0, stderr: '', stdout: '' });
  expect(stdout).toMatch(/standalone, seed \d+: 4\d{3} operations .*\n {2}reads {6}hits [1-9]\d*, from the near cache [1-9]\d*, misses [1-9]/);
}, 130_000);

test('the slope is that of the second half of the samples', async () => {
  const script = `
    import { slope } from './__test__/soak/slope.mjs';
    const growing = Array.from({ length: 20 }, (_, n) => ({ at: n * 30_000, bytes: n < 10 ? 1e9 : n * 51_200 }));
    console.log(slope(growing).toFixed(3), slope(growing.slice(0, 4)));
  `;
  expect((await runNode(script, { esm: true })).stdout).toBe('100.000 undefined\n');
});
