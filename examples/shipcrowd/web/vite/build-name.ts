/** The name of a build: a hash of what decides about the form of the page's data. What another build has stored is dropped. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const WEB = new URL('../src/', import.meta.url);
const SERVER = new URL('../../server/', import.meta.url);
/** What the page shares with the server. */
const SHARED = ['types.ts', 'tags.ts', 'tiers.ts'];

export function buildName(): string {
  const own = readdirSync(WEB, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
  const files = [...own.sort().map((file) => new URL(file, WEB)), ...SHARED.map((file) => new URL(file, SERVER))];
  const digest = createHash('sha256');
  for (const file of files) digest.update(readFileSync(fileURLToPath(file)));
  return digest.digest('hex').slice(0, 16);
}
