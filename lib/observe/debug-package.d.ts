declare module 'debug' {
  interface Debug {
    (format: string, ...args: unknown[]): void;
    readonly enabled: boolean;
  }
  function createDebug(namespace: string): Debug;
  export = createDebug;
}
