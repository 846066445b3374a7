/** The program `hawser` as its users start it. */
import { runNode, type NodeOptions, type NodeResult } from '../helpers/process';

/** Runs `hawser` with these arguments to its end. */
export function hawser(args: string[], options: Omit<NodeOptions, 'args'> = {}): Promise<NodeResult> {
  const main = require.resolve('../../dist/cli/main.js');
  return runNode(main, { deadlineMs: 60_000, ...options, args });
}

/** Runs it with `--json` and parses what it prints. */
export async function hawserJson<T = any>(args: string[], options: Omit<NodeOptions, 'args'> = {}): Promise<T> {
  const { stdout, stderr } = await hawser([...args, '--json'], options);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as T;
}
