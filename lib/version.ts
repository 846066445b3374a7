/** The version of hawser. Its packages with binaries have exactly the same one. */
export const VERSION = (require('../package.json') as { version: string }).version;
