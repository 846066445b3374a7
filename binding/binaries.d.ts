/** Types of binaries.js, which `scripts/setup/binaries.mjs` writes: one `require` of a literal path for each binary in this folder. */

/** The platforms for which there was a binary when the file was written. */
export const platforms: readonly string[];

/** What the binary for `platform` exports; undefined where there was none. Throws what `require` throws. */
export function requireBinary(platform: string): unknown;
