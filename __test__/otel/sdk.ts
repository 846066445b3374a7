/** OpenTelemetry's own SDK, in memory: what the instrumentation gives it. */
import { context, metrics, trace, type Span } from '@opentelemetry/api';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader, type DataPoint, type MetricData } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-node';

export class Sdk {
  private readonly exporter = new InMemorySpanExporter();
  readonly tracers = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.exporter)] });
  private readonly numbers = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  private readonly reader = new PeriodicExportingMetricReader({ exporter: this.numbers, exportIntervalMillis: 3_600_000 });
  readonly meters = new MeterProvider({ readers: [this.reader] });

  /** Makes it the SDK of this process, with the context manager for async functions. */
  constructor() {
    this.tracers.register();
    metrics.setGlobalMeterProvider(this.meters);
  }

  /** Spans that have ended, in the order of their starts. */
  spans(name?: string): ReadableSpan[] {
    const all = this.exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name);
    return [...all].sort((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1]);
  }

  reset(): void {
    this.exporter.reset();
  }

  /** Runs a function within a span of the application. */
  async within<T>(run: (span: Span) => Promise<T>): Promise<T> {
    const span = trace.getTracer('application').startSpan('application');
    try {
      return await context.with(trace.setSpan(context.active(), span), () => run(span));
    } finally {
      span.end();
    }
  }

  /** The metrics as they are now, by name. */
  async collect(): Promise<Map<string, MetricData>> {
    const { resourceMetrics, errors } = await this.reader.collect();
    if (errors.length > 0) throw new Error(String(errors[0]));
    return new Map(resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics.map((metric) => [metric.descriptor.name, metric] as const)));
  }

  /** The points of a metric with these attributes. */
  async points(name: string, attributes: Record<string, unknown> = {}): Promise<DataPoint<any>[]> {
    const points = ((await this.collect()).get(name)?.dataPoints ?? []) as DataPoint<any>[];
    return points.filter((point) => Object.entries(attributes).every(([key, value]) => point.attributes[key] === value));
  }

  async stop(): Promise<void> {
    await this.tracers.shutdown();
    await this.meters.shutdown();
    trace.disable();
    metrics.disable();
    context.disable();
  }
}

/** Whether `child` was begun within `parent`. */
export function isChildOf(child: ReadableSpan, parent: { spanContext(): { spanId: string; traceId: string } }): boolean {
  const { spanId, traceId } = parent.spanContext();
  return child.parentSpanContext?.spanId === spanId && child.spanContext().traceId === traceId;
}
