/** How much memory 100,000 keys take: real answers of the backend, as many of each kind as the traffic has. */
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import { Admin } from '../admin';
import { sum } from '../figures';
import { memory } from '../measure';
import type { Space } from '../result';
import { Server } from '../servers';
import { EXAMPLE } from '../stack';
import { keysOf, type Kind, type Step } from '../traffic';
import type { Target } from './loads';

interface Sample {
  kind: Kind;
  count: number;
  ttl: number;
  tags: string[];
  value: unknown;
}

/** Times to live in seconds, and tags. */
const TERMS: Partial<Record<Kind, { ttl: number; tags: string[] }>> = {
  zone: { ttl: 86_400, tags: ['ref:zones'] },
  quote: { ttl: 86_400, tags: ['ref:rates', 'ref:zones'] },
  list: { ttl: 300, tags: ['company:#:orders'] },
  detail: { ttl: 300, tags: [] },
  shipments: { ttl: 300, tags: ['company:#:shipments'] },
  dashboard: { ttl: 900, tags: ['company:#:analytics'] },
  permission: { ttl: 300, tags: ['user:#'] },
};

export async function spaceOf(target: Target, steps: readonly Step[], keys: number): Promise<Space> {
  const samples = await samplesOf(target, steps, keys);
  const server = await Server.start();
  try {
    const empty = await memory([server.port]);
    await fillPlain(server.port, samples);
    const beforeMb = (await memory([server.port])) - empty;
    await server.command('FLUSHALL');
    await fillRepositories(server.url, samples);
    const afterMb = (await memory([server.port])) - empty;
    return { keys: sum(samples.map(({ count }) => count)), beforeMb, afterMb, byKind: Object.fromEntries(samples.map(({ kind, count }) => [kind, count])) };
  } finally {
    await server.stop();
  }
}

async function samplesOf({ site, people }: Target, steps: readonly Step[], keys: number): Promise<Sample[]> {
  const distinct = keysOf(steps, people.facts);
  const all = sum(Object.values(distinct));
  const samples: Sample[] = [];
  for (const [kind, terms] of Object.entries(TERMS) as [Kind, { ttl: number; tags: string[] }][]) {
    const step = steps.find((one) => one.kind === kind);
    if (step === undefined) continue;
    const value = await site.need(step.path, { token: people.sellers[step.user].token });
    samples.push({ kind, count: Math.round((keys * (distinct[kind] ?? 0)) / all), value, ...terms });
  }
  return samples;
}

/** As the old code stores them: JSON under a key with a time to live. */
async function fillPlain(port: number, samples: readonly Sample[]): Promise<void> {
  const admin = await Admin.connect(port);
  for (const { kind, count, ttl, value } of samples) {
    const text = JSON.stringify(value);
    for (let from = 0; from < count; from += 500) {
      await Promise.all(Array.from({ length: Math.min(500, count - from) }, (_, index) => admin.command('SETEX', `${kind}:entry:${from + index}`, ttl, text)));
    }
  }
  admin.close();
}

/** As the new code stores them, by hawser itself in a process of its own. */
function fillRepositories(url: string, samples: readonly Sample[]): Promise<void> {
  const input = JSON.stringify(samples.map(({ kind, ...sample }) => ({ prefix: kind, ...sample })));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(EXAMPLE, 'report', 'programs', 'fill.mjs')], { env: { ...process.env, REDIS_URL: url }, stdio: ['pipe', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`fill ended with ${code}`))));
    child.stdin.end(input);
  });
}
