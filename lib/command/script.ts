/**
 * A Lua script that became a command. The first use on a connection sends its source (EVAL), later ones its hash (EVALSHA); a server that
 * has forgotten it (NOSCRIPT) gets the source again.
 */
import { createHash } from 'node:crypto';

export class Script {
  private hash: string | undefined = undefined;

  constructor(
    readonly lua: string,
    readonly numberOfKeys: number | undefined,
    readonly readOnly: boolean,
  ) {}

  /** SHA1 of the source, computed at its first use: clients define scripts by the dozen and use a few. */
  get sha(): string {
    return (this.hash ??= createHash('sha1').update(this.lua).digest('hex'));
  }
}

const scripts = new Map<string, Script[]>();

/** One `Script` per source and number of keys in the process. */
export function scriptOf(lua: string, numberOfKeys: number | undefined, readOnly: boolean): Script {
  let variants = scripts.get(lua);
  if (variants === undefined) scripts.set(lua, (variants = []));
  let script = variants.find((variant) => variant.numberOfKeys === numberOfKeys && variant.readOnly === readOnly);
  if (script === undefined) variants.push((script = new Script(lua, numberOfKeys, readOnly)));
  return script;
}
