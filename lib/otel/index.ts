/// <reference types="node" preserve="true" />
/** `hawser/otel`: OpenTelemetry spans and metrics of commands and of the cache. Needs `@opentelemetry/api`. */
export { HawserInstrumentation, registerHawserOtel } from './instrumentation';
export type { HawserInstrumentationConfig, StatementSerializer } from './config';
