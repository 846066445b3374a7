/** The files of a code base: bounded, each folder once, and what is left out is told. */
import { promises as fs, type Dirent } from 'node:fs';
import * as path from 'node:path';
import { messageOf } from '../exit_codes';

export interface FilesOptions {
  readonly maxFiles: number;
  readonly tests: boolean;
  readonly signal: AbortSignal;
  /** Called now and then with the number of files so far. */
  readonly onProgress: (files: number) => void;
}

export interface Files {
  /** Absolute paths, sorted. */
  readonly code: string[];
  readonly manifests: string[];
  readonly notes: { file: string | null; message: string }[];
}

/** How many entries of a folder are looked at without a word. */
const ENTRIES_PER_TURN = 1_000;

const SKIPPED = new Set(['node_modules', 'bower_components', 'dist', 'build', 'coverage']);
const CODE = /\.[cm]?[jt]sx?$/i;
const NO_CODE = /\.d\.[cm]?ts$|\.min\.[cm]?js$/i;
const TEST = /(^|\/)(__tests?__|__mocks__|tests?|specs?|e2e)\/|[._-](test|spec|e2e-spec|e2e)\.[cm]?[jt]sx?$/i;

/** Walks `root`. Folders named node_modules, dist, build or coverage, and those with a leading dot, are left out. */
export async function findFiles(root: string, { maxFiles, tests, signal, onProgress }: FilesOptions): Promise<Files> {
  const found: Files = { code: [], manifests: [], notes: [] };
  const seen = new Set<string>();
  const folders = [root];
  let testFiles = 0;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    signal.throwIfAborted();
    const entries = await entriesOf(folder, root, seen, found);
    for (const [at, entry] of entries.entries()) {
      if (at % ENTRIES_PER_TURN === 0) {
        signal.throwIfAborted();
        onProgress(found.code.length);
      }
      const file = path.join(folder, entry.name);
      const kind = await kindOf(entry, file);
      if (kind === 'folder') {
        if (!SKIPPED.has(entry.name) && !entry.name.startsWith('.')) folders.push(file);
      } else if (kind === 'file' && entry.name === 'package.json') {
        found.manifests.push(file);
      } else if (kind === 'file' && CODE.test(entry.name) && !NO_CODE.test(entry.name)) {
        if (!tests && TEST.test(relative(root, file))) testFiles++;
        else found.code.push(file);
      }
      if (found.code.length >= maxFiles) {
        found.notes.push({ file: null, message: `only the first ${maxFiles} files were looked at; --max-files sets the limit` });
        folders.length = 0;
        break;
      }
    }
    onProgress(found.code.length);
  }
  if (testFiles > 0) found.notes.push({ file: null, message: `${testFiles} test ${testFiles === 1 ? 'file was' : 'files were'} left out; --tests includes them` });
  found.code.sort();
  return found;
}

/** The entries of a folder that was not seen before, by name. */
async function entriesOf(folder: string, root: string, seen: Set<string>, found: Files): Promise<Dirent[]> {
  try {
    const real = await fs.realpath(folder);
    if (seen.has(real)) return [];
    seen.add(real);
    const entries = await fs.readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    found.notes.push({ file: relative(root, folder), message: `the folder cannot be read: ${messageOf(error)}` });
    return [];
  }
}

async function kindOf(entry: Dirent, file: string): Promise<'file' | 'folder' | 'other'> {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  if (!entry.isSymbolicLink()) return 'other';
  try {
    const target = await fs.stat(file);
    return target.isDirectory() ? 'folder' : target.isFile() ? 'file' : 'other';
  } catch {
    return 'other';
  }
}

/** A path from the audited folder, with `/`. */
export const relative = (root: string, file: string): string => path.relative(root, file).split(path.sep).join('/');

const MAX_BYTES = 2_000_000;
const BINARY_PREFIX = 8_192;

/** The text of a code file, or why there is none. */
export async function textOfFile(file: string): Promise<{ text: string } | { reason: string }> {
  try {
    const { size } = await fs.stat(file);
    if (size > MAX_BYTES) return { reason: `left out: larger than ${MAX_BYTES / 1e6} MB` };
    const bytes = await fs.readFile(file);
    const isWide = bytes.length >= 2 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff));
    if (!isWide && bytes.subarray(0, BINARY_PREFIX).includes(0)) return { reason: 'left out: a binary file' };
    if (!isWide) return { text: bytes.toString('utf8') };
    return { text: (bytes[0] === 0xff ? bytes : Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16()).toString('utf16le') };
  } catch (error) {
    return { reason: `cannot be read: ${messageOf(error)}` };
  }
}
