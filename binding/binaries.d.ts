/** Types of binaries.js, which `scripts/setup/binaries.mjs` writes: one `require` of a literal path for each binary. */

/** The platforms for which there was a binary, or a package with one, when the file was written. */
export const platforms: readonly string[];

/** Those of them whose binary is in a package of its own: `hawser-linux-x64-gnu` ... npm installs the one that fits. */
export const packages: readonly string[];

/** What the binary for `platform` exports; undefined where there was none. Throws what `require` throws. */
export function requireBinary(platform: string): unknown;

/** The version of the package that has the binary for `platform`; undefined where there is none. Throws what `require` throws. */
export function packageVersion(platform: string): string | undefined;
