/**
 * A Lua script that became a command. Its first use on a connection sends the source (EVAL), later ones the hash (EVALSHA). If the server
 * has lost the script (NOSCRIPT), the client sends the source again.
 */
import { createHash } from 'node:crypto';

export class Script {
  private hash: string | undefined = undefined;

  constructor(
    readonly lua: string,
    readonly numberOfKeys: number | undefined,
    readonly readOnly: boolean,
  ) {}

  /** SHA1 of the source. It is computed at first use, because clients define many scripts and use few. */
  get sha(): string {
    return (this.hash ??= createHash('sha1').update(this.lua).digest('hex'));
  }
}

const scripts = new Map<string, Script[]>();

/** Returns the process-wide `Script` for these values. */
export function scriptOf(lua: string, numberOfKeys: number | undefined, readOnly: boolean): Script {
  let variants = scripts.get(lua);
  if (variants === undefined) scripts.set(lua, (variants = []));
  let script = variants.find((variant) => variant.numberOfKeys === numberOfKeys && variant.readOnly === readOnly);
  if (script === undefined) variants.push((script = new Script(lua, numberOfKeys, readOnly)));
  return script;
}
