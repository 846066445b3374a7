/** Options of a driver. */
export interface DriverOptions {
  /** The application's clock for the store in this process, in milliseconds. */
  clock?: (() => number) | undefined;
  /** The bound of the parsed values in bytes; 0: there are none. As in the engine's settings. */
  parsedBytes?: number;
}
