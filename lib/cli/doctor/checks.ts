/** What `hawser doctor` finds: one check, one line. */

/** `info`: worth knowing. `warning`: may do harm. `problem`: something does not work. */
export type Level = 'ok' | 'info' | 'warning' | 'problem';

export interface Check {
  readonly name: string;
  readonly level: Level;
  /** What was found and, unless it is fine, what to do. */
  readonly text: string;
  /** The server, where there are several. */
  readonly node?: string;
}

export const check = (name: string, level: Level, text: string, node?: string): Check => (node === undefined ? { name, level, text } : { name, level, text, node });

/** What `hawser doctor --json` prints. */
export interface DoctorJson {
  readonly schema: 'hawser.doctor/1';
  readonly server: string | null;
  readonly problems: number;
  readonly warnings: number;
  readonly checks: readonly Check[];
}
