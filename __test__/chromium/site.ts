/** A site for the specs: the page, its data, and a stream of invalidations, behind a TCP proxy that cuts connections. */
import { build } from 'esbuild';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import type { Page } from 'playwright-core';
import type { InvalidationStream } from '../../lib/stream';
import { ROOT } from '../helpers/process';
import { Proxy } from '../helpers/proxy';
import { until } from '../helpers/until';
import type { App } from './app';

/** The peers at the lower end of their ranges, under the names that package.json gives them. */
const OLDEST = { '@tanstack/query-core': 'query-core-5.0', '@tanstack/query-persist-client-core': 'query-persist-5.0', 'idb-keyval': 'idb-keyval-6.0' };
export type Peers = 'oldest' | 'newest';

/** The page's program. `hawser/client` is the built package, as its `exports` have it for browsers. */
async function bundle(peers: Peers): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(__dirname, 'app.ts')],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
    alias: peers === 'oldest' ? OLDEST : {},
  });
  return outputFiles[0].text;
}

export class Site {
  /** Requests of each piece of data. */
  readonly fetches: Record<string, number> = {};
  /** Requests of the stream: the parameter and the header that say where to go on. */
  readonly resumes: { parameter: string | null; header: string | undefined }[] = [];

  private constructor(
    private readonly server: http.Server,
    readonly proxy: Proxy,
  ) {}

  static async start(peers: Peers, stream?: InvalidationStream): Promise<Site> {
    const script = await bundle(peers);
    const server = http.createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname === '/stream' && stream) {
        site.resumes.push({ parameter: searchParams.get('lastEventId'), header: request.headers['last-event-id'] as string | undefined });
        void stream(request, response);
      } else if (pathname.startsWith('/data/')) {
        const name = pathname.slice('/data/'.length);
        site.fetches[name] = (site.fetches[name] ?? 0) + 1;
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify({ n: site.fetches[name] }));
      } else if (pathname === '/app.js') {
        response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
      } else {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><link rel="icon" href="data:,"><script src="/app.js"></script>');
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const site = new Site(server, await Proxy.start({ port: (server.address() as AddressInfo).port }));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${this.proxy.port}/`;
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Runs a function with the page's `app`. The browser gets its source, so it knows nothing of its surroundings but `argument`. */
export function inPage<R, A = undefined>(page: Page, run: (app: App, argument: A) => R | Promise<R>, argument?: A): Promise<R> {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- runs in the page
  return page.evaluate(([source, given]) => (new Function(`return (${source})`)() as (app: unknown, given: unknown) => R)((globalThis as { app?: unknown }).app, given), [run.toString(), argument] as const);
}

/** Waits until the page has this data. */
export async function has(page: Page, name: string, n: number): Promise<void> {
  await until(async () => (await inPage(page, (app, key) => app.data(key)?.n, name)) === n, { deadlineMs: 20_000, everyMs: 20, what: `${name} ${n} in the page` });
}
