/** `@opentelemetry/api`, which only this folder needs. The application installs it. */
import type * as Api from '@opentelemetry/api';
import { peer } from '../peer';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- only a call can be caught; written out, so that bundlers see it
export const { context, metrics, trace, SpanKind, SpanStatusCode } = peer('@opentelemetry/api', 'hawser/otel', () => require('@opentelemetry/api') as typeof Api);
