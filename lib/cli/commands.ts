/** The commands by name. A command's file is loaded only when it runs, so that `hawser --help` needs no more than this list. */
import type { CliCommand } from './command';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ command: CliCommand }>;
}

/** In the order of `hawser --help`. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: 'audit', summary: 'find what a code base does with Redis, and plan its migration', load: () => import('./audit/command.js') },
  { name: 'compare', summary: 'put two snapshots side by side: connections, hit rates, latencies, memory', load: () => import('./compare/command.js') },
  { name: 'tiers', summary: 'print the table of configured tiers', load: () => import('./tiers.js') },
  { name: 'inspect', summary: 'show what a server is used for: connections, key patterns, dangerous commands', load: () => import('./inspect.js') },
  { name: 'monitor', summary: 'watch a server live, or capture what clients send', load: () => import('./monitor.js') },
  { name: 'doctor', summary: 'check process, server, rights, latency and policies', load: () => import('./doctor.js') },
  { name: 'explain', summary: 'show what is at a key of a repository, and why it is or is not served', load: () => import('./explain.js') },
  { name: 'tags', summary: 'list the tags of a repository', load: () => import('./tags.js') },
  { name: 'invalidate', summary: 'invalidate the entries of a repository that carry tags', load: () => import('./invalidate.js') },
  { name: 'clear', summary: 'make all entries of a repository unusable', load: () => import('./clear.js') },
  { name: 'warm', summary: 'run the warm-up tasks of a module', load: () => import('./warm.js') },
];
