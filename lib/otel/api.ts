/** `@opentelemetry/api`, which only this folder needs. The application installs it. */
import type * as Api from '@opentelemetry/api';

const NAME = '@opentelemetry/api';

function load(): typeof Api {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- only a call can be caught; written out, so that bundlers see it
    return require('@opentelemetry/api') as typeof Api;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'MODULE_NOT_FOUND' || !message.includes(NAME)) throw cause;
    throw Object.assign(new Error(`hawser/otel needs the package ${NAME}, which is not installed: run npm install ${NAME}`, { cause }), { code });
  }
}

export const { context, metrics, trace, SpanKind, SpanStatusCode } = load();
