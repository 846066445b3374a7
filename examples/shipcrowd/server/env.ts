/** Environment variables as hawser reads its own: an empty one is not set, and a malformed one is an error that names it. */

type Env = NodeJS.ProcessEnv;

export const text = (name: string, env: Env = process.env): string | undefined => env[name]?.trim() || undefined;

export function number(name: string, otherwise: number, env: Env = process.env): number {
  const given = text(name, env);
  if (given === undefined) return otherwise;
  if (!/^\d+$/.test(given)) throw new Error(`${name} must be a whole number, got ${JSON.stringify(given)}`);
  return Number(given);
}

const FLAGS: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };

export function flag(name: string, otherwise: boolean, env: Env = process.env): boolean {
  const given = text(name, env)?.toLowerCase();
  if (given === undefined) return otherwise;
  if (!Object.hasOwn(FLAGS, given)) throw new Error(`${name} must be true, false, 1 or 0, got ${JSON.stringify(given)}`);
  return FLAGS[given];
}
