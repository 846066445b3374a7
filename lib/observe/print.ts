/* eslint-disable no-console -- printing is what it is for */
/** A callback that prints what it is called with: `Error: ...` or `Reply: ...`, as in ioredis. */
export function print(error?: Error | null, reply?: unknown): void {
  if (error) console.log(`Error: ${String(error)}`);
  else console.log(`Reply: ${String(reply)}`);
}
