/** The public workflows: what they name exists, and a release goes in the right order. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../helpers/process';

interface Step {
  run?: string;
  uses?: string;
  with?: Record<string, unknown>;
}
interface Job {
  uses?: string;
  needs?: string | string[];
  permissions?: Record<string, string>;
  if?: string;
  strategy?: { matrix: { include?: { platform: string }[]; command?: string[] } };
  steps?: Step[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  jobs: Record<string, Job>;
}

const FOLDER = path.join(ROOT, '.github', 'workflows');
const workflow = (name: string): Workflow => parse(readFileSync(path.join(FOLDER, name), 'utf8')) as Workflow;
const workflows = readdirSync(FOLDER).map((name) => [name, workflow(name)] as const);
const action = parse(readFileSync(path.join(ROOT, '.github', 'actions', 'smoke', 'action.yml'), 'utf8')) as { inputs: object; runs: { steps: Step[] } };
const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

const stepsOf = ({ jobs }: Workflow): Step[] => Object.values(jobs).flatMap(({ steps = [] }) => steps);
const needs = (job: Job): string[] => [job.needs ?? []].flat();

test.each(workflows)('%s runs what there is, and reads the repository alone', (_, one) => {
  const steps = [...stepsOf(one), ...action.runs.steps];
  const commands = [...steps.map(({ run = '' }) => run), ...Object.values(one.jobs).flatMap(({ strategy }) => strategy?.matrix.command ?? [])].join('\n');
  expect([...commands.matchAll(/\bnpm run (\S+)/g)].filter(([, name]) => !(name in scripts))).toEqual([]);
  expect([...commands.matchAll(/\b(?:node )?((?:scripts|\.ci)\/[\w./-]+)/g)].filter(([, file]) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  const local = [...steps, ...Object.values(one.jobs)].flatMap(({ uses }) => (uses?.startsWith('./') ? [uses] : []));
  expect(local.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
  // Others are named by a version.
  expect(steps.flatMap(({ uses }) => (uses === undefined || /^\.\/|@v\d+$/.test(uses) ? [] : [uses]))).toEqual([]);
  expect(one.permissions).toEqual({ contents: 'read' });
});

test.each(workflows)('the jobs that %s waits for exist, and workflows that it calls can be called', (_, { jobs }) => {
  expect(Object.values(jobs).flatMap(needs).filter((name) => !(name in jobs))).toEqual([]);
  for (const { uses } of Object.values(jobs)) if (uses !== undefined) expect(workflow(path.basename(uses)).on).toHaveProperty('workflow_call');
});

describe('a release', () => {
  const { jobs } = workflow('release.yml');
  const before = (name: string): Set<string> => new Set(needs(jobs[name]).flatMap((one) => [one, ...before(one)]));

  test('is published after its checks, its tests and the trial on every platform, and tried again afterwards', () => {
    expect([...before('publish')].sort()).toEqual(['build', 'check', 'pack', 'test', 'try', 'version']);
    expect(jobs.publish.if).toBe("github.ref_type == 'tag'");
    expect(before('try-published')).toContain('publish');
    expect(jobs['try-published'].strategy).toEqual(jobs.try.strategy);
  });

  test('one job alone may publish, and state where the packages come from', () => {
    expect(Object.entries(jobs).flatMap(([name, { permissions }]) => (permissions === undefined ? [] : [[name, permissions]]))).toEqual([['publish', { contents: 'read', 'id-token': 'write' }]]);
    expect(readFileSync(path.join(ROOT, 'scripts', 'release', 'publish.mjs'), 'utf8')).toContain("'--provenance'");
    expect(JSON.stringify(jobs['try-published'].steps)).toContain('--verify');
  });

  test('gives the smoke test what it asks for', () => {
    const given = [...stepsOf(workflow('release.yml'))].filter(({ uses }) => uses === './.github/actions/smoke').flatMap((step) => Object.keys(step.with ?? {}));
    expect(new Set(given)).toEqual(new Set(Object.keys(action.inputs)));
  });
});
