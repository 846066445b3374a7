/**
 * The instrumentation: an object as `registerInstrumentations` of `@opentelemetry/instrumentation` takes it. It patches nothing: clients and caches
 * tell the instrument that is in use.
 */
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { hearing, type Instrument } from '../observe/instrument';
import { metrics, trace } from './api';
import { inCallSpan, inLoadSpan, type CacheTools } from './cache';
import { followBatch, followCommand, type CommandTools } from './commands';
import type { HawserInstrumentationConfig } from './config';
import { observeMetrics } from './metrics';

const { version } = require('../../package.json') as { version: string };

const NAME = 'hawser/otel';

/** Bounds in seconds, as the database conventions ask for. */
const BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** OpenTelemetry spans and metrics of hawser's clients and caches, for `registerInstrumentations`. It patches nothing. */
export class HawserInstrumentation {
  readonly instrumentationName = NAME;
  readonly instrumentationVersion = version;
  private config: HawserInstrumentationConfig;
  private tracers: TracerProvider | undefined = undefined;
  private meters: MeterProvider | undefined = undefined;
  private instrument: Instrument | undefined = undefined;
  private stopMetrics: (() => void) | undefined = undefined;

  /** Begins at once, with the global providers, unless `enabled` is false. */
  constructor(config: HawserInstrumentationConfig = {}) {
    this.config = { enabled: true, ...config };
    if (this.config.enabled !== false) this.enable();
  }

  /** Begins, in the place of another instrumentation of hawser that has begun before. */
  enable(): void {
    this.disable();
    hearing.instrument?.replaced();
    const tools = this.tools();
    this.instrument = {
      call: (message, run) => inCallSpan(tools, message, run),
      load: (message, run) => inLoadSpan(tools, message, run),
      command: (facts, place) => followCommand(tools, facts, place),
      batch: (facts) => followBatch(tools, facts),
      replaced: () => this.disable(),
    };
    hearing.instrument = this.instrument;
    this.stopMetrics = observeMetrics((this.meters ?? metrics.getMeterProvider()).getMeter(NAME, version));
  }

  /** Stops. What is under way still ends its spans. */
  disable(): void {
    if (hearing.instrument === this.instrument) hearing.instrument = undefined;
    this.instrument = undefined;
    this.stopMetrics?.();
    this.stopMetrics = undefined;
  }

  /** Default: the global one. */
  setTracerProvider(provider: TracerProvider): void {
    this.tracers = provider;
    this.renew();
  }

  /** Default: the global one at the time of `enable`. */
  setMeterProvider(provider: MeterProvider): void {
    this.meters = provider;
    this.renew();
  }

  /** Replaces the options. `enabled` counts only for the constructor. */
  setConfig(config: HawserInstrumentationConfig): void {
    this.config = { enabled: true, ...config };
    this.renew();
  }

  /** The options as they are in force. */
  getConfig(): HawserInstrumentationConfig {
    return this.config;
  }

  private renew(): void {
    if (this.instrument !== undefined) this.enable();
  }

  private tools(): CommandTools & CacheTools {
    const meter = (this.meters ?? metrics.getMeterProvider()).getMeter(NAME, version);
    const histogram = (name: string, description: string) => meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: BOUNDS } });
    return {
      config: this.config,
      tracer: (this.tracers ?? trace.getTracerProvider()).getTracer(NAME, version),
      duration: histogram('db.client.operation.duration', 'Duration of database client operations.'),
      calls: histogram('hawser.cache.call.duration', 'Duration of calls of the cache.'),
      loads: histogram('hawser.cache.load.duration', 'Duration of loaders.'),
    };
  }
}

/** Makes spans and metrics of all clients and caches of the process. Call it when the SDK has started. */
export function registerHawserOtel(config: HawserInstrumentationConfig = {}): HawserInstrumentation {
  return new HawserInstrumentation(config);
}
