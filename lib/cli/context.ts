/** What a command may touch: folder, environment, streams, and the signal that the user wants to stop. */
import { EXIT } from './exit_codes';

export interface Context {
  /** Relative paths start here. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by the first SIGINT or SIGTERM. A command that takes long ends soon after it; the process ends anyway after a moment. */
  readonly signal: AbortSignal;
  /** Resolves when everything written so far has left the process. */
  flush(): Promise<void>;
}

/** How long a command may clean up after SIGINT. */
const GRACE_MS = 2_000;

/** The context of this process. Call it once. */
export function processContext(): Context {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort();
    setTimeout(() => process.exit(EXIT.interrupted), GRACE_MS).unref();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onStreamError);
  return {
    cwd: process.cwd(),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
    flush: async () => {
      await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((done) => stream.write('', () => done()))));
    },
  };
}

/** The reader has gone (`hawser audit | head`): nobody is left to tell. */
function onStreamError(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? EXIT.fine : EXIT.failure);
}
