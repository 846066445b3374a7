/** What one place has done, and what went wrong there. */

/** Errors that cuts, frozen nodes and failovers may cause. Everything else fails the soak. */
const EXPECTED = new Set(['E_ABORTED', 'E_CONN_CLOSED', 'E_TIMEOUT', 'E_MAX_RETRIES', 'READONLY']);

export class Tally {
  operations = 0;
  received = 0;
  /** Messages that came a second time. */
  repeated = 0;
  readonly disturbances: Record<string, number> = {};
  readonly errors: Record<string, number> = {};
  /** Values that are wrong and counts that do not add up: how many, and the first ones in words. */
  readonly wrong = { count: 0, first: [] as string[] };
  /** Errors that nothing here explains. */
  readonly unexpected = { count: 0, first: [] as string[] };

  /** Counts an error by its code; for an error reply, by its first word. */
  failed(error: unknown, what: string): void {
    const code = codeOf(error);
    this.errors[code] = (this.errors[code] ?? 0) + 1;
    if (!EXPECTED.has(code)) this.isUnexpected(what, error);
  }

  isWrong(text: string): void {
    this.note(this.wrong, text);
  }

  isUnexpected(what: string, error: unknown): void {
    this.note(this.unexpected, `${what}: ${String(error)}`);
  }

  disturbed(name: string): void {
    this.disturbances[name] = (this.disturbances[name] ?? 0) + 1;
  }

  private note(list: { count: number; first: string[] }, text: string): void {
    if (++list.count <= 20) list.first.push(text);
  }
}

/** An error reply has no code that tells more than its text: its first word counts. */
function codeOf(error: unknown): string {
  const { code, name, message = String(error) } = error as { code?: string; name?: string; message?: string };
  if (name === 'ReplyError' || code === 'E_REPLY') return message.split(' ', 1)[0];
  return code ?? name ?? 'unknown';
}

/** True if the server may have run a command although it failed. */
export function mayHaveRun(error: unknown): boolean {
  return (error as { maybeExecuted?: boolean }).maybeExecuted === true;
}
