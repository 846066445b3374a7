// Runs the smoke test in a project that has hawser.

import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../setup/run.mjs';

const PROGRAM = fileURLToPath(new URL('program.mjs', import.meta.url));
const DEADLINE_MS = 10 * 60_000;

/** What is checked, in the order of the tables. */
export const CHECKS = ['client', 'pipeline', 'pub/sub', 'cache on Redis', 'cache on memory://', 'bus', 'workers', 'exit'];

/**
 * Runs the program on `url`, if there is a server, and on `memory://`. `command` starts a runtime: `['node']`. Resolves with what each
 * check said: `ok`, the reason of the failure, or `no server`.
 */
export async function smoke(command, project, url, env = {}) {
  copyFileSync(PROGRAM, path.join(project, 'smoke.mjs'));
  const [program, ...args] = command;
  const once = async (address) => {
    const { code, output, late } = await run(program, [...args, 'smoke.mjs'], { cwd: project, env: { ...env, REDIS_URL: address }, quiet: true, deadlineMs: DEADLINE_MS });
    const line = output.split('\n').findLast((text) => text.startsWith('{'));
    const seen = line === undefined ? {} : JSON.parse(line);
    const failed = Object.values(seen).some((result) => result !== 'ok');
    const exit = late ? 'it does not end' : line === undefined ? `it ended with ${code}: ${output}` : code === (failed ? 1 : 0) ? 'ok' : `it ended with ${code}`;
    return { ...seen, exit };
  };
  const memory = await once('memory://');
  const server = url === undefined ? undefined : await once(url);
  const both = (name) => [memory[name] ?? memory.exit, server?.[name] ?? server?.exit ?? 'ok'].find((result) => result !== 'ok') ?? 'ok';
  const onServer = (name) => (server === undefined ? 'no server' : (server[name] ?? server.exit));
  return {
    client: onServer('client'),
    pipeline: onServer('pipeline'),
    'pub/sub': onServer('pubSub'),
    'cache on Redis': onServer('cache'),
    'cache on memory://': memory.cache ?? memory.exit,
    bus: both('bus'),
    workers: both('workers'),
    exit: [both('exit'), both('close'), both('modules')].find((result) => result !== 'ok') ?? 'ok',
  };
}
