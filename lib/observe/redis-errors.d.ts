declare module 'redis-errors' {
  const errors: Record<'RedisError' | 'ReplyError' | 'AbortError' | 'ParserError' | 'InterruptError', new (message?: string) => Error>;
  export = errors;
}
