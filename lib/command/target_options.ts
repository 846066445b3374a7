/** The options of a client that its commands depend on. */
export interface TargetOptions {
  keyPrefix?: string | undefined;
  showFriendlyErrorStack?: boolean | undefined;
  enableAutoPipelining?: boolean | undefined;
  autoPipeliningIgnoredCommands?: string[] | undefined;
}
