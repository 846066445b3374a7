/**
 * A relay in front of a server. Its connections can become black holes: bytes are dropped below TCP and not acknowledged, as when a cable
 * is pulled. It needs Linux and python3, because Node cannot set a socket filter.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import * as path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export class BlackHole {
  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly lines: Interface,
    readonly port: number,
  ) {}

  static async start(server: { port: number; host?: string }): Promise<BlackHole> {
    const script = path.join(__dirname, 'black_hole.py');
    const child = spawn('python3', [script, server.host ?? '127.0.0.1', String(server.port)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout);
    return new BlackHole(child, lines, Number(await nextLine(lines)));
  }

  /** From now on, nothing passes on the existing connections. Later connections work. */
  async swallow(): Promise<void> {
    const done = nextLine(this.lines);
    this.child.stdin.write('drop\n');
    await done;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}

function nextLine(lines: Interface): Promise<string> {
  return new Promise((resolve) => lines.once('line', resolve));
}
