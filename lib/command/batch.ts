/** Receives the outcome of a pipeline's command by its index. */
export interface Batch {
  /** @internal The callers made no pipeline: each command has its own promise, whose rejection its caller must catch. */
  readonly isAutomatic?: true;
  /** @internal */ put(index: number, outcome: [Error | null, unknown?]): void;
}
