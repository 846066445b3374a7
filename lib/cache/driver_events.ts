/** What the engine reports to the application. */
import { surface } from '../clock';
import type { Shortfall } from '../contract.generated';
import type { OpenLane } from './lanes';

export interface DriverEvents {
  /** An event of the engine. `repo` is 0 if it concerns all repositories. */
  event(repo: number, name: string, text: string): void;
  /** The engine has not done something so many times. `repo` is 0 if it concerns all repositories. */
  counted(repo: number, what: Shortfall, number: number): void;
  /** A compressed value was stored: how many bytes it has, and how many were stored for it. */
  packed?(repo: number, before: number, after: number): void;
  /** Reports an operation's letter and duration, if commands are monitored (`OpenCalls.areTimed`). */
  timed?(operation: string, ms: number): void;
  /** Opens a link for the near cache. Absent: there is none, and waits for loads of other processes are polled. */
  openLane?: OpenLane | undefined;
  /** Whether such a link is opened for waits as well. Absent: it is. */
  readonly watchesLoads?: boolean;
}

/** Calls the application's logger. An exception in it must not stop decisions. */
export function aside(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    surface(error);
  }
}
