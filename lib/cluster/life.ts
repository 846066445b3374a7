/**
 * The life of a cluster client: its status and events, connecting and closing, in the order and with the messages of ioredis. Where commands
 * go is the business of `Routing`.
 */
import type { EventEmitter } from 'node:events';
import { clearTimeout, nextTick, setImmediate, setTimeout, surface } from '../clock';
import { noop } from '../client/lifecycle';
import type { Callback } from '../command/callback';
import type { Command } from '../command/command';
import { CONNECTION_CLOSED_ERROR_MSG, RedisError } from '../observe/errors';
import { logCluster } from '../observe/debug';
import { silentEmit } from '../observe/silent_emit';
import type { Place } from '../observe/tracing';
import type { ClusterStatus, ResolvedClusterOptions } from '../options/cluster_options';
import { NO_STARTUP_NODE } from './errors';
import { checkPipeline } from './pipeline_keys';
import { Routing, type RoutingClient } from './routing';
import { resolveStartupNodes } from './startup';

/** The cluster. */
export interface Client extends Pick<EventEmitter, 'emit' | 'listenerCount'> {
  status: ClusterStatus;
  startupNodes: unknown;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  cluster(subcommand: 'INFO'): Promise<unknown>;
}

/** One call of `connect`. */
interface Attempt {
  resolve(): void;
  reject(error: Error): void;
  /** The start nodes are known and asked. */
  isStarted: boolean;
  /** The first map has arrived. */
  isConnected: boolean;
}

export class ClusterLife implements RoutingClient {
  readonly routing: Routing;
  /** The options whose changes are followed. */
  watched: ResolvedClusterOptions | undefined = undefined;
  isClosingByHand = false;
  /** Attempts since the cluster was last ready. */
  retryAttempts = 0;
  private attempt: Attempt | undefined = undefined;
  /** No node is left, or none was there: the status is about to be, or is, `close` or a later one. */
  private isDrained = true;
  /** The event `close` is on its way. */
  private isClosing = false;
  private retryTimer: NodeJS.Timeout | undefined = undefined;
  private refreshCallbacks: ((error?: Error) => void)[] = [];
  private untilReady: Callback[] = [];
  /** Why the cluster was closed, if it was not for want of nodes. */
  private reason: Error | undefined = undefined;

  constructor(
    readonly client: Client,
    public options: ResolvedClusterOptions,
  ) {
    this.routing = new Routing(this);
  }

  /** For tracing: a batch may go to several nodes. */
  place(): Place {
    const { host, port } = this.routing.anyNode()?.options ?? {};
    return { serverAddress: host ?? 'localhost', serverPort: port ?? 6379, database: 0 };
  }

  /** Checks the keys of a pipeline as soon as the nodes are known. */
  whenSendable(commands: readonly Command[]): Promise<void> | undefined {
    const problem = (): Error | undefined => checkPipeline(commands, (slot) => this.routing.router.shardOf[slot]);
    if (this.routing.hasMap) {
      const error = problem();
      return error === undefined ? undefined : Promise.reject(error);
    }
    if (this.client.status === 'wait') this.connectLazily();
    if (this.client.status === 'end') return undefined;
    return new Promise((resolve, reject) => {
      this.delayUntilReady((failure) => {
        const error = failure ?? problem();
        if (error) reject(error);
        else resolve();
      });
    });
  }

  get status(): ClusterStatus {
    return this.client.status;
  }

  emit(event: string, ...args: unknown[]): void {
    try {
      this.client.emit(event, ...args);
    } catch (thrown) {
      surface(thrown);
    }
  }

  setStatus(status: ClusterStatus, argument?: unknown): void {
    const { client } = this;
    logCluster('status: %s -> %s', client.status || '[empty]', status);
    client.status = status;
    nextTick(() => {
      try {
        client.emit(status, argument);
      } finally {
        // After the application's listeners, which may end the cluster.
        if (status === 'close') this.onClosed();
      }
    });
  }

  // ---- connecting

  /** Connects for a command of a lazy client. */
  connectLazily(): void {
    this.client.connect().catch(noop);
  }

  connect(): Promise<void> {
    const { status } = this.client;
    if (status === 'connecting' || status === 'connect' || status === 'ready') return Promise.reject(new Error('Redis is already connecting/connected'));
    this.stopRetrying();
    this.isClosingByHand = false;
    return new Promise((resolve, reject) => {
      const attempt: Attempt = { resolve, reject, isStarted: false, isConnected: false };
      this.attempt = attempt;
      this.setStatus('connecting');
      void this.start(attempt);
    });
  }

  private async start(attempt: Attempt): Promise<void> {
    const { client } = this;
    try {
      const nodes = await resolveStartupNodes(client.startupNodes, this.options);
      if (this.attempt !== attempt) throw new RedisError('Connection is discarded because a new connection is made');
      if (client.status !== 'connecting') throw new RedisError('Connection is aborted');
      this.isDrained = false;
      attempt.isStarted = true;
      this.routing.start(nodes);
    } catch (error) {
      attempt.reject(error as Error);
      if (this.attempt !== attempt) return;
      this.attempt = undefined;
      this.invokeUntilReady(error as Error);
      this.close(error as Error);
    }
  }

  /** Reads the map again. */
  refresh(callback?: (error?: Error) => void): void {
    if (this.isDrained) return void callback?.(new Error('Cluster is disconnected.'));
    if (callback !== undefined) this.refreshCallbacks.push(callback);
    this.routing.router.refresh();
  }

  private answerRefreshes(error?: Error): void {
    for (const callback of this.refreshCallbacks.splice(0)) {
      try {
        callback(error);
      } catch (thrown) {
        surface(thrown);
      }
    }
  }

