/**
 * The database's process. Without DATABASE_URL it is Postgres as WASM (PGlite) behind a socket. Generated data is kept as a template, so that the
 * second start is fast and begins with the same data. With DATABASE_URL, that server's database is filled if it is empty.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { number, text } from '../env';
import { FULL, generate, type Size } from './generate';
import { Database } from './pool';
import { INDEXES, TABLES } from './schema';
import { SocketServer } from './socket_server';

const size: Size = {
  companies: number('COMPANIES', FULL.companies),
  orders: number('ORDERS', FULL.orders),
  pincodes: number('PINCODES', FULL.pincodes),
  seed: number('SEED', FULL.seed),
};

const WEEK_MS = 7 * 86_400_000;

async function fill(url: string): Promise<void> {
  const db = new Database(url, 1);
  try {
    const [{ exists }] = await db.query<{ exists: boolean }>(`select to_regclass('job_effects') is not null as exists`);
    if (exists) return;
    const started = performance.now();
    // All or nothing: a database that was left half full would be taken for a full one.
    await db.query('begin');
    await db.query(TABLES);
    await generate(db, size);
    await db.query(INDEXES);
    await db.query('commit');
    console.log(`[database] ${size.orders} orders of ${size.companies} companies in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } finally {
    await db.close();
  }
}

async function serve(pglite: PGlite | Promise<PGlite>): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new SocketServer(pglite);
  const port = await server.listen();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    close: async () => {
      await server.close();
      await (await pglite).close();
    },
  };
}

/** A folder with the generated data, in a new place: what a run changes is gone with it. */
async function copyOfTemplate(): Promise<string> {
  // Times are relative to the week, and another program makes other data.
  const program = readdirSync(__dirname).filter((file) => file.endsWith('.js')).sort().map((file) => readFileSync(path.join(__dirname, file), 'utf8'));
  const name = createHash('sha256').update(JSON.stringify([size, program, Math.floor(Date.now() / WEEK_MS)])).digest('hex').slice(0, 16);
  const cache = text('DATA_FOLDER') ?? path.join(tmpdir(), 'shipcrowd-data');
  const template = path.join(cache, name);
  if (!existsSync(template)) {
    await mkdir(cache, { recursive: true });
    const fresh = await mkdtemp(path.join(cache, 'fresh-'));
    const database = await serve(await PGlite.create(fresh));
    await fill(database.url);
    await database.close();
    // Another process may have been faster.
    await rename(fresh, template).catch(() => rm(fresh, { recursive: true, force: true }));
  }
  const copy = await mkdtemp(path.join(tmpdir(), 'shipcrowd-run-'));
  copyFolder(template, copy);
  return copy;
}

/** A thousand files, for which `fs.cp` takes several times as long. */
function copyFolder(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [from, to].map((folder) => path.join(folder, entry.name));
    if (!entry.isDirectory()) copyFileSync(source, target);
    else {
      mkdirSync(target);
      copyFolder(source, target);
    }
  }
}

async function main(): Promise<void> {
  let end = async (): Promise<void> => undefined;
  const url = text('DATABASE_URL');
  if (url === undefined) {
    const folder = copyOfTemplate();
    const opened = folder.then((dataDir) => PGlite.create(dataDir));
    const database = await serve(opened);
    // Instances can start meanwhile; their first query waits.
    process.send?.({ url: database.url });
    await opened;
    end = async () => {
      await database.close();
      await rm(await folder, { recursive: true, force: true });
    };
  } else {
    await fill(url);
    process.send?.({ url });
  }
  const stop = (): void => {
    end().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('disconnect', stop);
  // The terminal's Ctrl-C reaches every process. The balancer ends this one when the instances have ended.
  process.on('SIGINT', () => undefined);
  // Keeps the process open if it only watches over a server.
  setInterval(() => undefined, 60_000);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
