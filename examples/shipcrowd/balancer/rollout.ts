/** The rollout's switch: restarts one instance with other flags, which is how a flag of the environment changes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { flagsOf, knowsOldCode, SERVICES } from '../server/flags';
import type { Instance } from './instance';

interface Wanted {
  REDIS_MANAGER_ENABLED?: unknown;
  services?: unknown;
}

export class Rollout {
  constructor(private readonly instances: readonly Instance[]) {}

  /** Whether the path was one of the balancer's own. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (!pathname.startsWith('/balancer/')) return false;
    const [, , resource, number, action] = pathname.split('/');
    const instance = this.instances.find((one) => String(one.number) === number);
    const route = `${request.method} ${action ?? (number === undefined ? '' : '?')}`;
    if (resource !== 'instances' || (number !== undefined && instance === undefined)) json(response, 404, failure('not_found', 'there is no such instance'));
    else if (instance === undefined) json(response, 200, this.instances.map(shown));
    else if (route === 'PUT flags') await this.change(instance, request, response);
    else if (route === 'POST kill') {
      instance.kill();
      json(response, 202, shown(instance));
    } else json(response, 404, failure('not_found', `${request.method} ${pathname} does not exist`));
    return true;
  }

  private async change(instance: Instance, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!(await this.may(request))) return json(response, 403, failure('forbidden', 'this needs the permission ops.rollout'));
    if (!knowsOldCode(instance.environment)) return json(response, 409, failure('no_old_code', 'the old code knows a single Redis server only'));
    const env = environmentOf(instance.environment, await bodyOf(request));
    if (env === undefined) return json(response, 400, failure('bad_request', `flags are true or false: REDIS_MANAGER_ENABLED, and services: ${SERVICES.join(', ')}`));
    void instance.restart(env);
    json(response, 202, shown(instance));
  }

  /** An instance knows who has sent the request. */
  private async may(request: IncomingMessage): Promise<boolean> {
    const up = this.instances.find(({ state }) => state === 'up');
    const authorization = request.headers.authorization;
    if (up === undefined || authorization === undefined) return false;
    const answer = await fetch(`http://127.0.0.1:${up.port}/api/auth/me`, { headers: { authorization } });
    if (!answer.ok) return false;
    const { permissions } = (await answer.json()) as { permissions: string[] };
    return permissions.includes('ops.rollout');
  }
}

/** `REDIS_MANAGER_ENABLED` sets all services; `services` are exceptions. Flags that are not named stay as they are. */
function environmentOf(env: NodeJS.ProcessEnv, { REDIS_MANAGER_ENABLED: all, services = {} }: Wanted): NodeJS.ProcessEnv | undefined {
  const changed = { ...env };
  if (typeof services !== 'object' || services === null || (all !== undefined && typeof all !== 'boolean')) return undefined;
  if (all !== undefined) {
    changed.REDIS_MANAGER_ENABLED = String(all);
    for (const name of SERVICES) delete changed[`REDIS_MANAGER_${name}`];
  }
  for (const [name, on] of Object.entries(services as Record<string, unknown>)) {
    if (!(SERVICES as readonly string[]).includes(name) || typeof on !== 'boolean') return undefined;
    changed[`REDIS_MANAGER_${name}`] = String(on);
  }
  return changed;
}

const shown = (instance: Instance) => {
  const { number, state, pid, requests, errors, environment } = instance;
  return { instance: number, state, flags: flagsOf(environment), pid: pid ?? null, requests, errors };
};

const failure = (code: string, message: string) => ({ error: { code, message } });

async function bodyOf(request: IncomingMessage): Promise<Wanted> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) if ((text += String(chunk)).length > 10_000) return { services: null };
  try {
    return (JSON.parse(text) as Wanted | null) ?? { services: null };
  } catch {
    return { services: null };
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
