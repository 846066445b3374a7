export default { error: (..._args: unknown[]) => undefined };
