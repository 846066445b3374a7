/** Payloads that other threads pack or unpack, and the drivers that wait for them. */

/** The part of a driver that hears of them. */
interface Working {
  worked(all: boolean): void;
}

/** Drivers with payloads on other threads. Somebody waits for these, even if nobody holds the driver any more. */
export const working = new Set<Working>();

/** What the core calls. It does not hold the driver, which holds the core. */
export function workedFor(driver: WeakRef<Working>): () => void {
  return () => driver.deref()?.worked(false);
}
