/** Asks for new credentials a little before those of a living connection expire, and has the connection take them over. */
import { clearTimeout, MAX_TIMER_MS, setTimeout } from '../clock';
import { lifeOf, type Credentials } from '../options/credentials';
import { askCredentials, type Asks } from './asks';

/** The last fifth of their life is left for the renewal, and at most this much. */
const LONGEST_MARGIN_MS = 60_000;
/** If they are said to be expired when they come, the next ones are asked for after this pause. */
const EXPIRED_PAUSE_MS = 1000;
const SHORTEST_PAUSE_MS = 50;

export interface RenewalEvents {
  onRenewed(credentials: Credentials): void;
  onError(error: Error): void;
  /** The pause after this many failures in a row, in ms. */
  retryDelay(failures: number): number;
}

export class Renewal {
  private timer: NodeJS.Timeout | undefined = undefined;
  private asks: Asks | undefined = undefined;
  private failures = 0;
  /** Changes with the connection, so that an answer for an earlier one is not taken for an answer for this one. */
  private epoch = 0;

  constructor(private readonly events: RenewalEvents) {}

  /** A connection is opened with these credentials. */
  start(asks: Asks, credentials: Credentials): void {
    this.stop();
    this.asks = asks;
    this.follow(credentials);
  }

  /** The connection is gone. */
  stop(): void {
    this.epoch++;
    this.failures = 0;
    this.asks = undefined;
    clearTimeout(this.timer);
  }

  /** The server has refused the last ones. */
  refused(error: Error): void {
    this.events.onError(error);
    if (this.asks !== undefined) this.askAgain();
  }

  private follow(credentials: Credentials): void {
    const life = lifeOf(credentials);
    clearTimeout(this.timer);
    if (life !== undefined) this.wait(pauseFor(life), 0);
  }

  private wait(ms: number, failures: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.failures = failures;
      this.ask();
    }, Math.min(Math.max(ms, SHORTEST_PAUSE_MS), MAX_TIMER_MS));
    this.timer.unref();
  }

  private ask(): void {
    const { asks, epoch } = this;
    if (asks?.credentials === undefined) return;
    askCredentials(asks.credentials, asks.limitMs).then(
      (credentials) => {
        if (this.epoch !== epoch) return;
        this.follow(credentials);
        this.events.onRenewed(credentials);
      },
      (error: Error) => {
        if (this.epoch !== epoch) return;
        this.askAgain();
        this.events.onError(error);
      },
    );
  }

  private askAgain(): void {
    const failures = this.failures + 1;
    this.wait(this.events.retryDelay(failures), failures);
  }
}

/** Clients whose credentials expire at the same time ask at different times. */
function pauseFor(life: number): number {
  if (life <= 0) return EXPIRED_PAUSE_MS;
  const margin = Math.min(life / 5, LONGEST_MARGIN_MS);
  return life - margin * (1 + Math.random() / 2);
}
