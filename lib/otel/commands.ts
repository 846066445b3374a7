/**
 * Commands as client spans and as durations, by the database conventions. Source: opentelemetry.io/docs/specs/semconv/db (redis, database-spans,
 * database-metrics).
 */
import type { Attributes, Context, Histogram, Span, Tracer } from '@opentelemetry/api';
import type { BatchFacts, CommandFacts, CommandFailure, CommandPlace, Followed } from '../observe/instrument';
import { maskedArguments } from '../observe/secrets';
import { context, SpanKind, SpanStatusCode, trace } from './api';
import { attempt, type HawserInstrumentationConfig } from './config';
import { failureAttributes } from './errors';

const now = performance.now.bind(performance);

/** Commands whose first argument names a script or a function. */
const STORED = new Set(['evalsha', 'evalsha_ro', 'fcall', 'fcall_ro']);

/** What makes spans of commands. */
export interface CommandTools {
  readonly tracer: Tracer;
  /** `db.client.operation.duration`. */
  readonly duration: Histogram;
  readonly config: HawserInstrumentationConfig;
}

export function followCommand(tools: CommandTools, facts: CommandFacts, place: (() => CommandPlace) | undefined): Followed {
  const { name, args } = facts;
  const only: Attributes = {};
  if (STORED.has(name.toLowerCase()) && args.length > 0) only['db.stored_procedure.name'] = String(args[0]);
  const text = textOf(tools, [facts]);
  if (text !== undefined) only['db.query.text'] = text;
  const one = new FollowedCommand(tools, name, only, false, place);
  return one;
}

export function followBatch(tools: CommandTools, facts: BatchFacts): Followed {
  const { mode, commands } = facts;
  const names = new Set(commands.map(({ name }) => name));
  const [first] = names;
  const only: Attributes = {};
  // Fewer than two are no batch, say the conventions.
  if (commands.length > 1) only['db.operation.batch.size'] = commands.length;
  const text = textOf(tools, commands);
  if (text !== undefined) only['db.query.text'] = text;
  return new FollowedCommand(tools, names.size === 1 ? `${mode} ${first}` : mode, only, true, undefined);
}

function textOf({ config }: CommandTools, commands: readonly CommandFacts[]): string | undefined {
  const { dbStatementSerializer: serialize } = config;
  if (serialize === undefined) return undefined;
  const texts = commands.map(({ name, args }) => attempt(() => serialize(name, maskedArguments(name, args) as readonly (string | Buffer)[])));
  const said = texts.filter((text) => typeof text === 'string');
  return said.length === 0 ? undefined : said.join('\n');
}

class FollowedCommand implements Followed {
  private readonly began = now();
  private readonly within: Context = context.active();
  /** What spans and metrics have in common. */
  private readonly common: Attributes;
  private readonly span: Span | undefined;
  private place: (() => CommandPlace) | undefined = undefined;
  /** Whether several servers had a part in it. */
  private isSpread = false;
  private isOver = false;

  constructor(
    private readonly tools: CommandTools,
    operation: string,
    only: Attributes,
    private readonly isBatch: boolean,
    place: (() => CommandPlace) | undefined,
  ) {
    this.common = { 'db.system.name': 'redis', 'db.operation.name': operation };
    if (place !== undefined) this.at(place);
    const { config, tracer } = tools;
    const isWanted = config.commands !== false && (config.requireParentSpan !== true || trace.getSpan(this.within) !== undefined);
    const attributes = { ...this.common, ...only, ...(place === undefined ? {} : serverOf(place())) };
    this.span = isWanted ? tracer.startSpan(operation, { kind: SpanKind.CLIENT, attributes }, this.within) : undefined;
  }

  at(place: () => CommandPlace): void {
    if (place === this.place) return;
    if (this.place !== undefined && this.isBatch) this.isSpread = true;
    this.place = place;
    // A later SELECT of the connection does not change where this command ran.
    this.common['db.namespace'] ??= String(place().database);
  }

  end(failure?: CommandFailure): void {
    if (this.isOver) return;
    this.isOver = true;
    const { span, common, within, tools } = this;
    const attributes: Attributes = { ...common };
    if (this.place !== undefined && !this.isSpread) Object.assign(attributes, serverOf(this.place()));
    if (failure !== undefined) Object.assign(attributes, failureAttributes(failure));
    tools.duration.record((now() - this.began) / 1000, attributes, span === undefined ? within : trace.setSpan(within, span));
    if (span === undefined) return;
    span.setAttributes(attributes);
    if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: String(attributes['error.type']) });
    span.end();
  }
}

function serverOf({ serverAddress, serverPort, peerAddress, peerPort }: CommandPlace): Attributes {
  const attributes: Attributes = { 'server.address': serverAddress, 'network.transport': serverPort === undefined ? 'unix' : 'tcp' };
  if (serverPort !== undefined) attributes['server.port'] = serverPort;
  if (peerAddress !== undefined) attributes['network.peer.address'] = peerAddress;
  if (peerPort !== undefined) attributes['network.peer.port'] = peerPort;
  return attributes;
}
