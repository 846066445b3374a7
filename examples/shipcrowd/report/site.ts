/** The backend as its clients see it: requests over HTTP with kept connections, and the time each of them took. */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { pause } from './wait';

export interface Answer<T = unknown> {
  /** 0: no answer came (refused, reset, or too late). */
  readonly status: number;
  readonly body: T;
  /** The instance that answered; 0 if none did. */
  readonly instance: number;
  readonly ms: number;
  readonly headers: IncomingHttpHeaders;
}

export interface Call {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  /** Asks the balancer for this instance. */
  readonly instance?: number;
  readonly deadlineMs?: number;
}

export interface Session {
  readonly token: string;
  readonly user: { id: string; name: string; email: string; role: string; companyId: string; permissions: string[] };
}

export interface InstanceState {
  readonly instance: number;
  readonly state: string;
  readonly flags: Record<string, unknown>;
  readonly pid: number;
  readonly requests: number;
  readonly errors: number;
}

export class Site {
  private readonly agent: Agent;

  constructor(
    readonly url: string,
    /** As many requests may be on their way at once; more wait. */
    connections = 64,
  ) {
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Never rejects: a request without an answer has the status 0. */
  async call<T = unknown>(path: string, call: Call = {}): Promise<Answer<T>> {
    const first = await this.send<T>(path, call);
    // A kept connection that its server closed just then says nothing about the backend.
    return first.isStaleSocket && (call.method ?? 'GET') === 'GET' ? this.send<T>(path, call) : first;
  }

  /** Like `call`, but rejects unless the answer is a success. A read waits for an instance that is not up at the moment. */
  async need<T>(path: string, call: Call = {}): Promise<T> {
    let answer = await this.call<T>(path, call);
    for (const end = performance.now() + PATIENCE_MS; isAbsent(answer) && (call.method ?? 'GET') === 'GET' && performance.now() < end; ) {
      await pause(50);
      answer = await this.call<T>(path, call);
    }
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${call.method ?? 'GET'} ${path} answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 300)}`);
    }
    return answer.body;
  }

  login(email: string): Promise<Session> {
    return this.need<Session>('/api/auth/login', { method: 'POST', body: { email } });
  }

  instances(): Promise<InstanceState[]> {
    return this.need<InstanceState[]>('/balancer/instances');
  }

  close(): void {
    this.agent.destroy();
  }

  private send<T>(path: string, { method = 'GET', token, body, instance, deadlineMs = 30_000 }: Call): Promise<Answer<T> & { isStaleSocket: boolean }> {
    const started = performance.now();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (instance !== undefined) headers['x-instance'] = String(instance);
    if (text !== undefined) Object.assign(headers, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) });
    return new Promise((resolve) => {
      const end = (status: number, content: unknown, headers: IncomingHttpHeaders = {}, isStaleSocket = false): void => {
        clearTimeout(timer);
        resolve({ status, body: content as T, instance: Number(headers['x-instance'] ?? 0), ms: performance.now() - started, headers, isStaleSocket });
      };
      const sent = httpRequest(new URL(path, this.url), { method, headers, agent: this.agent }, (response) => {
        let received = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (received += part));
        response.on('end', () => end(response.statusCode ?? 0, parsed(received), response.headers));
        response.on('error', (error) => end(0, { error: { message: error.message } }));
      });
      const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
      sent.on('error', (error: NodeJS.ErrnoException) => end(0, { error: { message: error.message } }, {}, sent.reusedSocket && error.code === 'ECONNRESET'));
      sent.end(text);
    });
  }
}

/** How long a busy machine may keep an instance from answering the balancer. */
const PATIENCE_MS = 60_000;

const isAbsent = ({ status, body }: Answer): boolean => (status === 502 || status === 503) && (body as { error?: { code?: string } } | null)?.error?.code === 'no_instance';

function parsed(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}
