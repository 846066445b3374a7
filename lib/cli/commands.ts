/** The commands by name. A command's file is loaded only when it runs, so that `hawser --help` needs no more than this list. */
import type { CliCommand } from './command';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ command: CliCommand }>;
}

/** In the order of `hawser --help`. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: 'tiers', summary: 'print the table of configured tiers', load: () => import('./tiers.js') },
];
