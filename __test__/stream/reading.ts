/** A reader of server-sent events on a real socket, and servers that stream. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventParser, type ServerEvent } from '../../lib/browser/event_parser';
import type { InvalidationStream } from '../../lib/stream';
import { until } from '../helpers/until';

export class EventReader {
  readonly events: ServerEvent[] = [];
  status = 0;
  headers: http.IncomingHttpHeaders = {};
  body = '';
  isOver = false;
  private readonly request: http.ClientRequest;

  constructor(url: string, options: { headers?: Record<string, string>; method?: string } = {}) {
    const parser = new EventParser();
    this.request = http.request(url, { agent: false, ...options }, (response) => {
      this.status = response.statusCode ?? 0;
      this.headers = response.headers;
      response.setEncoding('utf8').on('data', (text: string) => {
        this.body += text;
        if (this.status === 200) this.events.push(...parser.push(text));
      });
      response.on('close', () => (this.isOver = true));
      response.on('error', () => undefined);
    });
    this.request.on('error', () => (this.isOver = true));
    this.request.end();
  }

  /** Waits until the server has confirmed the connection. */
  async ready(): Promise<this> {
    await until(() => this.events.some(({ type }) => type === 'ready'), { deadlineMs: 20_000, what: 'a stream that is ready' });
    return this;
  }

  /** The tags that have come, in order, and `reset:<reason>`. */
  get seen(): string[] {
    return this.events.flatMap(({ type, data }) => {
      const { tags, reason } = JSON.parse(data) as { tags?: string[]; reason?: string };
      return type === 'invalidate' ? (tags ?? []) : type === 'reset' ? [`reset:${reason}`] : [];
    });
  }

  get cursor(): string {
    return this.events[this.events.length - 1]?.id ?? '';
  }

  async sees(...names: string[]): Promise<void> {
    await until(() => names.every((name) => this.seen.includes(name)), { deadlineMs: 20_000, what: `events ${names.join(', ')}, not only ${this.seen.join(', ')}` });
  }

  async ends(): Promise<void> {
    await until(() => this.isOver, { deadlineMs: 20_000, what: 'the end of a stream' });
  }

  close(): void {
    this.request.destroy();
  }
}

const open: { stop(): void }[] = [];

/** Serves a handler, and ends it and its readers after the test. */
export async function serve(handler: http.RequestListener | InvalidationStream): Promise<string> {
  const server = http.createServer((request, response) => void handler(request as http.IncomingMessage & { req: never }, response as never));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ stop: () => void server.close().closeAllConnections() });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

export function reader(url: string, options?: ConstructorParameters<typeof EventReader>[1]): EventReader {
  const made = new EventReader(url, options);
  open.push({ stop: () => made.close() });
  return made;
}

afterEach(() => {
  for (const { stop } of open.splice(0).reverse()) stop();
});