  onRefreshFailed(error: Error): void {
    const { attempt } = this;
    this.answerRefreshes(error);
    const isFirst = attempt !== undefined && !attempt.isConnected;
    if (isFirst) this.silentEmit('error', error);
    // Later on, one node that is up is enough.
    if (isFirst || !this.routing.pool.isUp) this.closeNodes();
  }

  onRefreshed(): void {
    const { client, attempt } = this;
    this.emit('refresh');
    this.answerRefreshes();
    if (attempt === undefined || attempt.isConnected || client.status !== 'connecting') return;
    attempt.isConnected = true;
    this.invokeUntilReady(undefined);
    this.setStatus('connect');
    if (!this.options.enableReadyCheck) return this.onReady(attempt);
    client.cluster('INFO').then(
      (info) => {
        if (this.attempt !== attempt) return;
        if (/(^|\n)cluster_state:fail/.test(String(info))) this.onNotReady('fail');
        else this.onReady(attempt);
      },
      (error: Error) => {
        if (this.attempt === attempt) this.onNotReady(error);
      },
    );
  }

  private onNotReady(reason: unknown): void {
    logCluster('Ready check failed (%s). Reconnecting...', reason);
    if (this.client.status === 'connect') this.client.disconnect(true);
  }

  private onReady(attempt: Attempt): void {
    if (this.client.status !== 'connect') return;
    this.attempt = undefined;
    this.setStatus('ready');
    this.retryAttempts = 0;
    this.routing.sendWaiting();
    attempt.resolve();
  }

  /** Calls back when the first map has arrived, or with why there is none. */
  delayUntilReady(callback: Callback): void {
    this.untilReady.push(callback);
  }

  private invokeUntilReady(error: Error | undefined): void {
    for (const callback of this.untilReady.splice(0)) nextTick(callback, error);
  }

  // ---- closing

  disconnect(reconnect: boolean): void {
    const { status } = this.client;
    if (status === 'end') return;
    if (!reconnect) this.isClosingByHand = true;
    this.setStatus('disconnecting');
    this.stopRetrying();
    this.routing.stopSubscribers();
    if (status === 'wait') this.closeAtOnce();
    else if (!this.isClosing) this.closeNodes();
  }

  /** There is no connection whose end would have to be waited for. */
  private closeAtOnce(): void {
    this.setStatus('close');
    this.handleClose(undefined);
  }

  /** QUIT to all nodes. */
  async quit(): Promise<'OK'> {
    if (this.client.status === 'end') return 'OK';
    this.isClosingByHand = true;
    this.setStatus('disconnecting');
    this.stopRetrying();
    this.routing.stopSubscribers();
    const nodes = this.routing.pool.list();
    if (nodes.length === 0) {
      // The events come after `quit` has returned.
      setImmediate(() => this.closeNodes());
      return 'OK';
    }
    await Promise.all(
      nodes.map((node) =>
        node.quit().catch((error: Error) => {
          // That is what was asked for.
          if (error.message !== CONNECTION_CLOSED_ERROR_MSG) throw error;
        }),
      ),
    );
    // Not every server closes the connection then.
    if (this.client.status === 'disconnecting' && !this.isClosing) this.closeNodes();
    return 'OK';
  }

  private stopRetrying(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
  }

  /** Closes all connections. The status follows when the first one has ended. */
  private closeNodes(): void {
    const hasNodes = this.routing.pool.size > 0;
    this.routing.stop();
    if (!hasNodes) this.onDrained();
  }

  /** The last node has ended. */
  onDrained(): void {
    const { status } = this.client;
    // A node of a former connection may end late.
    if (this.isClosing || (this.isDrained && status !== 'wait' && status !== 'disconnecting')) return;
    this.routing.stop();
    this.close();
  }

  private close(reason?: Error): void {
    this.isDrained = this.isClosing = true;
    this.reason = reason;
    this.answerRefreshes(new Error('Cluster is disconnected.'));
    this.setStatus('close');
  }

  /** The application's listeners have heard of it. */
  private onClosed(): void {
    if (!this.isClosing) return;
    const { attempt, reason, client } = this;
    this.attempt = this.reason = undefined;
    this.isClosing = false;
    const error = attempt?.isStarted === false ? new RedisError('Connection is aborted') : new Error(NO_STARTUP_NODE);
    this.invokeUntilReady(error);
    attempt?.reject(error);
    // A listener may have connected again.
    if (client.status !== 'close' && client.status !== 'disconnecting') return;
    this.handleClose(reason);
  }

  /** Connects again after a while, if the strategy says so. */
  private handleClose(reason: Error | undefined): void {
    if (reason !== undefined) logCluster('closed because %s', reason);
    const delay = this.isClosingByHand ? undefined : this.askForDelay(reason);
    if (typeof delay !== 'number') {
      this.setStatus('end');
      this.routing.end(new Error(NO_STARTUP_NODE));
      return;
    }
    this.setStatus('reconnecting', delay);
    this.stopRetrying();
    this.retryTimer = setTimeout(() => {
      this.retryTimer = undefined;
      logCluster('Cluster is disconnected. Retrying after %dms', delay);
      this.client.connect().catch(noop);
    }, delay);
  }

  private askForDelay(reason: Error | undefined): unknown {
    const { clusterRetryStrategy } = this.options;
    if (typeof clusterRetryStrategy !== 'function') return undefined;
    try {
      return clusterRetryStrategy.call(this.client, ++this.retryAttempts, reason);
    } catch (thrown) {
      surface(thrown);
      return undefined;
    }
  }

  silentEmit(event: string, argument: unknown): boolean {
    return silentEmit(this.client, event, argument, this.isClosingByHand);
  }
}
