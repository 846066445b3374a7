/** What a loader says about its result, in the form that crosses. */
export interface ResultOptions {
  readonly ttl: string;
  readonly keep: string;
  readonly fresh: string;
  readonly tags: readonly string[];
}
