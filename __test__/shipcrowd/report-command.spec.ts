/** `npm run example:report` in a reduced size: both versions of the backend, one after the other, with the same requests. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { runNode, type NodeResult } from '../helpers/process';
import type { ReportJson, Side } from '../../examples/shipcrowd/report/result';
import { installExample } from './stack';

const out = mkdtempSync(path.join(tmpdir(), 'hawser-report-'));
let ended: NodeResult;
let report: ReportJson;
let before: Side;
let after: Side;

beforeAll(async () => {
  const folder = await installExample();
  const args = ['--quick', '--only', 'traffic,space', '--requests', '100', '--out', out, '--json'];
  const env = { HAWSER_EXAMPLE_BUILD: 'no', DATA_FOLDER: path.join(folder, '.data') };
  ended = await runNode(path.join(folder, 'build', 'report', 'main.js'), { args, env, cwd: folder, deadlineMs: 300_000 });
  if (ended.code === null || ended.code > 1) throw new Error(ended.stderr);
  report = JSON.parse(ended.stdout) as ReportJson;
  if (report.failures.length > 0) throw new Error(JSON.stringify(report.failures));
  before = report.before!;
  after = report.after!;
}, 700_000);

afterAll(() => rmSync(out, { recursive: true, force: true }));

test('both versions get the same requests, and answer all of them', () => {
  expect(before.digest).toBe(after.digest);
  for (const { traffic } of [before, after]) {
    expect(traffic).toMatchObject({ requests: 100, failed: 0, refused: 0 });
    expect(Object.keys(traffic.instances)).toHaveLength(report.size.instances);
  }
});

test('connections: seven and more before; after, the manager\'s three at most, beside those of BullMQ and of browsers', () => {
  expect(before.connections.own).toBeGreaterThanOrEqual(7);
  const { 'hawser:stream': stream = 0, BullMQ: queues, ...managed } = after.connections.byName;
  expect(['hawser:main', 'hawser:publisher', 'hawser:subscriber']).toEqual(expect.arrayContaining(Object.keys(managed)));
  for (const count of [...Object.values(managed), stream]) expect(count).toBeLessThanOrEqual(1);
  expect(after.connections.own).toBeLessThanOrEqual(3);
  expect(queues).toBeGreaterThan(0);
});

test('the old code sends KEYS, the new code does not', () => {
  expect(before.usage.byCommand.keys).toBeGreaterThan(0);
  expect(after.usage.byCommand.keys ?? 0).toBe(0);
});

test('what the traffic costs is counted on both sides', () => {
  for (const { usage } of [before, after]) {
    expect(usage.queries).toBeGreaterThan(0);
    expect(usage.commands).toBeGreaterThan(0);
    expect(usage.redisCpu).toBeGreaterThan(0);
  }
});

test('the loads: no order is refused, and every list has all of them; a revoked permission is refused at once', () => {
  expect(after.creations).toMatchObject({ failed: 0, wrongLists: 0 });
  expect(after.checks.hitRate).toBeGreaterThan(90);
  // A busy machine may keep an instance from answering the balancer for a moment.
  for (const { failed, requests } of [after.checks, after.dashboards]) expect(failed / requests).toBeLessThan(0.05);
  expect(after.revocations.permittedLate).toBe(0);
});

test('memory is measured in both formats, and does not pass what 100,000 keys may take', () => {
  const { space } = report;
  expect(space!.beforeMb).toBeGreaterThan(0);
  expect(space!.afterMb).toBeGreaterThan(0);
  expect((space!.afterMb * 100_000) / space!.keys).toBeLessThan(500);
});

test('text, JSON and page are written, and the exit code says whether a target is missed', () => {
  const [text, json, html] = ['report.txt', 'report.json', 'report.html'].map((name) => readFileSync(path.join(out, name), 'utf8'));
  expect(JSON.parse(json)).toEqual(report);
  expect(text).toContain('Targets');
  expect(html).toContain('</svg>');
  const missed = report.verdicts.filter(({ met }) => met === false).length;
  expect(ended.code).toBe(missed > 0 ? 1 : 0);
  expect(text.match(/MISSED/g)?.length ?? 0).toBe(missed);
});
