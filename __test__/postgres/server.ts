/** A Postgres server with an empty database, on a free port of this machine, for as long as a spec runs. */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { freePort } from '../../examples/shipcrowd/report/servers';
import { runNode } from '../helpers/process';
import { until } from '../helpers/until';

export class PostgresServer {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(): Promise<PostgresServer> {
    const programs = await installed();
    const folder = mkdtempSync(path.join(tmpdir(), 'hawser-postgres-'));
    const user = unprivileged();
    if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
    execFileSync(path.join(programs, 'initdb'), ['-D', folder, '-U', 'postgres', '--auth', 'trust', '--no-sync', '--encoding', 'UTF8', '--locale', 'C'], { ...user, cwd: folder, stdio: 'pipe' });
    const port = await freePort();
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'].flatMap((setting) => ['-c', setting]);
    const child = spawn(path.join(programs, 'postgres'), ['-D', folder, '-p', String(port), ...settings], { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const server = new PostgresServer(`postgres://postgres@127.0.0.1:${port}/postgres`, child, folder);
    await until(() => {
      if (child.exitCode !== null) throw new Error(said);
      return said.includes('ready to accept connections');
    }, { deadlineMs: 60_000 });
    return server;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    // Without waiting for its clients.
    if (this.child.exitCode === null && this.child.kill('SIGINT')) await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The folder of the programs; they are installed if they are missing. */
async function installed(): Promise<string> {
  const { code, stdout, stderr } = await runNode('scripts/setup.mjs', { args: ['--postgres'], deadlineMs: 300_000 });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** Postgres does not run as root; Debian's package has a user for it. */
function unprivileged(): Pick<SpawnOptions, 'uid' | 'gid'> {
  if (process.getuid?.() !== 0) return {};
  const id = (what: string): number => Number(execFileSync('id', [what, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
